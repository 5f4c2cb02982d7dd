"""Memory of a forward pass: keeping what was freed, and what the end of memory looks like on any device."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import torch

__all__ = ["keep_freed_memory", "out_of_memory", "return_freed_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt(3)."""

_LARGEST_KEPT = 1 << 30
_MOST_KEPT = (1 << 31) - 1
"""Bytes: of one block, and of all that is free at the heap's end."""

_MESSAGES = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "cublas_status_alloc_failed",
    "memory footprint",
    "no requests can be scheduled",
)
"""How allocators, cuBLAS and the continuous engine say it, in lower case; most raise a plain RuntimeError."""


def _c_function(name: str) -> Any:
    """A function of the C library; None where there is none of this name."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None


def return_freed_memory() -> None:
    """Hand free pages back to the system, those between blocks in use too.

    Blocks of many sizes leave gaps that later ones do not fit into: without it, 5 GB were resident after 90 steps of a
    training that held 1 to 2 GB.
    """
    trim = _c_function("malloc_trim")
    if trim is not None:
        trim(0)


def keep_freed_memory() -> bool:
    """Let this process reuse large blocks that it has freed; returns whether its C library can.

    glibc hands every activation of a few megabytes back to the system, which clears each page anew for the next
    layer. The resident size then stays near its peak until `return_freed_memory`.
    """
    mallopt = _c_function("mallopt")
    if mallopt is None:
        return False
    # musl has no mallopt or a mute one; glibc answers 1 for what it accepts.
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)) and bool(mallopt(_TRIM_THRESHOLD, _MOST_KEPT))


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the device or of the machine, is exhausted."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(message in str(error).lower() for message in _MESSAGES)
