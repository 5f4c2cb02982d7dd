"""Estimates pooled over the tasks of a run, each task with the same weight."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from introbench.metrics.frozen import Frozen
from introbench.metrics.intervals import Estimate, finished, not_estimable

__all__ = ["Pooled", "pool"]


class Pooled(Frozen):
    """A weighted mean of one estimate over tasks."""

    estimate: Estimate
    """The weighted mean; n is the number of cases of all tasks, clusters that of the task with the fewest."""
    weights: dict[str, float]
    """By task, its weight; they add up to 1."""
    left_out: list[str]
    """Tasks on which there is nothing to estimate. They have no weight."""


def pool(parts: Mapping[str, Estimate]) -> Pooled:
    """The mean over tasks, every task with the same weight, whatever its number of cases.

    The limits are recovered from those of the parts (MOVER, Zou & Donner 2008). Tasks are independent of each other,
    but variants of one task ("NAME?k=4") share their items: their distances are added up as if they moved together,
    which is the widest that their correlation can make the interval.

    Args:
        parts: by task, the estimate there.
    """
    known = {task: part for task, part in parts.items() if part.value is not None}
    left_out = [task for task in parts if task not in known]
    if not known:
        return Pooled(estimate=not_estimable("on no task"), weights={}, left_out=left_out)
    weight = 1 / len(known)
    value = math.fsum(weight * (part.value or 0.0) for part in known.values())
    low, high = (_distance(known, weight, end) for end in ("low", "high"))
    fewest = min(part.clusters for part in known.values())
    few = [task for task, part in known.items() if part.status == "too few"]
    estimate = finished(
        value,
        value - low,
        value + high,
        "mover",
        sum(part.n for part in known.values()),
        fewest,
        f"too few clusters on {', '.join(few)}" if few else "",
    )
    return Pooled(estimate=estimate, weights=dict.fromkeys(known, weight), left_out=left_out)


def _distance(parts: Mapping[str, Estimate], weight: float, end: str) -> float:
    """How far one limit lies from the mean; NaN where a part has no interval."""
    groups: dict[str, list[float]] = {}
    for task, part in parts.items():
        limit = getattr(part, end)
        apart = math.nan if limit is None or part.value is None else weight * abs(part.value - limit)
        groups.setdefault(task.partition("?")[0], []).append(apart)
    return _root_of_squares([math.fsum(group) for group in groups.values()])


def _root_of_squares(values: Sequence[float]) -> float:
    return math.sqrt(math.fsum(value**2 for value in values))
