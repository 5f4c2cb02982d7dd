"""Tests of paired differences and of permutations, corrections for many of them, and what they could have found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import stats

from introbench.metrics.arrays import Floats, Ints
from introbench.metrics.frozen import Frozen
from introbench.metrics.intervals import cluster_count, cluster_sums, variance

__all__ = [
    "NO_TEST",
    "POWER",
    "PairedTest",
    "TestMethod",
    "benjamini_hochberg",
    "detectable",
    "exact_mcnemar",
    "holm",
    "paired_test",
    "sign_flip",
    "with_holm",
]

TestMethod = Literal["none", "exact McNemar", "cluster sign-flip", "clustered t", "stratified permutation"]

POWER = 0.8
"""Chance at which a true effect of the stated size is found."""

LEVEL = 0.05
"""Two-sided level of every test."""

DRAWS = 20_000
"""Sign-flips drawn where they cannot be counted; p-values are then resolved to 1 / 20,001."""

SIGNS_AT_A_TIME = 256
"""Clusters whose signs are held in memory together."""

MOST_LATTICE_POINTS = 2_000_000
"""Up to this many different sums the distribution of sign-flips is computed exactly."""


class PairedTest(Frozen):
    """A two-sided test that a difference is 0, and how large one it could have found."""

    method: TestMethod
    """How p was found; "none" where the data allow no test."""
    p: float | None
    """Chance of a difference at least as large if there were none; null where the data allow no test."""
    p_holm: float | None
    """The same after Holm's correction for every test of its family; null where p is, or without a family."""
    family: int
    """Number of tests in the family; 1 where it stands alone."""
    detectable: float | None
    """Smallest true difference that is found with 80 % power at the 5 % level; null without a standard error."""


NO_TEST = PairedTest(method="none", p=None, p_holm=None, family=1, detectable=None)
"""What there is where nothing can be tested."""


def detectable(standard_error: float, clusters: int) -> float | None:
    """Minimum detectable effect at 80 % power: (t of the level + t of the power) standard errors."""
    if clusters < 2 or not math.isfinite(standard_error) or standard_error <= 0:
        return None
    quantiles = stats.t.ppf([1 - LEVEL / 2, POWER], clusters - 1)
    return float(np.sum(quantiles)) * standard_error


def exact_mcnemar(gained: int, lost: int) -> float:
    """Two-sided exact McNemar test: as many gains as losses. Without any there is nothing against it (1.0)."""
    return float(stats.binomtest(gained, gained + lost, 0.5).pvalue) if gained + lost else 1.0


def sign_flip(differences: Floats, clusters: Ints, seed: int = 0) -> float:
    """Two-sided p of a sum of differences whose clusters could each as well have had the other sign.

    Whole-numbered cluster sums (differences of hits and misses) are counted exactly: the flips of m clusters with the
    same |sum| v add up to v · (2 · Binomial(m, ½) − m), and these are convolved. Others are drawn.

    Args:
        differences: (cases,) contributions to the difference; any scale.
        clusters: (cases,) cluster codes.
        seed: of the draws, where there are any.
    """
    sums = cluster_sums(differences, clusters) if differences.size else np.zeros(0)
    largest = float(np.max(np.abs(sums), initial=0.0))
    if largest <= 1e-12:
        return 1.0
    observed = abs(float(np.sum(sums)))
    # Rounding must not tear equal sums apart, nor keep a cluster that adds up to nothing.
    sizes, counts = np.unique(np.round(np.abs(sums) / largest, 12), return_counts=True)
    sizes, counts = sizes[sizes > 0] * largest, counts[sizes > 0]
    whole = np.round(sizes)
    if np.allclose(sizes, whole, atol=1e-9) and float(np.sum(whole * counts)) <= MOST_LATTICE_POINTS:
        return _counted(whole.astype(np.int64), counts, round(observed))
    totals = _drawn(sizes, counts, np.random.default_rng(seed))
    as_large = int(np.count_nonzero(np.abs(totals) >= observed - 1e-9 * largest))
    return (1 + as_large) / (1 + DRAWS)


def _counted(sizes: Ints, counts: Ints, observed: int) -> float:
    """Exact chance of a sum at least as far from 0, from the lattice of all sums."""
    from scipy.signal import fftconvolve

    chances = np.ones(1)
    for size, count in zip(sizes, counts, strict=True):
        part = np.zeros(2 * int(size) * int(count) + 1)
        part[:: 2 * int(size)] = stats.binom.pmf(np.arange(count + 1), count, 0.5)
        chances = fftconvolve(chances, part)
    reach = (chances.size - 1) // 2
    far = np.abs(np.arange(-reach, reach + 1)) >= observed
    return float(np.clip(np.sum(chances[far]), 0.0, 1.0))


def _drawn(sizes: Floats, counts: Ints, rng: np.random.Generator) -> Floats:
    """(draws,) sums under random signs."""
    totals = np.zeros(DRAWS)
    for size, count in zip(sizes[counts > 1], counts[counts > 1], strict=True):
        totals += size * (2.0 * rng.binomial(count, 0.5, DRAWS) - count)
    single = sizes[counts == 1]
    for start in range(0, single.size, SIGNS_AT_A_TIME):
        part = single[start : start + SIGNS_AT_A_TIME]
        totals += rng.choice(np.array([-1.0, 1.0]), (DRAWS, part.size)) @ part
    return totals


def paired_test(differences: Floats, clusters: Ints, seed: int = 0) -> PairedTest:
    """Test of a mean difference between two sets of hits on the same cases.

    Where every cluster is one case and differences are −1, 0 or 1 this is the exact McNemar test.

    Args:
        differences: (cases,) hits of one minus hits of the other.
        clusters: (cases,) cluster codes.
        seed: of the draws, where there are any.
    """
    if differences.size == 0:
        return NO_TEST
    count = cluster_count(clusters)
    error = math.sqrt(variance((differences - np.mean(differences)) / differences.size, clusters)) if count > 1 else 0.0
    if count == differences.size and np.isin(differences, (-1.0, 0.0, 1.0)).all():
        p = exact_mcnemar(int(np.count_nonzero(differences > 0)), int(np.count_nonzero(differences < 0)))
        method: TestMethod = "exact McNemar"
    else:
        p, method = sign_flip(differences, clusters, seed), "cluster sign-flip"
    return PairedTest(method=method, p=p, p_holm=None, family=1, detectable=detectable(error, count))


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment; tests that could not be made (None) do not count towards the family."""
    order = sorted((value, place) for place, value in enumerate(p) if value is not None)
    adjusted: list[float | None] = [None] * len(p)
    running = 0.0
    for rank, (value, place) in enumerate(order):
        running = max(running, min(1.0, (len(order) - rank) * value))
        adjusted[place] = running
    return adjusted


def with_holm(tests: Sequence[PairedTest]) -> list[PairedTest]:
    """The same tests as one family."""
    family = sum(test.p is not None for test in tests)
    return [
        test.model_copy(update={"p_holm": p, "family": max(family, 1)})
        for test, p in zip(tests, holm([test.p for test in tests]), strict=True)
    ]


def benjamini_hochberg(p: Sequence[float | None]) -> list[float | None]:
    """Benjamini–Hochberg adjusted p-values of an exploratory table; None stays None."""
    known = [value for value in p if value is not None]
    adjusted = iter(stats.false_discovery_control(known).tolist() if known else [])
    return [None if value is None else float(next(adjusted)) for value in p]
