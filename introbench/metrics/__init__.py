"""What a run means: pure functions from cases, ledger and manifest to estimates. Imports no model code."""

from introbench.metrics.intervals import Estimate
from introbench.metrics.schema import Summary
from introbench.metrics.summary import dump, summarise

__all__ = ["Estimate", "Summary", "dump", "summarise"]
