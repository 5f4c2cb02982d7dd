"""What a model is: one Protocol, its backends, the reading of specs and the fingerprint."""
