"""The verdict: the one place where it is computed. Text, JSON, JUnit, summary and exit code all render what is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from introbench.gate.change import Change, critical, detectable_harm, items_for
from introbench.gate.config import Rule
from introbench.gate.pairing import Coverage
from introbench.metrics.frozen import Frozen
from introbench.metrics.significance import TestMethod, holm

__all__ = ["EXIT_CODES", "GateResult", "GateVerdict", "Judged", "Outcome", "Side", "judge", "verdict_of"]

Outcome = Literal["ok", "regression", "inconclusive", "incomparable"]
Side = Literal["baseline", "anchor"]
"""What the candidate is set against: the rolling baseline, or the pinned anchor."""

EXIT_CODES: dict[Outcome, int] = {"ok": 0, "regression": 1, "inconclusive": 0, "incomparable": 3}
"""How the command ends; with --strict, "inconclusive" ends with 1."""

ORDER: tuple[Outcome, ...] = ("regression", "incomparable", "inconclusive", "ok")
"""The first of these that any gate has is the verdict in all."""


ROUNDING = 1e-9
"""What reaches a floor but for the last digits of a float reaches it."""


class GateResult(Frozen):
    """What was found of one gate."""

    task: str
    """Name of the task."""
    estimate: str
    """What is watched."""
    against: Side
    """Set against the rolling baseline or the pinned anchor."""
    worse: Literal["down", "up", "both"]
    """Which way of moving harms."""
    margin: float
    """A harm of this size or more must be ruled out for "ok"."""
    floor: float
    """A harm under this size is no regression."""
    verdict: Outcome
    """What follows."""
    baseline: float | None
    """The estimate of the baseline on the paired cases."""
    candidate: float | None
    """The same of the candidate."""
    change: float | None
    """Candidate − baseline."""
    low: float | None
    """Simultaneous lower bound of the change, one-sided; null where a fall does no harm."""
    high: float | None
    """Simultaneous upper bound of the change, one-sided; null where a rise does no harm."""
    p: float | None
    """One-sided p of the harm, the smaller one where both ways harm."""
    p_holm: float | None
    """The same after Holm's correction over all gates and ways."""
    method: TestMethod
    """How p was found."""
    detectable: float | None
    """Smallest true harm that would be called a regression with 80 % power."""
    items_for_margin: int | None
    """About how many items would show a harm of the margin's size."""
    cases: int
    """Cases that it rests on."""
    items: int
    """Items among them."""
    clusters: int
    """Clusters among them."""
    detail: str
    """Why it is incomparable or cannot be ruled out; else empty."""


class GateVerdict(Frozen):
    """The verdict of all gates."""

    schema_version: Literal[1] = 1
    """Version of this layout."""
    verdict: Outcome
    """In all: the first of regression, incomparable, inconclusive, ok that any gate has."""
    exit_code: int
    """How the command ends."""
    strict: bool
    """Whether "inconclusive" fails."""
    alpha: float
    """Chance of any false alarm over all gates; also that of any false "ok"."""
    family: int
    """Number of one-sided hypotheses that alpha is shared by."""
    baseline: str
    """What the candidate was set against."""
    candidate: str
    """What was tested."""
    gates: list[GateResult]
    """Every gate."""
    coverage: list[Coverage]
    """Every task of the baseline."""
    reasons: list[str]
    """Why nothing at all could be compared; empty where something could."""
    notes: list[str]
    """What else has to be known: changed thresholds, cases left out, other engines."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A gate with what was measured of it.

    Attributes:
        rule: the gate.
        against: what the candidate was set against.
        change: what was measured; None where nothing could be.
        reason: why it is incomparable; else empty.
    """

    rule: Rule
    against: Side
    change: Change | None
    reason: str = ""


