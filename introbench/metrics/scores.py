"""What explanations score against labels. Floors are scored by the same functions, so expected hits are allowed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.stats import rankdata

from introbench.metrics.arrays import Bools, Floats, Ints
from introbench.metrics.intervals import (
    Estimate,
    cluster_count,
    linearised,
    mean,
    not_estimable,
    rate,
    two_class_sum,
    wilson_linearised,
)
from introbench.metrics.observations import CHANGED, UNCHANGED, Explanations, Labels, Rows

__all__ = ["Graded", "Scores", "area_under_curve", "grade", "score", "youden_contributions"]

CLASSES = ("changed", "unchanged")


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
    """Each F1 is a ratio of sums, 2·TP / (2·TP + FP + FN), and is linearised as one."""
    total, contributions = 0.0, np.zeros(graded.exact.size)
    for mask, said, name in (
        (graded.changed, graded.said_changed, "changed"),
        (~graded.changed, graded.said_unchanged, "unchanged"),
    ):
        if not mask.any():
            return not_estimable(f"no case is {name}", n=graded.exact.size)
        hits, size = 2 * np.where(mask, said, 0.0), said + mask
        share = float(np.sum(hits) / np.sum(size))
        total += share / 2
        contributions += (hits - share * size) / np.sum(size) / 2
    return linearised(total, contributions, graded.clusters)


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
    ranks = rankdata(values)
    placements = np.empty(values.size)
    for mask, sign in ((positive, 1), (~positive, -1)):
        # Midranks among all minus midranks within the class count the other class's cases below, ties half.
        below = (ranks[mask] - rankdata(values[mask])) / np.count_nonzero(~mask)
        placements[mask] = below if sign == 1 else 1 - below
    area = float(np.mean(placements[positive]))
    sizes = np.where(positive, np.count_nonzero(positive), np.count_nonzero(~positive))
    smaller = min(cluster_count(clusters[positive]), cluster_count(clusters[~positive]))
    return wilson_linearised(area, (placements - area) / sizes, clusters, smaller)
