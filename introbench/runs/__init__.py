"""What happened: the plan, the append-only ledger, the manifest, the run directory, and resuming."""
