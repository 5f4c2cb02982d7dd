"""Looking more than once: how much of alpha each look may spend."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import stats

__all__ = ["spending"]


def spending(alpha: float, fractions: Sequence[float]) -> list[float]:
    """Alpha of each look, which add up to no more than alpha.

    Lan and DeMets' (1983) version of O'Brien and Fleming's bounds: 2 − 2·Φ(z / √t) is spent at the fraction t of all
    items. Every look uses its own share (Bonferroni over looks), which holds whatever the looks have in common.

    Args:
        alpha: of all looks together, one-sided.
        fractions: share of all items at each look, rising, the last one 1.
    """
    z = float(stats.norm.isf(alpha / 2))
    spent = [2 * float(stats.norm.sf(z / math.sqrt(fraction))) for fraction in fractions]
    return [now - before for before, now in zip([0.0, *spent[:-1]], spent, strict=True)]
