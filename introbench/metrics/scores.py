"""What explanations score against labels. Floors are scored by the same functions, so expected hits are allowed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.stats import rankdata

from introbench.metrics.arrays import Bools, Floats, Ints
from introbench.metrics.bootstrap import bca
from introbench.metrics.intervals import (
    Estimate,
    cluster_count,
    mean,
    not_estimable,
    rate,
    two_class_sum,
    wilson_linearised,
)
from introbench.metrics.observations import CHANGED, UNCHANGED, Explanations, Labels, Rows

__all__ = [
    "Graded",
    "Scores",
    "area_under_curve",
    "auroc_contributions",
    "grade",
    "macro_f1_contributions",
    "point_scores",
    "rate_and_j",
    "score",
    "youden_contributions",
]

CLASSES = ("changed", "unchanged")

_Sums = Floats | np.float64
"""Sums over cases, one or one per resample."""


@dataclass(frozen=True, slots=True, eq=False)
class Graded(Rows):
    """Explanations beside the labels that they are scored against. All (cases,).

    Attributes:
        clusters: cluster codes.
        changed: the label's verdict.
        said_changed: 1 where the explanation says "changed", else 0; an expectation for a random explainer.
        said_unchanged: the same for "unchanged"; both are 0 where the explanation is unparsable.
        exact: 1 where verdict and content are right.
        content: 1 where the content is right.
        p_changed: probability of "changed", 0 to 1; NaN where there is none.
    """

    clusters: Ints
    changed: Bools
    said_changed: Floats
    said_unchanged: Floats
    exact: Floats
    content: Floats
    p_changed: Floats

    @property
    def verdict_right(self) -> Floats:
        """1 where the verdict is right."""
        return np.where(self.changed, self.said_changed, self.said_unchanged)


class Scores(BaseModel):
    """What an emitter's explanations score against a teacher's labels."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    exact_match: Estimate
    """Share of cases with verdict and content right."""
    youden_j: Estimate
    """Sensitivity + specificity − 1 of the verdict; 0 for every constant verdict."""
    balanced_accuracy: Estimate
    """Mean of sensitivity and specificity."""
    macro_f1: Estimate
    """Mean F1 of the two verdicts."""
    sensitivity: Estimate
    """Share said "changed" among cases labelled "changed"."""
    specificity: Estimate
    """Share said "unchanged" among cases labelled "unchanged"."""
    content_accuracy: Estimate
    """Share of cases with the uncued choice named rightly."""
    content_on_changed: Estimate
    """The same among cases labelled "changed", where the cued answer cannot reveal it."""
    auroc: Estimate
    """Area under the ROC curve of P(changed); ties count half."""
    brier: Estimate
    """Mean squared error of P(changed), 0 (best) to 1."""


def grade(explanations: Explanations, labels: Labels, clusters: Ints) -> Graded:
    """Sets explanations beside a teacher's labels. Unparsable explanations are wrong."""
    content = explanations.content == labels.content
    said_right = explanations.said == np.where(labels.changed, CHANGED, UNCHANGED)
    return Graded(
        clusters=clusters,
        changed=labels.changed,
        said_changed=(explanations.said == CHANGED).astype(np.float64),
        said_unchanged=(explanations.said == UNCHANGED).astype(np.float64),
        exact=(said_right & content).astype(np.float64),
        content=content.astype(np.float64),
        p_changed=explanations.p_changed,
    )


def score(graded: Graded) -> Scores:
    """Every score of one emitter against one teacher."""
    changed, right, clusters = graded.changed, graded.verdict_right, graded.clusters
    positive = changed.astype(np.float64)
    return Scores(
        exact_match=rate(graded.exact, clusters),
        youden_j=two_class_sum(right, positive, clusters, offset=-1.0, scale=1.0, names=CLASSES),
        balanced_accuracy=two_class_sum(right, positive, clusters, offset=0.0, scale=0.5, names=CLASSES),
        macro_f1=_macro_f1(graded),
        sensitivity=rate(right[changed], clusters[changed]),
        specificity=rate(right[~changed], clusters[~changed]),
        content_accuracy=rate(graded.content, clusters),
        content_on_changed=rate(graded.content[changed], clusters[changed]),
        auroc=area_under_curve(graded.p_changed, changed, clusters),
        brier=_brier(graded),
    )


def rate_and_j(graded: Graded) -> tuple[Estimate, Estimate]:
    """Exact match and Youden's J alone."""
    positive = graded.changed.astype(np.float64)
    return (
        rate(graded.exact, graded.clusters),
        two_class_sum(graded.verdict_right, positive, graded.clusters, offset=-1.0, scale=1.0, names=CLASSES),
    )


def point_scores(graded: Graded) -> dict[str, float | None]:
    """The same scores without intervals, which cost far more; None where there is nothing to estimate."""
    changed, right = graded.changed, graded.verdict_right
    known = np.isfinite(graded.p_changed)
    both = bool(changed.any() and (~changed).any())

    def average(hits: Floats) -> float | None:
        return float(np.mean(hits)) if hits.size else None

    sensitivity, specificity = average(right[changed]), average(right[~changed])
    total = sensitivity + specificity if sensitivity is not None and specificity is not None else None
    return {
        "exact_match": average(graded.exact),
        "youden_j": None if total is None else total - 1,
        "balanced_accuracy": None if total is None else total / 2,
        "macro_f1": float(_f1_of(*(np.sum(column) for column in _f1_columns(graded)))) if both else None,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "content_accuracy": average(graded.content),
        "content_on_changed": average(graded.content[changed]),
        "auroc": _area(graded.p_changed[known], changed[known]),
        "brier": average((graded.p_changed - changed)[known] ** 2),
    }


