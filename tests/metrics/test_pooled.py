"""Pooled estimates say their weights, keep to them, and do not take variants of one task for independent."""

from __future__ import annotations

import math

import numpy as np
import pytest

from introbench.metrics.intervals import mean, not_estimable, rate
from introbench.metrics.pooled import pool


def some(seed: int, size: int = 60) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return (np.random.default_rng(seed).random(size) < 0.4).astype(float)


def test_every_task_has_the_same_weight_whatever_its_size() -> None:
    small, large = rate(some(0), np.arange(60)), rate(some(1, 600), np.arange(600))
    pooled = pool({"a": small, "b": large})
    assert pooled.weights == {"a": 0.5, "b": 0.5}
    assert small.value is not None
    assert large.value is not None
    assert pooled.estimate.value == pytest.approx((small.value + large.value) / 2)
    assert (pooled.estimate.n, pooled.estimate.clusters, pooled.estimate.method) == (660, 60, "mover")


def test_the_interval_of_a_mean_of_independent_t_intervals_adds_up_in_squares() -> None:
    parts = {name: mean(np.random.default_rng(seed).normal(size=50), np.arange(50)) for seed, name in enumerate("ab")}
    pooled = pool(parts).estimate
    halves = [(part.high or 0) - (part.value or 0) for part in parts.values()]
    assert pooled.high is not None
    assert pooled.value is not None
    assert pooled.high - pooled.value == pytest.approx(math.hypot(*halves) / 2)


def test_variants_of_one_task_add_up_as_if_they_moved_together() -> None:
    part = rate(some(0), np.arange(60))
    alike, apart = pool({"a": part, "a?k=4": part}).estimate, pool({"a": part, "b": part}).estimate
    assert (alike.low, alike.high) == pytest.approx((part.low, part.high))
    assert apart.low is not None
    assert part.low is not None
    assert apart.low > part.low


def test_tasks_with_nothing_to_estimate_are_named_and_have_no_weight() -> None:
    pooled = pool({"a": rate(some(0), np.arange(60)), "b": not_estimable("no cases")})
    assert (pooled.weights, pooled.left_out) == ({"a": 1.0}, ["b"])
    assert pool({"b": not_estimable("no cases")}).estimate.status == "not estimable"


def test_too_few_clusters_on_one_task_are_too_few_for_the_mean() -> None:
    pooled = pool({"a": rate(some(0), np.arange(60)), "b": rate(some(1, 30), np.arange(30) % 10)})
    assert (pooled.estimate.status, pooled.estimate.detail) == ("too few", "too few clusters on b")
