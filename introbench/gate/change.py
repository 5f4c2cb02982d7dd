"""What an estimate did from baseline to candidate: paired by case, clustered by item, tested in either direction."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from introbench.gate.influence import Influence, Seen
from introbench.gate.measures import Measure
from introbench.metrics.arrays import Bools, Floats, Ints
from introbench.metrics.intervals import FEWEST_CLUSTERS, cluster_count, cluster_sums, variance
from introbench.metrics.significance import POWER, TestMethod, paired_test

__all__ = ["Change", "change_of", "critical", "detectable_harm", "items_for"]


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one estimate on the cases that both sides answered.

    Attributes:
        baseline: the estimate of the baseline; None where it cannot be estimated.
        candidate: the same of the candidate.
        change: candidate − baseline; 0 where one of them cannot be estimated.
        p_fell: one-sided p against "it did not fall"; None where nothing can be tested.
        p_rose: one-sided p against "it did not rise".
        method: how p was found.
        error: standard error of the change, one gaining and one losing cluster added.
        cases: number of cases that it rests on.
        items: number of items among them.
        clusters: number of clusters among them.
        smaller: clusters of the rarer class, where there are classes; else `clusters`.
        detail: why there is no estimate; else empty.
    """

    baseline: float | None
    candidate: float | None
    change: float
    p_fell: float | None
    p_rose: float | None
    method: TestMethod
    error: float
    cases: int
    items: int
    clusters: int
    smaller: int
    detail: str = ""

    @property
    def few(self) -> str:
        """Why there are too few clusters to rule a harm out; empty where there are enough."""
        return f"{self.smaller} clusters, {FEWEST_CLUSTERS} needed" if self.smaller < FEWEST_CLUSTERS else ""


def change_of(measure: Measure, baseline: Seen, candidate: Seen) -> Change:
    """The change of a measure. Both sides are over the same cases.

    Means over the same cases are tested by sign-flips of whole clusters (the exact McNemar test where every cluster is
    one case), all others by a clustered t test on their linearised difference.
    """
    one, other = measure.of(baseline), measure.of(candidate)
    among = one.among | other.among
    clusters = candidate.cases.clusters[among]
    count = cluster_count(clusters)
    if one.value is None or other.value is None:
        whose = "baseline" if one.value is None else "candidate"
        return _unknown(one, other, f"of the {whose}: {one.detail or other.detail}")
    if count < 2:
        return _unknown(one, other, "all cases are of one cluster")
    parts = (other.parts - one.parts)[among]
    moved = _moved(baseline, candidate)[among]
    change, error = other.value - one.value, _error(parts, moved, clusters)
    p_fell, p_rose, method = _tests(one, other, change, error, count, candidate.cases.clusters)
    return Change(
        baseline=one.value,
        candidate=other.value,
        change=change,
        p_fell=p_fell,
        p_rose=p_rose,
        method=method,
        error=error,
        cases=int(np.count_nonzero(among)),
        items=int(np.unique(candidate.cases.items[among]).size),
        clusters=count,
        smaller=min(one.smaller, other.smaller),
    )


def _unknown(one: Influence, other: Influence, detail: str) -> Change:
    return Change(one.value, other.value, 0.0, None, None, "none", math.nan, 0, 0, 0, 0, detail)


def _moved(baseline: Seen, candidate: Seen) -> Bools:
    """Cases on which anything that a model did or said differs."""
    one, other = baseline.answers, candidate.answers
    pairs = ((getattr(one, name), getattr(other, name)) for name in ("uncued", "cued", "said", "content"))
    moved: Bools = np.any([mine != theirs for mine, theirs in pairs], axis=0)
    return moved


def _error(parts: Floats, moved: Bools, clusters: Ints) -> float:
    """Standard error of a change, never 0.

    The variance of the cases as they are would be 0 where nothing differs, and far too small where little does. As
    Bonett and Price (2012) do for paired shares, one pair that gained and one that lost are added, here two clusters of
    the size that those have which differ; where none does, each is one whole cluster.
    """
    sums = cluster_sums(parts, clusters)
    differing = cluster_count(clusters[moved]) if moved.any() else 0
    spread = float(np.sum(sums**2))
    typical = math.sqrt(spread / differing) if differing and spread > 0 else 1 / sums.size
    both = np.append(sums, [typical, -typical])
    return math.sqrt(variance(both, np.arange(both.size)))


def _tests(
    one: Influence, other: Influence, change: float, error: float, count: int, clusters: Ints
) -> tuple[float, float, TestMethod]:
    """One-sided p of a fall and of a rise, and the method."""
    if one.values is not None and other.values is not None and np.array_equal(one.among, other.among):
        test = paired_test((other.values - one.values)[one.among], clusters[one.among])
        # The distribution under sign-flips is symmetric. On the other side of 0 there is nothing against the null.
        half = 1.0 if test.p is None else test.p / 2
        return (half if change < 0 else 1.0), (half if change > 0 else 1.0), test.method
    t = change / error
    return float(stats.t.cdf(t, count - 1)), float(stats.t.sf(t, count - 1)), "clustered t"


def critical(level: float, clusters: int) -> float:
    """The t quantile of a one-sided level."""
    return float(stats.t.isf(level, max(clusters - 1, 1)))


def detectable_harm(error: float, clusters: int, level: float, floor: float) -> float:
    """Smallest true harm that is called a regression with 80 % power.

    It has to be significant at the level, and its estimate has to reach the floor.
    """
    power = critical(1 - POWER, clusters)
    return max((critical(level, clusters) + power) * error, floor + power * error)


def items_for(harm: float, change: Change, level: float, floor: float) -> int | None:
    """About how many items would show a harm of this size; None where more items alone do not.

    The error is taken to shrink with the root of the number of items.
    """
    if harm <= floor or not change.items:
        return None
    power = critical(1 - POWER, change.clusters)
    per_root = change.error * math.sqrt(change.items)
    needed = max((critical(level, change.clusters) + power) * per_root / harm, power * per_root / (harm - floor))
    return math.ceil(needed**2)
