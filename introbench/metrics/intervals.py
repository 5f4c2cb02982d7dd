"""Estimates with 95 % intervals, for cases that come in clusters.

Everything rests on one variance: an estimator is written as a sum of per-case contributions (its linearisation), the
contributions are added up within clusters, and the cluster sums are treated as independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy import stats

from introbench.metrics.arrays import Bools, Floats, Ints, grouped

__all__ = [
    "CONFIDENCE",
    "FEWEST_CLUSTERS",
    "Estimate",
    "Method",
    "Status",
    "cluster_count",
    "cluster_sums",
    "effective_n",
    "finished",
    "linearised",
    "mean",
    "not_estimable",
    "rate",
    "two_class_sum",
    "variance",
    "wilson",
    "wilson_linearised",
]

Status = Literal["ok", "not estimable", "too few"]
Method = Literal["none", "wilson", "mover-wilson", "clustered t", "cluster bootstrap", "mover"]

CONFIDENCE = 0.95
FEWEST_CLUSTERS = 20
"""Below this many clusters in a class, the variance between clusters is itself too uncertain to headline a score."""


class Estimate(BaseModel):
    """A number with what is known about its uncertainty."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    value: float | None
    """The estimate; null where the data cannot give one."""
    low: float | None
    """Lower end of the 95 % interval; null where the data cannot give one."""
    high: float | None
    """Upper end of the 95 % interval; null where the data cannot give one."""
    method: Method
    """How the interval was made."""
    n: int
    """Number of cases that the estimate rests on."""
    clusters: int
    """Number of clusters among them; of the smaller class where there are two."""
    status: Status
    """"ok", "not estimable" (nothing to estimate from) or "too few" (under 20 clusters in a class; do not headline)."""
    detail: str = ""
    """Why the status is not "ok"; else empty."""


@dataclass(frozen=True, slots=True)
class _Proportion:
    """A share with its Wilson interval, before it becomes an estimate.

    Attributes:
        share: the observed share, 0 to 1.
        low: lower end, 0 to 1.
        high: upper end, 0 to 1.
    """

    share: float
    low: float
    high: float


def not_estimable(detail: str, *, n: int = 0, clusters: int = 0) -> Estimate:
    """An estimate of nothing: an empty set has no rate, and least of all the rate 0."""
    return Estimate(
        value=None,
        low=None,
        high=None,
        method="none",
        n=n,
        clusters=clusters,
        status="not estimable",
        detail=detail,
    )


def cluster_count(clusters: Ints) -> int:
    """Number of different clusters."""
    return int(np.count_nonzero(np.bincount(clusters)))


def cluster_sums(contributions: Floats, clusters: Ints) -> Floats:
    """(clusters,) contributions added up within clusters, in the order of the codes."""
    codes, _ = grouped(clusters)
    return np.bincount(codes, weights=contributions).astype(np.float64)


def variance(contributions: Floats, clusters: Ints) -> float:
    """Variance of a sum of contributions whose clusters are independent: C/(C − 1) · Σ (cluster sum − their mean)².

    NaN with fewer than two clusters.
    """
    sums = cluster_sums(contributions, clusters)
    return float(sums.size * np.var(sums, ddof=1)) if sums.size > 1 else math.nan


@cache
def _critical(clusters: int) -> float:
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, clusters - 1)) if clusters > 1 else math.nan


def finished(
    value: float, low: float, high: float, method: Method, n: int, clusters: int, detail: str = ""
) -> Estimate:
    """An estimate with its interval (NaN where there is none); under 20 clusters it is "too few"."""
    known = math.isfinite(low) and math.isfinite(high)
    few = clusters < FEWEST_CLUSTERS
    return Estimate(
        value=value,
        low=low if known else None,
        high=high if known else None,
        method=method if known else "none",
        n=n,
        clusters=clusters,
        status="too few" if few else "ok",
        detail=detail or (f"{clusters} clusters, {FEWEST_CLUSTERS} needed" if few else ""),
    )


def linearised(value: float, contributions: Floats, clusters: Ints, *, smaller_class: int | None = None) -> Estimate:
    """Clustered t interval of an estimator from its linearisation; degrees of freedom are clusters − 1.

    Args:
        value: the estimate.
        contributions: (cases,) first-order influence of each case on the estimate; sums to about 0.
        clusters: (cases,) cluster codes.
        smaller_class: number of clusters of the rarer class, where there are classes.
    """
    count = cluster_count(clusters)
    half = _critical(count) * math.sqrt(variance(contributions, clusters)) if count > 1 else math.nan
    stated = count if smaller_class is None else smaller_class
    return finished(value, value - half, value + half, "clustered t", clusters.size, stated)


def mean(values: Floats, clusters: Ints) -> Estimate:
    """Mean over cases with a clustered t interval; the number of cases is random too, so this is a ratio of sums."""
    if values.size == 0:
        return not_estimable("no cases")
    value = float(np.mean(values))
    return linearised(value, (values - value) / values.size, clusters)


