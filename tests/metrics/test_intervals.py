"""Intervals agree with closed forms and independent libraries, and say so when there is nothing to estimate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from introbench.metrics.intervals import cluster_count, mean, rate, two_class_sum, variance, wilson, wilson_linearised
from introbench.metrics.scores import CLASSES

NORMAL_95 = float(stats.norm.ppf(0.975))


@given(st.integers(1, 400), st.floats(0, 1))
def test_wilson_equals_scipys_for_whole_numbers(n: int, share: float) -> None:
    hits = round(share * n)
    expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits / n, n, NORMAL_95) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_clustered_mean_of_single_case_clusters_is_the_plain_t_interval() -> None:
    values = np.random.default_rng(0).normal(size=50)
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    estimate = mean(values, np.arange(50))
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_copying_every_case_within_its_cluster_adds_no_information() -> None:
    rng = np.random.default_rng(1)
    hits, clusters = (rng.random(60) < 0.3).astype(float), np.arange(60)
    once, thrice = rate(hits, clusters), rate(np.repeat(hits, 3), np.repeat(clusters, 3))
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high), abs=1e-12)
    assert (thrice.n, thrice.clusters) == (180, 60)


def test_clusters_that_cancel_out_never_count_for_more_than_their_cases() -> None:
    hits, clusters = np.tile([0.0, 1.0], 50), np.repeat(np.arange(50), 2)
    estimate = rate(hits, clusters)
    assert estimate.low == pytest.approx(wilson(0.5, 100, float(stats.t.ppf(0.975, 49)))[0])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_at_the_end_of_the_scale_keeps_an_honest_width(share: float) -> None:
    estimate = rate(np.full(80, share), np.repeat(np.arange(40), 2))
    low, high = wilson(share, 40, float(stats.t.ppf(0.975, 39)))
    assert (estimate.low, estimate.high) == pytest.approx((low, high))
    assert high - low > 0.05


def test_an_empty_set_is_not_estimable_and_never_zero() -> None:
    nothing, clusters = np.zeros(0), np.zeros(0, dtype=np.int64)
    for estimate in (rate(nothing, clusters), mean(nothing, clusters)):
        assert (estimate.status, estimate.value, estimate.low, estimate.high) == ("not estimable", None, None, None)


def test_one_cluster_has_an_estimate_without_an_interval() -> None:
    estimate = rate(np.array([1.0, 0.0]), np.zeros(2, dtype=np.int64))
    assert (estimate.value, estimate.low, estimate.status) == (0.5, None, "too few")


def test_under_twenty_clusters_is_too_few() -> None:
    assert rate(np.ones(190), np.arange(190) % 19).status == "too few"
    assert rate(np.ones(200), np.arange(200) % 20).status == "ok"


def test_two_classes_are_too_few_where_the_rarer_one_is() -> None:
    positive = (np.arange(200) < 19).astype(float)
    estimate = two_class_sum(np.ones(200), positive, np.arange(200), offset=-1, scale=1, names=CLASSES)
    assert (estimate.status, estimate.clusters) == ("too few", 19)
    assert "changed" in estimate.detail


def test_mover_of_independent_classes_is_newcombes_interval() -> None:
    """Newcombe's hybrid score interval (1998, method 10) of a difference, here sensitivity − (1 − specificity)."""
    hits = np.concatenate([np.arange(56) < 45, np.arange(48) < 30]).astype(float)
    positive = (np.arange(104) < 56).astype(float)
    estimate = two_class_sum(hits, positive, np.arange(104), offset=-1, scale=1, names=CLASSES)
    ends = []
    for count, n in ((45, 56), (30, 48)):
        share = count / n
        # The sample variance divides by n − 1, so an unclustered design effect is n / (n − 1).
        ends.append((share, *wilson(share, n - 1, float(stats.t.ppf(0.975, n - 1)))))
    (one, low, high), (two, low2, high2) = ends
    assert estimate.value == pytest.approx(one + two - 1)
    assert estimate.low == pytest.approx(one + two - 1 - math.hypot(one - low, two - low2))
    assert estimate.high == pytest.approx(one + two - 1 + math.hypot(high - one, high2 - two))


def test_variance_of_one_cluster_is_unknown() -> None:
    assert math.isnan(variance(np.ones(3), np.zeros(3, dtype=np.int64)))
    estimate = wilson_linearised(0.7, np.ones(3), np.zeros(3, dtype=np.int64), 1)
    assert (estimate.value, estimate.low, estimate.status) == (0.7, None, "too few")


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9)), min_size=1, max_size=60))
def test_every_interval_holds_its_estimate_within_the_scale(rows: list[tuple[float, int]]) -> None:
    hits, clusters = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    estimate = rate(hits, clusters)
    assert estimate.clusters == cluster_count(clusters)
    if estimate.low is not None:
        assert estimate.value is not None
        assert estimate.high is not None
        assert 0 <= estimate.low <= estimate.value + 1e-12
        assert estimate.value - 1e-12 <= estimate.high <= 1
