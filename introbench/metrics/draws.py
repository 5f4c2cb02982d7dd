"""Noisy tasks over several draws of demonstrations: how far scores depend on which demonstrations are shown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from introbench.metrics.schema import EmitterSummary, TaskSummary

__all__ = ["DrawSpread", "NoiseFacts", "Spread", "draw_spreads", "spread"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class NoiseFacts(_Part):
    """What a noisy task shows before its explanation questions."""

    family: str
    """The task's name without the number of its draw."""
    kind: str
    """What a flipped label becomes; see `introbench.tasks.noise`."""
    rate: float = Field(ge=0, le=1)
    """Probability that a label is flipped, of those that can be."""
    draw: int = Field(ge=0)
    """Number of the draw of demonstrations."""
    demonstrations: int = Field(ge=1)
    """Number of demonstrations."""
    flipped: int = Field(ge=0)
    """How many of their labels were flipped."""
    labels_of: str
    """Spec of the model that the labels were measured on."""


class Spread(_Part):
    """One score over the draws. It says how much the choice of demonstrations matters, and is no interval."""

    values: list[float | None]
    """The score under each draw, in their order; null where it is not estimable."""
    mean: float | None
    """Mean of those that are estimable; null where none is."""
    deviation: float | None
    """Their standard deviation, n − 1 in the denominator; null for fewer than two."""


class DrawSpread(_Part):
    """One model on one noisy task, over its draws of demonstrations."""

    family: str
    """The task's name without the number of the draw."""
    model: str
    """The model that explains."""
    draws: list[int]
    """Numbers of the draws that the run has."""
    flipped: list[int]
    """How many labels were flipped in each."""
    exact_match: Spread
    """See `Scores`."""
    youden_j: Spread
    """See `Scores`."""
    auroc: Spread
    """See `Scores`."""


def draw_spreads(tasks: Sequence[TaskSummary]) -> list[DrawSpread]:
    """A row per noisy task and model, in the order of the run; tasks that are not noisy have none."""
    families: dict[str, list[TaskSummary]] = {}
    for task in tasks:
        if task.noise:
            families.setdefault(task.noise.family, []).append(task)
    return [
        _row(family, members, [task.emitters[number] for task in members])
        for family, members in families.items()
        for number in range(len(members[0].emitters))
    ]


def _row(family: str, tasks: Sequence[TaskSummary], emitters: Sequence[EmitterSummary]) -> DrawSpread:
    facts = [task.noise for task in tasks if task.noise]
    scores = [emitter.self_scores for emitter in emitters]
    return DrawSpread(
        family=family,
        model=emitters[0].model,
        draws=[each.draw for each in facts],
        flipped=[each.flipped for each in facts],
        exact_match=spread([each.exact_match.value for each in scores]),
        youden_j=spread([each.youden_j.value for each in scores]),
        auroc=spread([each.auroc.value for each in scores]),
    )


def spread(values: Sequence[float | None]) -> Spread:
    """Mean and deviation of a score over draws."""
    known = [value for value in values if value is not None]
    return Spread(
        values=list(values),
        mean=statistics.fmean(known) if known else None,
        deviation=statistics.stdev(known) if len(known) > 1 else None,
    )