def judge(gates: Sequence[Judged], alpha: float) -> tuple[list[GateResult], int]:
    """Every gate's result, and the number of hypotheses that alpha was shared by.

    Every harmful way of every gate is a one-sided hypothesis. First: a regression, where Holm's adjusted p is under
    alpha and the estimated harm reaches the floor; false alarms have a chance of at most alpha over the whole family.
    Then "ok", where the simultaneous bound of the harm (Bonferroni, alpha over the family) is under the margin; a harm
    of the margin's size passes as "ok" with a chance of at most alpha. What is neither is inconclusive.
    """
    hypotheses = [
        (place, way, p)
        for place, gate in enumerate(gates)
        if gate.change is not None and not gate.reason
        for way in _ways(gate.rule)
        if (p := gate.change.p_fell if way < 0 else gate.change.p_rose) is not None
    ]
    adjusted = holm([p for *_, p in hypotheses])
    family = max(len(hypotheses), 1)
    results = []
    for place, gate in enumerate(gates):
        found = {
            way: (p, q) for (at, way, p), q in zip(hypotheses, adjusted, strict=True) if at == place and q is not None
        }
        results.append(_result(gate, found, alpha, family))
    return results, len(hypotheses)


def _ways(rule: Rule) -> tuple[int, ...]:
    """Signs of the changes that harm."""
    return {"down": (-1,), "up": (1,), "both": (-1, 1)}[rule.worse]


def _result(gate: Judged, found: dict[int, tuple[float, float]], alpha: float, family: int) -> GateResult:
    rule, change = gate.rule, gate.change
    if gate.reason or change is None or not found:
        reason = gate.reason or (change.detail if change else "")
        return _filled(gate, "incomparable", found, {}, None, None, reason or "nothing can be estimated")
    level = alpha / family
    reach = critical(level, change.clusters) * change.error
    bounds = {way: change.change + way * reach for way in found}
    exact = change.method in ("exact McNemar", "cluster sign-flip")
    detectable = detectable_harm(change.error, change.clusters, level, rule.floor)
    items = items_for(rule.margin, change, level, rule.floor)
    harmed = [way for way, (_, q) in found.items() if q < alpha and way * change.change >= rule.floor - ROUNDING]
    if harmed and (exact or not change.few):
        return _filled(gate, "regression", found, bounds, detectable, items, "")
    ruled_out = all(way * bound < rule.margin for way, bound in bounds.items())
    if ruled_out and not change.few:
        return _filled(gate, "ok", found, bounds, detectable, items, "")
    return _filled(gate, "inconclusive", found, bounds, detectable, items, change.few)


def _filled(
    gate: Judged,
    verdict: Outcome,
    found: dict[int, tuple[float, float]],
    bounds: dict[int, float],
    detectable: float | None,
    items: int | None,
    detail: str,
) -> GateResult:
    rule, change = gate.rule, gate.change
    known = change is not None and change.baseline is not None and change.candidate is not None
    smallest = min(found.values(), default=None)
    return GateResult(
        task=rule.task,
        estimate=rule.estimate,
        against=gate.against,
        worse=rule.worse,
        margin=rule.margin,
        floor=rule.floor,
        verdict=verdict,
        baseline=change.baseline if change else None,
        candidate=change.candidate if change else None,
        change=change.change if change and known else None,
        low=bounds.get(-1),
        high=bounds.get(1),
        p=smallest[0] if smallest else None,
        p_holm=smallest[1] if smallest else None,
        method=change.method if change else "none",
        detectable=detectable,
        items_for_margin=items,
        cases=change.cases if change else 0,
        items=change.items if change else 0,
        clusters=change.clusters if change else 0,
        detail=detail,
    )


def verdict_of(
    results: Sequence[GateResult],
    *,
    alpha: float,
    family: int,
    strict: bool,
    names: tuple[str, str],
    coverage: Sequence[Coverage],
    reasons: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> GateVerdict:
    """All gates as one verdict.

    Args:
        names: what to call baseline and candidate.
        reasons: why nothing at all can be compared.
    """
    found = {result.verdict for result in results} | ({"incomparable"} if reasons or not results else set())
    verdict = next(outcome for outcome in ORDER if outcome in found)
    code = 1 if strict and verdict == "inconclusive" else EXIT_CODES[verdict]
    return GateVerdict(
        verdict=verdict,
        exit_code=code,
        strict=strict,
        alpha=alpha,
        family=family,
        baseline=names[0],
        candidate=names[1],
        gates=list(results),
        coverage=list(coverage),
        reasons=list(reasons),
        notes=list(notes),
    )