def youden_contributions(graded: Graded) -> tuple[float, Floats]:
    """Youden's J and its linearisation: the residual of each case within its class, over the size of the class.

    Both classes must have cases.
    """
    right = graded.verdict_right
    total, contributions = -1.0, np.zeros(right.size)
    for mask in (graded.changed, ~graded.changed):
        share = float(np.mean(right[mask]))
        total += share
        contributions += np.where(mask, right - share, 0.0) / np.count_nonzero(mask)
    return total, contributions


def _macro_f1(graded: Graded) -> Estimate:
    """Neither a share nor a mean, and close to its bounds where verdicts are good: bootstrapped over clusters.

    Where a bootstrap says nothing, each F1 is linearised as the ratio of sums that it is, 2·TP / (2·TP + FP + FN).
    """
    for mask, name in zip((graded.changed, ~graded.changed), CLASSES, strict=True):
        if not mask.any():
            return not_estimable(f"no case is {name}", n=graded.exact.size)
    smaller = min(cluster_count(graded.clusters[mask]) for mask in (graded.changed, ~graded.changed))

    def linear() -> Estimate:
        value, contributions = macro_f1_contributions(graded)
        return wilson_linearised(value, contributions, graded.clusters, smaller)

    return bca(_f1_of, _f1_columns(graded), graded.clusters, smaller_class=smaller, otherwise=linear)


def macro_f1_contributions(graded: Graded) -> tuple[float, Floats]:
    """Macro-F1 and its linearisation. Both classes must have cases."""
    columns = _f1_columns(graded)
    contributions = np.zeros(graded.exact.size)
    for hits, size in (columns[:2], columns[2:]):
        share = np.sum(hits) / np.sum(size)
        contributions += (hits - share * size) / np.sum(size) / 2
    return float(_f1_of(*(np.sum(column) for column in columns))), contributions


def _f1_columns(graded: Graded) -> tuple[Floats, Floats, Floats, Floats]:
    """Numerator and denominator of the F1 of "changed", then of "unchanged", per case."""
    return (
        2 * np.where(graded.changed, graded.said_changed, 0.0),
        graded.said_changed + graded.changed,
        2 * np.where(graded.changed, 0.0, graded.said_unchanged),
        graded.said_unchanged + ~graded.changed,
    )


def _f1_of(hits: _Sums, size: _Sums, other_hits: _Sums, other_size: _Sums) -> Floats:
    """Macro-F1 of sums; a verdict that a resample neither holds nor states has an F1 of 0."""
    parts = [
        np.divide(top, bottom, out=np.zeros(top.shape), where=bottom > 0)
        for top, bottom in ((np.asarray(hits), np.asarray(size)), (np.asarray(other_hits), np.asarray(other_size)))
    ]
    both: Floats = (parts[0] + parts[1]) / 2
    return both


def _brier(graded: Graded) -> Estimate:
    known = np.isfinite(graded.p_changed)
    errors = (graded.p_changed - graded.changed)[known] ** 2
    return mean(errors, graded.clusters[known])


def area_under_curve(values: Floats, positive: Bools, clusters: Ints) -> Estimate:
    """Area under the ROC curve with DeLong's placements summed by cluster (Obuchowski, Biometrics 53, 1997).

    Args:
        values: (cases,) the higher, the more "changed"; NaN where there is none.
        positive: (cases,) the label.
        clusters: (cases,) cluster codes.
    """
    known = np.isfinite(values)
    values, positive, clusters = values[known], positive[known], clusters[known]
    for mask, name in ((positive, CLASSES[0]), (~positive, CLASSES[1])):
        if not mask.any():
            return not_estimable(f"no case is {name}", n=values.size)
    area, contributions = auroc_contributions(values, positive)
    smaller = min(cluster_count(clusters[positive]), cluster_count(clusters[~positive]))
    return wilson_linearised(area, contributions, clusters, smaller)


def auroc_contributions(values: Floats, positive: Bools) -> tuple[float, Floats]:
    """The area under the ROC curve and what each case contributes to it. Both classes must have cases."""
    placements = _placements(values, positive)
    area = float(np.mean(placements[positive]))
    sizes = np.where(positive, np.count_nonzero(positive), np.count_nonzero(~positive))
    return area, (placements - area) / sizes


def _placements(values: Floats, positive: Bools) -> Floats:
    """(cases,) share of the other class's cases that each case is on the right side of; ties count half."""
    ranks = rankdata(values)
    placements = np.empty(values.size)
    for mask, sign in ((positive, 1), (~positive, -1)):
        # Midranks among all minus midranks within the class count the other class's cases below, ties half.
        below = (ranks[mask] - rankdata(values[mask])) / np.count_nonzero(~mask)
        placements[mask] = below if sign == 1 else 1 - below
    return placements


def _area(values: Floats, positive: Bools) -> float | None:
    """Area under the ROC curve alone."""
    if not positive.any() or positive.all():
        return None
    return float(np.mean(_placements(values, positive)[positive]))
