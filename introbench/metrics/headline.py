"""The number that a page may lead with, and when there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from introbench.metrics.arrays import Bools, Ints
from introbench.metrics.floors import Floor
from introbench.metrics.intervals import (
    FEWEST_CLUSTERS,
    Estimate,
    cluster_count,
    linearised,
    mean,
    not_estimable,
)
from introbench.metrics.scores import Graded, youden_contributions
from introbench.metrics.significance import NO_TEST, PairedTest, paired_test

__all__ = ["RAREST_VERDICT", "AboveFloor", "Headline", "headline_of", "reasons_against"]

RAREST_VERDICT = 0.15
"""With the rarer true verdict below this share there is too little behavioural diversity to tell insight from habit."""


class AboveFloor(BaseModel):
    """A score minus that of the best trivial explainer, paired by case."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    floor: str | None
    """Name of the best floor; null where nothing can be estimated."""
    floor_value: float | None
    """What it scores."""
    above: Estimate
    """Score minus floor."""
    test: PairedTest
    """That the two are equal; Holm's family is the same score of the same model on every task."""


class Headline(BaseModel):
    """Self above the best floor, and why it may not be a headline."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    reasons_against: list[str]
    """Why these numbers must not be headlined; empty where they may."""
    exact_match: AboveFloor
    """Exact match above its best floor."""
    youden_j: AboveFloor
    """Youden's J above its best floor."""


def reasons_against(changed: Bools, clusters: Ints) -> list[str]:
    """Why labels with these verdicts support no headline.

    Args:
        changed: (cases,) the true verdicts.
        clusters: (cases,) cluster codes.
    """
    if changed.size == 0:
        return ["no case is labelled and explained"]
    reasons = []
    rarer = min(float(np.mean(changed)), float(np.mean(~changed)))
    if rarer < RAREST_VERDICT:
        reasons.append(f"the rarer true verdict is {rarer:.1%} of cases ({RAREST_VERDICT:.0%} needed)")
    fewest = min(cluster_count(clusters[mask]) for mask in (changed, ~changed))
    if fewest < FEWEST_CLUSTERS:
        reasons.append(f"too few clusters with the rarer true verdict ({fewest}, {FEWEST_CLUSTERS} needed)")
    return reasons


def headline_of(graded: Graded, floors: Sequence[Floor]) -> Headline:
    """Both headline numbers of an emitter's Self. `floors` are graded on the same cases."""
    return Headline(
        reasons_against=reasons_against(graded.changed, graded.clusters),
        exact_match=_above_exact(graded, floors),
        youden_j=_above_youden(graded, floors),
    )


def _best(floors: Sequence[Floor], value: Callable[[Graded], float]) -> tuple[Floor, float]:
    """The best floor, the first of equals, and its score."""
    best = max(floors, key=lambda floor: value(floor.graded))
    return best, value(best.graded)


def _above_exact(graded: Graded, floors: Sequence[Floor]) -> AboveFloor:
    if not floors:
        return AboveFloor(floor=None, floor_value=None, above=not_estimable("no cases"), test=NO_TEST)
    best, value = _best(floors, lambda each: float(np.mean(each.exact)))
    difference = graded.exact - best.graded.exact
    return AboveFloor(
        floor=best.name,
        floor_value=value,
        above=mean(difference, graded.clusters),
        test=paired_test(difference, graded.clusters),
    )


def _above_youden(graded: Graded, floors: Sequence[Floor]) -> AboveFloor:
    masks = (graded.changed, ~graded.changed)
    if not floors or not all(mask.any() for mask in masks):
        detail = "only one true verdict occurs" if floors else "no cases"
        nothing = not_estimable(detail, n=graded.changed.size)
        return AboveFloor(floor=None, floor_value=None, above=nothing, test=NO_TEST)
    best, floor_value = _best(floors, lambda each: youden_contributions(each)[0])
    value, contributions = youden_contributions(graded)
    above = linearised(
        value - floor_value,
        contributions - youden_contributions(best.graded)[1],
        graded.clusters,
        smaller_class=min(cluster_count(graded.clusters[mask]) for mask in masks),
    )
    difference = graded.verdict_right - best.graded.verdict_right
    weight = np.where(graded.changed, 1 / np.count_nonzero(graded.changed), 1 / np.count_nonzero(~graded.changed))
    # The sum of these is the difference of J; multiplied by the number of cases, its mean is.
    test = paired_test(difference * weight * difference.size, graded.clusters)
    return AboveFloor(floor=best.name, floor_value=floor_value, above=above, test=test)