def wilson(share: float, n: float, critical: float) -> tuple[float, float]:
    """Wilson's score interval of a share, in closed form because an effective n is no integer.

    Wilson, JASA 22 (1927) 209–212. `critical` is the quantile (1.96 for 95 %).
    """
    ratio = critical**2 / n
    centre = (share + ratio / 2) / (1 + ratio)
    half = math.sqrt(share * (1 - share) * ratio + ratio**2 / 4) / (1 + ratio)
    # Rounding may leave the point itself outside its own interval at the ends of the scale.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def effective_n(share: float, variance_of_share: float, n: int, clusters: int) -> float:
    """Number of independent cases that would give a share this variance; never more than there are.

    At 0 and 1 the observed variance is 0 and says nothing, so every cluster counts as one case.
    """
    spread = share * (1 - share)
    if spread <= 0:
        return float(clusters)
    return spread / max(variance_of_share, spread / n)


def _proportion(hits: Floats, clusters: Ints) -> _Proportion:
    share = float(np.mean(hits))
    count = cluster_count(clusters)
    if count < 2:
        return _Proportion(share, math.nan, math.nan)
    n = effective_n(share, variance((hits - share) / hits.size, clusters), hits.size, count)
    # The t quantile on clusters − 1 pays for the design effect being estimated (Korn & Graubard 1998).
    return _Proportion(share, *wilson(share, n, _critical(count)))


def rate(hits: Floats, clusters: Ints) -> Estimate:
    """Share of hits (each 0 to 1) with a Wilson interval whose n is divided by the design effect of the clusters."""
    if hits.size == 0:
        return not_estimable("no cases")
    found = _proportion(hits, clusters)
    return finished(found.share, found.low, found.high, "wilson", hits.size, cluster_count(clusters))


def wilson_linearised(value: float, contributions: Floats, clusters: Ints, smaller_class: int) -> Estimate:
    """Wilson interval of a quantity between 0 and 1 that is no share of cases (an area under a curve).

    Its n is the one at which a share would have the linearised variance, so that the interval stays within bounds and
    does not vanish at 0 and 1.

    Args:
        value: the estimate, 0 to 1.
        contributions: (cases,) first-order influence of each case.
        clusters: (cases,) cluster codes.
        smaller_class: number of clusters with cases of the rarer class.
    """
    count = cluster_count(clusters)
    if count < 2:
        return finished(value, math.nan, math.nan, "wilson", clusters.size, smaller_class)
    n = effective_n(value, variance(contributions, clusters), clusters.size, smaller_class)
    return finished(value, *wilson(value, n, _critical(count)), "wilson", clusters.size, smaller_class)


def two_class_sum(
    hits: Floats, positive: Floats, clusters: Ints, *, offset: float, scale: float, names: tuple[str, str]
) -> Estimate:
    """scale · (share of hits among the positive + share of hits among the rest + offset), by MOVER-Wilson.

    Zou & Donner 2008: the limits of a sum are recovered from the limits of its terms. The terms share clusters, so
    their correlation enters too (Zou 2008).

    Args:
        hits: (cases,) 0 to 1, whether the case was judged rightly.
        positive: (cases,) 1 for the first class, 0 for the second.
        clusters: (cases,) cluster codes.
        offset: −1 for Youden's J, 0 for balanced accuracy.
        scale: 1 for Youden's J, ½ for balanced accuracy.
        names: what to call the two classes in messages.
    """
    masks = (positive == 1, positive == 0)
    counts = [cluster_count(clusters[mask]) for mask in masks]
    for mask, name in zip(masks, names, strict=True):
        if not mask.any():
            return not_estimable(f"no case is {name}", n=hits.size, clusters=0)
    first, second = (_proportion(hits[mask], clusters[mask]) for mask in masks)
    value = scale * (first.share + second.share + offset)
    correlation = _correlation(hits, masks[0], clusters)
    low, high = (
        _joint_distance(a, b, correlation)
        for a, b in (
            (first.share - first.low, second.share - second.low),
            (first.high - first.share, second.high - second.share),
        )
    )
    smaller = int(np.argmin(counts))
    few = counts[smaller] < FEWEST_CLUSTERS
    detail = f"{counts[smaller]} clusters with {names[smaller]} cases, {FEWEST_CLUSTERS} needed" if few else ""
    bounds = (
        float(np.maximum(scale * offset, value - scale * low)),
        float(np.minimum(scale * (2 + offset), value + scale * high)),
    )
    return finished(value, *bounds, "mover-wilson", hits.size, counts[smaller], detail)


def _joint_distance(first: float, second: float, correlation: float) -> float:
    # Rounding may leave a square just below 0; NaN (a single cluster) is no 0 and stays.
    square = first**2 + second**2 + 2 * correlation * first * second
    return 0.0 if square < 0 else math.sqrt(square)


def _correlation(hits: Floats, first: Bools, clusters: Ints) -> float:
    """Correlation of the two class shares that comes from clusters with cases of both classes."""
    codes, _ = grouped(clusters)
    parts = []
    for mask in (first, ~first):
        residuals = np.where(mask, hits - np.mean(hits[mask]), 0.0)
        parts.append(np.bincount(codes, weights=residuals))
    norms = math.sqrt(float(np.sum(parts[0] ** 2)) * float(np.sum(parts[1] ** 2)))
    return float(np.sum(parts[0] * parts[1])) / norms if norms > 0 else 0.0
