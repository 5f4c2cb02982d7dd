"""Names for the array types that the metrics share, and the grouping of codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bools", "Floats", "Ints", "Strings", "grouped"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Strings = NDArray[np.str_]


def grouped(codes: Ints) -> tuple[Ints, Ints]:
    """Codes numbered anew without gaps, in their order, and how many cases each has.

    numpy.unique says the same of any values, after sorting them; codes are counted.

    Args:
        codes: (cases,) none negative, and none much larger than the data: memory is linear in the largest.
    """
    counts = np.bincount(codes)
    present = counts > 0
    return (np.cumsum(present) - 1)[codes], counts[present]
