"""How much memory a training needs, from a model's config alone, and how many tokens a pass may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from introbench.models.hf.quiet import quiet
from introbench.scorer.budget import device_memory
from introbench.train.adapter import add_adapter
from introbench.train.config import Hyperparameters

__all__ = ["TrainingMemory", "adapter_parameters", "fitting_tokens", "training_memory"]

MOST_TOKENS = {"cpu": 2048, "cuda": 8192}
"""Tokens of one pass by type of device, past which bigger passes were no faster."""

_LEAST_TOKENS = 256
_USABLE = 0.8
"""Share of a device's memory that is planned with."""

_KEPT_HIDDEN = 14
"""Activations per layer that are kept for the backward pass, as wide as the hidden state: residuals, norms, queries,
keys and values before and behind rotation, attention's output and its input to the next product."""

_KEPT_INNER = 4
"""Likewise, as wide as the middle of the feed-forward layer."""

_ADAPTER_BYTES = 16
"""Per adapter weight: itself, its gradient and Adam's two moments, all float32."""

_SCORED_SHARE = 0.15
"""Share of the tokens whose logits are computed: the replies' share of a usual case."""

_LOGIT_COPIES = 16
"""Bytes per logit: in float32 as they are, as log-probabilities, those of M0, and their gradient."""


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """Bytes that a training holds at its peak, by what holds them.

    Attributes:
        weights: the frozen weights.
        adapter: the adapter with gradients and optimiser state.
        activations: of one pass, logits included.
    """

    weights: int
    adapter: int
    activations: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.adapter + self.activations


def _sizes(config: Any) -> tuple[int, int, int, int]:
    text = config.get_text_config()
    hidden = int(getattr(text, "hidden_size", 4096))
    stated = getattr(text, "intermediate_size", None) or 4 * hidden
    inner = int(max(stated) if isinstance(stated, (list, tuple)) else stated)
    layers = int(getattr(text, "num_hidden_layers", 32))
    return hidden, inner, layers, int(getattr(text, "vocab_size", 128_000))


def _bytes_per_token(config: Any, dtype: torch.dtype) -> int:
    hidden, inner, layers, vocabulary = _sizes(config)
    kept = dtype.itemsize * layers * (_KEPT_HIDDEN * hidden + _KEPT_INNER * inner)
    return kept + int(_SCORED_SHARE * _LOGIT_COPIES * vocabulary)


def adapter_parameters(model: Any, chosen: Hyperparameters) -> int:
    """Weights that the adapter of a transformers model will have, counted on one like it without weights.

    Raises UsageError as `add_adapter` does.
    """
    # Which layers peft takes, and of experts how many weights, it alone knows.
    with quiet(), torch.device("meta"):
        adapted = add_adapter(type(model)(model.config), chosen, "")
    return sum(each.numel() for each in adapted.parameters() if each.requires_grad)


def fitting_tokens(
    config: Any, parameters: int, adapter: int, dtype: torch.dtype, device: torch.device, chosen: Hyperparameters
) -> int:
    """Tokens of one pass: as asked for, else a power of two from the device's whole memory, a step's tokens at most."""
    if chosen.pack_tokens is not None:
        return chosen.pack_tokens
    free = _USABLE * device_memory(device) - parameters * dtype.itemsize - adapter * _ADAPTER_BYTES
    fitting = max(_LEAST_TOKENS, int(free / _bytes_per_token(config, dtype)))
    most = min(MOST_TOKENS.get(device.type, MOST_TOKENS["cpu"]), chosen.batch_tokens)
    return max(1, min(most, 1 << (fitting.bit_length() - 1)))


def training_memory(config: Any, parameters: int, adapter: int, dtype: torch.dtype, pack_tokens: int) -> TrainingMemory:
    """What a training holds with passes of so many tokens."""
    return TrainingMemory(
        weights=parameters * dtype.itemsize,
        adapter=adapter * _ADAPTER_BYTES,
        activations=pack_tokens * _bytes_per_token(config, dtype),
    )
