"""What the end of memory looks like, on any device."""

from __future__ import annotations

import torch

__all__ = ["out_of_memory"]

_MESSAGES = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "cublas_status_alloc_failed",
    "memory footprint",
    "no requests can be scheduled",
)
"""How allocators, cuBLAS and the continuous engine say it, in lower case; most raise a plain RuntimeError."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the device or of the machine, is exhausted."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(message in str(error).lower() for message in _MESSAGES)
