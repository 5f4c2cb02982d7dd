"""Codes are grouped as numpy.unique groups values."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from introbench.metrics.arrays import grouped


@given(st.lists(st.integers(0, 40)))
def test_grouping_by_counting_is_grouping_by_sorting(codes: list[int]) -> None:
    array = np.array(codes, dtype=np.int64)
    _, expected, sizes = np.unique(array, return_inverse=True, return_counts=True)
    found, counts = grouped(array)
    assert found.tolist() == expected.tolist()
    assert counts.tolist() == sizes.tolist()
