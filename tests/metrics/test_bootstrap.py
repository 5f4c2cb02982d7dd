"""The bootstrap over clusters gives scipy's limits, and hands over where it says nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from introbench.metrics.bootstrap import bca, bca_limits
from introbench.metrics.intervals import Estimate, not_estimable


def ratio(top: Any, bottom: Any) -> Any:
    return top / bottom


def nothing() -> Estimate:
    return not_estimable("nothing")


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_limits_are_scipys_up_to_the_draws(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bottom = rng.integers(1, 5, 80).astype(float)
    top = rng.binomial(bottom.astype(int), 0.8).astype(float)
    low, high = bca_limits(ratio, np.column_stack([top, bottom])) or (np.nan, np.nan)
    expected = stats.bootstrap(
        (top, bottom),
        lambda x, y, axis: np.sum(x, axis=axis) / np.sum(y, axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        method="BCa",
        rng=np.random.default_rng(1),
    ).confidence_interval
    width = expected.high - expected.low
    assert low == pytest.approx(expected.low, abs=0.1 * width)
    assert high == pytest.approx(expected.high, abs=0.1 * width)


def test_the_same_data_have_the_same_interval() -> None:
    rng = np.random.default_rng(0)
    columns, clusters = (rng.random(60), np.ones(60)), np.arange(60) // 2
    one, other = (bca(ratio, columns, clusters, otherwise=nothing) for _ in range(2))
    assert one == other
    assert one.method == "cluster bootstrap"
    assert one.clusters == 30


def test_clusters_are_resampled_whole() -> None:
    values, clusters = np.random.default_rng(0).random(40), np.arange(40)
    once = bca(ratio, (values, np.ones(40)), clusters, otherwise=nothing)
    thrice = bca(ratio, (np.repeat(values, 3), np.ones(120)), np.repeat(clusters, 3), otherwise=nothing)
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))


def test_without_spread_another_interval_is_asked_for() -> None:
    assert bca_limits(ratio, np.ones((30, 2))) is None
    assert bca(ratio, (np.ones(30), np.ones(30)), np.arange(30), otherwise=nothing).detail == "nothing"
    assert bca(ratio, (np.ones(3), np.ones(3)), np.zeros(3, dtype=np.int64), otherwise=nothing).detail == "nothing"
