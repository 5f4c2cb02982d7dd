"""What is said of all tasks of a run together: families of tests, and pooled estimates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from introbench.metrics.headline import AboveFloor
from introbench.metrics.intervals import Estimate
from introbench.metrics.pooled import Pooled, pool
from introbench.metrics.schema import (
    EmitterSummary,
    PairSummary,
    PooledEmitter,
    PooledPair,
    PooledSummary,
    TaskSummary,
)
from introbench.metrics.significance import with_holm

__all__ = ["as_families", "pooled_of"]


def as_families(tasks: Sequence[TaskSummary]) -> list[TaskSummary]:
    """The same with Holm's correction: one score of one model above its floor, on every task, is one family."""
    found = [list(task.emitters) for task in tasks]
    for place in range(len(found[0]) if found else 0):
        headlines = [emitters[place].headline for emitters in found]
        exact = _corrected([headline.exact_match for headline in headlines])
        youden_j = _corrected([headline.youden_j for headline in headlines])
        for emitters, headline, *parts in zip(found, headlines, exact, youden_j, strict=True):
            new = headline.model_copy(update={"exact_match": parts[0], "youden_j": parts[1]})
            emitters[place] = emitters[place].model_copy(update={"headline": new})
    return [task.model_copy(update={"emitters": emitters}) for task, emitters in zip(tasks, found, strict=True)]


def _corrected(parts: Sequence[AboveFloor]) -> list[AboveFloor]:
    tests = with_holm([part.test for part in parts])
    return [part.model_copy(update={"test": test}) for part, test in zip(parts, tests, strict=True)]


def pooled_of(tasks: Sequence[TaskSummary]) -> PooledSummary:
    """Every emitter and every pair over all tasks, which all have the same models."""
    return PooledSummary(
        emitters=[_emitter(tasks, place) for place in range(len(tasks[0].emitters))],
        pairs=[_pair(tasks, place) for place in range(len(tasks[0].pairs))],
    )


def _emitter(tasks: Sequence[TaskSummary], place: int) -> PooledEmitter:
    def over(estimate: Callable[[EmitterSummary], Estimate]) -> Pooled:
        return pool({task.name: estimate(task.emitters[place]) for task in tasks})

    return PooledEmitter(
        model=tasks[0].emitters[place].model,
        exact_match=over(lambda each: each.self_scores.exact_match),
        youden_j=over(lambda each: each.self_scores.youden_j),
        balanced_accuracy=over(lambda each: each.self_scores.balanced_accuracy),
        content_on_changed=over(lambda each: each.self_scores.content_on_changed),
        exact_match_above_floor=over(lambda each: each.headline.exact_match.above),
        youden_j_above_floor=over(lambda each: each.headline.youden_j.above),
    )


def _pair(tasks: Sequence[TaskSummary], place: int) -> PooledPair:
    def over(estimate: Callable[[PairSummary], Estimate]) -> Pooled:
        return pool({task.name: estimate(task.pairs[place]) for task in tasks})

    return PooledPair(
        emitter=tasks[0].pairs[place].emitter,
        reference=tasks[0].pairs[place].reference,
        gap=over(lambda each: each.exact.gap),
        centred_coupling=over(lambda each: each.exact.centred_coupling),
        centred_coupling_of_verdict=over(lambda each: each.verdict.centred_coupling),
    )
