"""Seeded BCa bootstrap over clusters, for functions of sums that neither Wilson nor t intervals fit."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import stats

from introbench.metrics.arrays import Floats, Ints
from introbench.metrics.intervals import CONFIDENCE, Estimate, cluster_count, cluster_sums, finished

__all__ = ["MOST_CLUSTERS", "RESAMPLES", "bca"]

RESAMPLES = 2000
MOST_CLUSTERS = 2000
"""With more clusters a bootstrap costs their square and says what the linearisation says."""

SEED = 0
"""The same resamples for the same data, on every machine."""

BATCH = 250
"""Resamples that are held in memory at a time."""


def bca(
    function: Callable[..., Any],
    columns: Sequence[Floats],
    clusters: Ints,
    *,
    smaller_class: int | None = None,
    otherwise: Callable[[], Estimate],
) -> Estimate:
    """Bias-corrected and accelerated 95 % interval of a function of sums over cases; whole clusters are resampled.

    Efron, JASA 82 (1987) 171–185, as scipy computes it.

    Args:
        function: takes the sum of every column, as numbers or as arrays of one shape, and gives as many values.
        columns: each (cases,).
        clusters: (cases,) cluster codes.
        smaller_class: number of clusters of the rarer class, where there are classes.
        otherwise: the estimate where a bootstrap says nothing, because no resample differs from another, or where
            there are more clusters than it is worth.
    """
    count = cluster_count(clusters)
    if not 2 <= count <= MOST_CLUSTERS:
        return otherwise()
    totals = [cluster_sums(column, clusters) for column in columns]

    def statistic(*parts: Floats, axis: int) -> Floats:
        values: Floats = function(*(np.sum(part, axis=axis) for part in parts))
        return values

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # A degenerate resampling distribution has no interval; that is what `otherwise` is for.
        warnings.simplefilter("ignore")
        found = stats.bootstrap(
            totals,
            statistic,
            n_resamples=RESAMPLES,
            batch=BATCH,
            vectorized=True,
            paired=True,
            confidence_level=CONFIDENCE,
            method="BCa",
            rng=np.random.default_rng(SEED),
        ).confidence_interval
    low, high = float(found.low), float(found.high)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return otherwise()
    value = float(function(*(np.sum(total) for total in totals)))
    stated = count if smaller_class is None else smaller_class
    return finished(value, min(low, value), max(high, value), "cluster bootstrap", clusters.size, stated)
