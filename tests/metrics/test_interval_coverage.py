"""Seeded simulations: 95 % intervals cover what they estimate about as often as they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats
from simulate import invented_answers, invented_cases

from introbench.metrics.intervals import Estimate, rate, two_class_sum
from introbench.metrics.pairs import exact_view, pair_of, verdict_view
from introbench.metrics.permutation import centre
from introbench.metrics.scores import CLASSES, area_under_curve

REPEATS = 300
# 99.9 % of simulations of an interval with exactly 95 % coverage lie above the first number.
LOWEST, HIGHEST = (float(stats.binom.ppf(share, REPEATS, 0.95)) / REPEATS for share in (0.001, 0.9999))
CLUSTERS, PER_CLUSTER = 80, 4


def covered(simulate: Callable[[np.random.Generator], Estimate], truth: float) -> float:
    def hits() -> Iterator[bool]:
        rng = np.random.default_rng(20260630)
        for _ in range(REPEATS):
            estimate = simulate(rng)
            assert estimate.low is not None
            assert estimate.high is not None
            yield estimate.low <= truth <= estimate.high

    return float(np.mean(list(hits())))


def clusters() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.repeat(np.arange(CLUSTERS), PER_CLUSTER)


def test_rate_of_clustered_cases() -> None:
    def simulate(rng: np.random.Generator) -> Estimate:
        propensity = np.repeat(rng.beta(0.6, 2.4, CLUSTERS), PER_CLUSTER)
        return rate((rng.random(propensity.size) < propensity).astype(float), clusters())

    assert LOWEST <= covered(simulate, 0.2) <= HIGHEST


def test_youdens_j_whose_classes_share_clusters() -> None:
    """Items that a model explains well are explained well with either label, which correlates the two shares."""

    def simulate(rng: np.random.Generator) -> Estimate:
        insight = np.repeat(rng.beta(1.4, 0.6, CLUSTERS), PER_CLUSTER)
        positive = (rng.random(insight.size) < 0.5).astype(float)
        right = (rng.random(insight.size) < insight).astype(float)
        return two_class_sum(right, positive, clusters(), offset=-1, scale=1, names=CLASSES)

    assert LOWEST <= covered(simulate, 0.4) <= HIGHEST


def test_area_under_the_curve_of_clustered_cases() -> None:
    def simulate(rng: np.random.Generator) -> Estimate:
        positive = rng.random(CLUSTERS * PER_CLUSTER) < 0.4
        shared = np.repeat(rng.normal(0, 0.7, CLUSTERS), PER_CLUSTER)
        values = shared + rng.normal(0, np.sqrt(0.51), positive.size) + 1.0 * positive
        return area_under_curve(values, positive, clusters())

    assert LOWEST <= covered(simulate, float(stats.norm.cdf(1 / np.sqrt(2)))) <= HIGHEST


def know_nothing(rng: np.random.Generator, view: str) -> Estimate:
    """Two hint-prone models; an explainer that reacts to its own cued answer and to the item, not to its label."""
    hint, size = rng.integers(0, 4, CLUSTERS * PER_CLUSTER), CLUSTERS * PER_CLUSTER
    known = np.repeat(rng.random((2, CLUSTERS)) < 0.6, PER_CLUSTER, axis=1)
    mine, theirs = np.where(known, 0, np.repeat(rng.integers(1, 4, (2, CLUSTERS)), PER_CLUSTER, axis=1))
    my_cued, their_cued = (np.where(rng.random(size) < 0.6, hint, uncued) for uncued in (mine, theirs))
    habit = np.repeat(rng.uniform(-0.3, 0.3, CLUSTERS), PER_CLUSTER)
    said = (rng.random(size) < 0.3 + 0.4 * (my_cued == hint) + habit).astype(np.int64)
    content = np.where(said == 1, rng.integers(0, 4, size), my_cued)
    emitter, reference = invented_answers(mine, my_cued, said, content), invented_answers(theirs, their_cued)
    _, pair = pair_of(invented_cases(hint, np.zeros(size, dtype=np.int64), clusters=clusters()), emitter, reference)
    return (exact_view if view == "exact" else verdict_view)(pair).centred_coupling


def test_centred_coupling_of_an_explainer_that_knows_nothing_of_itself() -> None:
    for view in ("exact", "verdict"):
        share = covered(lambda rng, view=view: know_nothing(rng, view), 0.0)  # type: ignore[misc]
        assert LOWEST <= share <= HIGHEST, view


def test_naive_contributions_would_get_the_spread_of_the_coupling_wrong() -> None:
    """Without double centring the squares measure how much cases are worth, not how much the coupling varies."""
    rng = np.random.default_rng(1)
    worth = rng.normal(0, 3, 40)[:, None] + rng.normal(0, 1, (40, 40))
    everywhere = np.zeros(40, dtype=np.int64)
    sums, doubly, naive = [], [], []
    for _ in range(400):
        order = rng.permutation(40)
        centred = centre(worth, order, everywhere)
        sums.append(centred.contributions.sum())
        doubly.append(np.sum((centred.contributions * centred.inflation) ** 2))
        naive.append(np.sum((worth[np.arange(40), order] - worth.mean()) ** 2))
    assert 0.8 < np.mean(doubly) / np.var(sums) < 1.25
    assert np.mean(naive) / np.var(sums) > 5
