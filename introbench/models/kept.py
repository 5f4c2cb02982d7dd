"""Weights that stay in memory from one model of a run to the next, where both stand on them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["KeptWeights", "base_of", "same_base"]

_OF_BASE = ("attention", "device map", "dtype", "engine", "noise", "quantised", "weights")
"""Parts of a fingerprint that say which weights are in memory, and where, before an adapter is added."""


class KeptWeights:
    """The weights that were loaded last. One base at a time: another one is loaded only when they are gone."""

    def __init__(self) -> None:
        self._key = ""
        self._weights: Any = None

    def take(self, key: str, load: Callable[[], Any]) -> Any:
        """What is kept under a key, else what `load` gives, which is kept from then on.

        Nobody may change what is taken: others are to find it as it was loaded.
        """
        if self._weights is None or self._key != key:
            self.drop()
            self._weights, self._key = load(), key
        return self._weights

    def drop(self) -> None:
        """Keep nothing."""
        if self._weights is not None:
            self._weights = None
            gc.collect()  # modules refer to each other in circles


def base_of(parts: Mapping[str, str]) -> Mapping[str, str]:
    """What the parts of a fingerprint tell of the weights, adapter aside."""
    return {name: parts[name] for name in _OF_BASE if name in parts}


def same_base(mine: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether the parts of two fingerprints tell of the same weights."""
    return "weights" in mine and base_of(mine) == base_of(other)
