"""Runs as sides of a gate, and verdicts with invented numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from introbench.gate.baseline import Baseline
from introbench.gate.decide import Candidate
from introbench.gate.outcomes import read_outcomes
from introbench.gate.verdict import GateResult, GateVerdict, Outcome, verdict_of

__all__ = ["as_baseline", "as_candidate", "invented_result", "invented_verdict"]


def as_baseline(path: Path) -> Baseline:
    """A run as a baseline without history."""
    return Baseline(read_outcomes(path)[0], None, (), (), {})


def as_candidate(path: Path) -> Candidate:
    """A run as a candidate."""
    return Candidate(*read_outcomes(path))


def invented_result(verdict: Outcome, **more: Any) -> GateResult:
    """What was found of a gate, with plausible numbers."""
    known: dict[str, Any] = {
        "task": "facts",
        "estimate": "exact_match",
        "against": "baseline",
        "worse": "down",
        "margin": 0.05,
        "floor": 0.02,
        "verdict": verdict,
        "baseline": 0.61,
        "candidate": 0.55,
        "change": None if verdict == "incomparable" else -0.06,
        "low": -0.1,
        "high": None,
        "p": 0.001,
        "p_holm": 0.004,
        "method": "cluster sign-flip",
        "detectable": 0.07,
        "items_for_margin": 410,
        "cases": 600,
        "items": 200,
        "clusters": 150,
        "detail": "facts: no" if verdict == "incomparable" else "",
    }
    return GateResult(**known | more)


def invented_verdict(gates: list[GateResult], *, strict: bool = False, **more: Any) -> GateVerdict:
    """All of them as one verdict."""
    return verdict_of(
        gates, alpha=0.05, family=len(gates), strict=strict, names=("baseline", "candidate"), coverage=[], **more
    )
