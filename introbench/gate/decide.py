"""From a baseline, a candidate and a configuration to the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from introbench.errors import UsageError
from introbench.gate.baseline import Baseline
from introbench.gate.change import change_of
from introbench.gate.config import GateConfig, Rule, changed_thresholds, rules_for
from introbench.gate.measures import MEASURES
from introbench.gate.outcomes import Outcomes
from introbench.gate.pairing import Pairing, pair_up, seen_of
from introbench.gate.rerun import check_noise
from introbench.gate.verdict import GateVerdict, Judged, Side, judge, verdict_of
from introbench.metrics.read import Run

__all__ = ["Candidate", "decide", "resolved_rules"]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """What is tested.

    Attributes:
        outcomes: of its cases.
        run: the run they come from, its cases in the same order.
    """

    outcomes: Outcomes
    run: Run


def decide(
    baseline: Baseline,
    candidate: Candidate,
    config: GateConfig,
    where: str,
    *,
    strict: bool = False,
    noise: bool = False,
    spent: float | None = None,
) -> GateVerdict:
    """Every gate against the rolling baseline and, where it is another run, against the pinned anchor.

    Args:
        where: what to call the configuration in messages.
        strict: "inconclusive" fails, whatever the configuration says.
        noise: refuse a margin that is under twice what the replicates show of rerun noise.
        spent: alpha of this look, where there are several; the configuration's where None.

    Raises UsageError where the configuration does not fit the baseline's tasks, or a margin is under the noise.
    """
    rules = resolved_rules(baseline.rolling, candidate, config, where)
    alpha = config.alpha if spent is None else spent
    sides: list[tuple[Side, Outcomes]] = [("baseline", baseline.rolling)]
    if baseline.anchor is not None:
        sides.append(("anchor", baseline.anchor))
    judged: list[Judged] = []
    reasons: list[str] = []
    notes = (
        [f"threshold changed: {words}" for words in changed_thresholds(baseline.rules, rules)] if baseline.rules else []
    )
    pairings: list[Pairing] = []
    for side, outcomes in sides:
        pairing = pair_up(
            outcomes,
            candidate.outcomes,
            candidate.run,
            max_missing=config.max_missing,
            other_classes=config.other_classes,
        )
        pairings.append(pairing)
        reasons += pairing.reasons
        notes += [words if side == "baseline" else f"anchor: {words}" for words in pairing.notes]
        judged += [_judged(rule, side, pairing) for rule in rules]
        if noise:
            notes += check_noise(rules, pairing, where)
    results, family = judge(judged, alpha)
    return verdict_of(
        results,
        alpha=alpha,
        family=family,
        strict=strict or config.strict,
        names=(baseline.rolling.where, candidate.outcomes.where),
        coverage=[pair.coverage for pair in pairings[0].tasks.values()],
        reasons=list(dict.fromkeys(reasons)),
        notes=list(dict.fromkeys(notes)),
    )


def resolved_rules(baseline: Outcomes, candidate: Candidate, config: GateConfig, where: str) -> list[Rule]:
    """The gates on the baseline's tasks. Raises UsageError where one applies to nothing."""
    tasks = {task.name: seen_of(candidate.outcomes, candidate.run, task.name) for task in baseline.facts.tasks}
    references = [model.name for model in baseline.facts.references]
    free = candidate.outcomes.facts.asked.get("explanations") == "free"
    return rules_for(config, tasks, references, free, where)


def _judged(rule: Rule, side: Side, pairing: Pairing) -> Judged:
    pair = pairing.tasks.get(rule.task)
    reasons: Sequence[str] = pairing.reasons
    if pair is None:
        reasons = [*reasons, f"{rule.task}: the {side} does not hold this task"]
    else:
        reasons = [*reasons, *pair.reasons]
    if reasons or pair is None:
        return Judged(rule, side, None, reasons[0])
    measure = MEASURES[rule.estimate]
    one, other = pair.seen(rule.reference)
    if measure.needs == "reference" and (one.reference is None or other.reference is None):
        return Judged(rule, side, None, "the reference is not the same model on both sides")
    if lacking := measure.lacking(other, referenced=True):
        raise UsageError(f"{rule.estimate} on {rule.task}: {lacking}")
    return Judged(rule, side, change_of(measure, one, other))
