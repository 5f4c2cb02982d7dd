"""Tests of paired differences agree with scipy and statsmodels, and keep to their exact distributions."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from introbench.metrics.significance import (
    benjamini_hochberg,
    detectable,
    exact_mcnemar,
    holm,
    paired_test,
    sign_flip,
    with_holm,
)

seeds = st.integers(0, 2**32 - 1)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def statsmodels(name: str) -> Any:
    return pytest.importorskip(f"statsmodels.stats.{name}")


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_equals_statsmodels(gained: int, lost: int) -> None:
    oracle = statsmodels("contingency_tables")
    expected = oracle.mcnemar([[7, gained], [lost, 5]], exact=True).pvalue
    assert exact_mcnemar(gained, lost) == pytest.approx(min(expected, 1.0), abs=1e-12)


def every_flip(sums: list[float]) -> float:
    """By definition: the share of all sign patterns whose sum is at least as far from 0."""
    observed = abs(sum(sums)) - 1e-9
    patterns = [
        abs(sum(s * x for s, x in zip(signs, sums, strict=True))) for signs in product((-1, 1), repeat=len(sums))
    ]
    return float(np.mean([total >= observed for total in patterns]))


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_sign_flips_of_whole_numbers_are_counted_exactly(sums: list[int]) -> None:
    p = sign_flip(np.array(sums, dtype=float), np.arange(len(sums)))
    assert p == pytest.approx(every_flip([float(value) for value in sums]), abs=1e-9)


def test_sign_flip_of_single_cases_is_the_exact_mcnemar_test() -> None:
    differences = np.array([1.0] * 14 + [-1.0] * 5 + [0.0] * 30)
    assert sign_flip(differences, np.arange(49)) == pytest.approx(exact_mcnemar(14, 5), abs=1e-12)


@given(seeds)
def test_drawn_sign_flips_agree_with_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sums = rng.normal(0.3, 1, 12)
    expected = stats.permutation_test(
        (sums,), lambda x, axis: np.sum(x, axis=axis), permutation_type="samples", n_resamples=np.inf, vectorized=True
    ).pvalue
    assert sign_flip(sums, np.arange(12)) == pytest.approx(expected, abs=0.02)


def test_repeating_every_case_in_its_cluster_does_not_make_it_more_significant() -> None:
    differences = np.array([1.0] * 12 + [-1.0] * 4)
    once = paired_test(differences, np.arange(16))
    thrice = paired_test(np.repeat(differences, 3), np.repeat(np.arange(16), 3))
    assert (once.method, thrice.method) == ("exact McNemar", "cluster sign-flip")
    assert thrice.p == pytest.approx(once.p)
    assert thrice.detectable == pytest.approx(once.detectable)


def test_no_difference_at_all_speaks_for_nothing() -> None:
    assert paired_test(np.zeros(30), np.arange(30) // 2).p == 1
    assert paired_test(np.zeros(0), np.zeros(0, dtype=np.int64)).method == "none"


@given(p_values)
def test_holm_and_benjamini_hochberg_equal_statsmodels(p: list[float]) -> None:
    oracle = statsmodels("multitest")
    assert holm(p) == pytest.approx(oracle.multipletests(p, method="holm")[1])
    assert benjamini_hochberg(p) == pytest.approx(oracle.multipletests(p, method="fdr_bh")[1])


def test_a_test_that_could_not_be_made_does_not_count_towards_the_family() -> None:
    assert holm([0.01, None, 0.04]) == [pytest.approx(0.02), None, pytest.approx(0.04)]
    assert benjamini_hochberg([0.01, None, 0.04]) == [pytest.approx(0.02), None, pytest.approx(0.04)]
    assert benjamini_hochberg([None]) == [None]
    tests = with_holm([paired_test(np.ones(9), np.arange(9)), paired_test(np.zeros(0), np.zeros(0, dtype=np.int64))])
    assert [test.family for test in tests] == [1, 1]


def test_the_detectable_effect_is_found_four_times_in_five() -> None:
    """A simulation at exactly that effect, and statsmodels' power of the t test."""
    error, size = 0.1, 50
    effect = detectable(error, size)
    assert effect is not None
    rng = np.random.default_rng(0)
    samples = rng.normal(effect, error * np.sqrt(size), (4000, size))
    found = np.mean(stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05)
    assert found == pytest.approx(0.8, abs=0.02)
    power = statsmodels("power").TTestPower().power(effect / (error * np.sqrt(size)), size, 0.05)
    assert power == pytest.approx(0.8, abs=0.01)


def test_without_a_standard_error_no_effect_is_said_to_be_detectable() -> None:
    assert detectable(0.0, 30) is None
    assert detectable(float("nan"), 30) is None
    assert detectable(0.1, 1) is None
