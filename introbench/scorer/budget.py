"""How many tokens one forward pass may hold: chosen once, from the machine's memory, and then recorded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

__all__ = ["MOST_TOKENS", "device_memory", "holds", "pack_budget"]

MOST_TOKENS = {"cpu": 2048, "cuda": 16384}
"""Tokens of one pass by type of device, past which bigger passes were no faster."""

_LEAST_TOKENS = 256
_USABLE = 0.8
"""Share of a device's memory that is planned with; the rest is the allocator's and other programs'."""

_STREAMS = 8
"""Residual stream, norms, queries, keys, values and attention output, each as wide as the hidden state."""

_USUAL_WIDTH = 4096
_USUAL_VOCABULARY = 128_000
"""For configs of a code of their own, which may name these otherwise."""

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def pack_budget(config: Any, parameters: int, dtype: torch.dtype, device: torch.device) -> int:
    """Tokens of one forward pass: a power of two, from the device's whole memory, so that a machine keeps to it.

    Args:
        config: the model's transformers config.
        parameters: number of weights.
        dtype: of weights and activations.
    """
    text = config.get_text_config()
    hidden = int(getattr(text, "hidden_size", _USUAL_WIDTH))
    stated = getattr(text, "intermediate_size", None) or 4 * hidden
    inner = int(max(stated) if isinstance(stated, (list, tuple)) else stated)
    # Every token scored is the worst case; its logits stand beside their float32 copy of a part only.
    per_token = dtype.itemsize * (_STREAMS * hidden + 3 * inner + int(getattr(text, "vocab_size", _USUAL_VOCABULARY)))
    free = _USABLE * device_memory(device) - parameters * dtype.itemsize
    most = MOST_TOKENS.get(device.type, MOST_TOKENS["cpu"])
    fitting = max(_LEAST_TOKENS, int(free / per_token))
    return min(most, 1 << (fitting.bit_length() - 1))


def holds(device: torch.device, size: int) -> bool:
    """Whether weights of that many bytes fit into the part of a device's whole memory that is planned with."""
    return size <= _USABLE * device_memory(device)


def device_memory(device: torch.device) -> int:
    """Bytes of memory that belong to a device."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(physical, int(_CGROUP_LIMIT.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return physical
