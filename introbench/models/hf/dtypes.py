"""In which dtype a model runs where nothing is said."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModelForCausalLM

__all__ = ["DTYPES", "count_parameters", "default_dtype", "dtype_name"]

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

_FLOAT32_BELOW = 1_000_000_000
"""Parameters. Smaller models run in float32: bf16 rounding alone flipped 6 % of a 135M model's labels."""


def count_parameters(config: Any, trust: bool) -> int:
    """Parameters of the model that a config describes, counted without memory."""
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(config, trust_remote_code=trust)
    return sum(parameter.numel() for parameter in empty.parameters())


def default_dtype(config: Any, parameters: int) -> torch.dtype:
    """float32 for small models, else the checkpoint's."""
    if parameters < _FLOAT32_BELOW:
        return torch.float32
    stored = config.get_text_config().dtype
    return stored if isinstance(stored, torch.dtype) else torch.float32


def dtype_name(dtype: torch.dtype) -> str:
    """A dtype as specs and manifests write it, as in "float32"."""
    return str(dtype).removeprefix("torch.")
