"""Runs as sides of a gate."""

from __future__ import annotations

from pathlib import Path

from introbench.gate.baseline import Baseline
from introbench.gate.decide import Candidate
from introbench.gate.outcomes import read_outcomes

__all__ = ["as_baseline", "as_candidate"]


def as_baseline(path: Path) -> Baseline:
    """A run as a baseline without history."""
    return Baseline(read_outcomes(path)[0], None, (), (), {})


def as_candidate(path: Path) -> Candidate:
    """A run as a candidate."""
    return Candidate(*read_outcomes(path))
