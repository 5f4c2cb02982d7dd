"""What the tests of the benchmarks run under."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

# They belong to no package: they are run from the repository root. Last, so that it hides nothing installed.
sys.path.append(str(Path(__file__).resolve().parents[2]))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Nothing is gained by more on models of this size, and much is lost on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
