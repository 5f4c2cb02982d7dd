"""Which way of scoring a model takes, decided on load by its config, its attention calls and its numbers."""

from __future__ import annotations

import inspect
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from introbench.scorer.forward import make_layout, score_packed, score_padded
from introbench.scorer.memory import out_of_memory

__all__ = ["MIN_TIE_MARGIN", "ScoringPath", "choose_path"]

MIN_TIE_MARGIN = 1e-3
"""Nats. No decision closer than this is called certain, whatever the probe says."""

_TIE_FACTOR = 3.0
_TOLERANCE = 1e-4
"""Nats of a choice, in float32."""

_TOLERANCE_FACTOR = 5.0
"""A tree may differ from single rows by this much more than padded rows do: both are the rounding of sums."""

_LOW_PRECISION_TYPICAL, _LOW_PRECISION_LARGEST = 0.25, 1.0
"""Nats of a choice over the root of its tokens, in other dtypes: root mean square, and most, over the choices.

The largest sum alone does not tell rounding from a wrong tree. In SmolLM2-135M in bfloat16, plain and with a trained
adapter, twenty probes of a right tree have a root mean square of .05 to .11 and .32 at most, and of one that has the
positions of a single row .37 to 1.80. Where branches see each other it is at least .45, where a window of eight tokens
is passed over 1.70, even of three prompts (64 probes).
"""

_LAYERS = {"full_attention", "sliding_attention"}
_WINDOWS = ("window_size", "attention_types", "attention_window", "attention_chunk_size")
"""Settings of models whose layers do not say which tokens they see when they call their attention."""

_PROBE_PROMPTS, _LOW_PRECISION_PROMPTS = 3, 8
_PROBE_STEM = 12
_PROBE_BRANCH = 6
_LONGEST_PROBE = {"cpu": 1024, "cuda": 8192}
"""Tokens. A window is probed by a prompt that is longer where this device reads it in a second or so."""

_PROBE_BATCH = 256
"""Tokens of a padded batch of the probe: its short rows together, a row past a window by itself."""

_WAYS: Mapping[str, tuple[Literal["flex", "blocks"], ...]] = {"cpu": ("blocks",), "cuda": ("flex", "blocks")}
"""What is tried first on a type of device. FlexAttention compiles for seconds, and wins on a GPU only."""


@dataclass(frozen=True, slots=True)
class _ProbeRequest:
    prompt_ids: tuple[int, ...]
    choices_ids: tuple[tuple[int, ...], ...]
    group: str = ""


@dataclass(frozen=True, slots=True)
class ScoringPath:
    """How a model is scored.

    Attributes:
        way: token trees by FlexAttention ("flex") or by runs of queries ("blocks"), or padded rows ("padded").
        reason: why, for the manifest.
        difference: largest difference to one row at a time that the probe saw, in nats.
    """

    way: Literal["flex", "blocks", "padded"]
    reason: str
    difference: float

    @property
    def packed(self) -> bool:
        """Whether token trees are used."""
        return self.way != "padded"

    @property
    def tie_margin(self) -> float:
        """Three times the probe's difference, at least `MIN_TIE_MARGIN`, in nats."""
        return max(_TIE_FACTOR * self.difference, MIN_TIE_MARGIN)


def choose_path(model: Any) -> ScoringPath:
    """Take packed trees where config, attention calls and numbers allow it, else padded rows.

    No check suffices alone: recurrent layers run beside a tree and ignore it, and a probe shorter than a
    sliding window does not see the window. Raises torch.OutOfMemoryError or its like where not even this fits.
    """
    requests = _probe_requests(model)
    plain = score_padded(model, requests, tokens_per_batch=1)
    padded_difference = _difference(score_padded(model, requests, _PROBE_BATCH), plain)
    limit = max(_TOLERANCE, _TOLERANCE_FACTOR * padded_difference) if model.dtype == torch.float32 else None
    refusals = []
    for way in _WAYS.get(model.device.type, _WAYS["cpu"]):
        found = _try_trees(model, requests, plain, way, limit)
        if isinstance(found, ScoringPath):
            return found
        refusals.append(found)
    return ScoringPath("padded", refusals[-1], padded_difference)


def _try_trees(
    model: Any,
    requests: Sequence[_ProbeRequest],
    plain: list[tuple[float, ...]],
    way: Literal["flex", "blocks"],
    limit: float | None,
) -> ScoringPath | str:
    """The path, or what speaks against it.

    Args:
        limit: most nats that a choice may differ by; None where the dtype is coarser than float32.
    """
    if obstacle := _obstacle(model):
        return obstacle
    tree = make_layout(model, requests, flex=way == "flex")
    try:
        found = score_packed(model, requests, tree)
    except (ValueError, TypeError, RuntimeError, AttributeError, NotImplementedError) as error:
        if out_of_memory(error):
            raise
        return " ".join(str(error).split())[:120]
    if obstacle := _wrong_calls(model, tree.seen):
        return obstacle
    difference = _difference(found, plain)
    if not (difference <= limit if limit is not None else _is_rounding(found, plain, requests)):
        return f"probe: tree and plain differ by {difference:.2g} nats"
    return ScoringPath(way, f"{way}: tree and plain differ by {difference:.1e} nats in the probe", difference)


def _obstacle(model: Any) -> str | None:
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return "forward takes no position_ids"
    config = model.config.get_text_config()
    if other := sorted(set(getattr(config, "layer_types", None) or _LAYERS) - _LAYERS):
        return f"has layers of type {other[0]}"
    if set_windows := [name for name in _WINDOWS if getattr(config, name, None)]:
        return f"its config sets {set_windows[0]}"
    return None


def _wrong_calls(model: Any, seen: Sequence[int | None]) -> str | None:
    """What speaks against a tree in the windows that the attention calls of one forward pass asked for."""
    config = model.config.get_text_config()
    if len(seen) != config.num_hidden_layers:
        return f"{len(seen)} of its {config.num_hidden_layers} layers attend by the library's attention"
    window = _window(config)
    kinds = getattr(config, "layer_types", None) or ["sliding_attention" if window else "full_attention"] * len(seen)
    expected = [window if kind == "sliding_attention" else None for kind in kinds]
    if list(seen) != expected:
        return f"its layers ask for the windows {sorted(set(map(str, seen)))}, its config for {window}"
    return None


def _window(config: Any) -> int | None:
    found = getattr(config, "sliding_window", None)
    return int(found) if found else None


def _probe_requests(model: Any) -> list[_ProbeRequest]:
    draw = random.Random(0)
    config = model.config.get_text_config()

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(config.vocab_size) for _ in range(count))

    stem = tokens(_PROBE_STEM)
    requests = [
        _ProbeRequest(stem + tokens(_PROBE_BRANCH + number), tuple(tokens(count) for count in (1, 2, 4)))
        for number in range(_PROBE_PROMPTS if model.dtype == torch.float32 else _LOW_PRECISION_PROMPTS)
    ]
    window = _window(config)
    if window is not None and window + _PROBE_BRANCH <= _LONGEST_PROBE.get(model.device.type, 0):
        requests.append(_ProbeRequest(stem + tokens(window + _PROBE_BRANCH - _PROBE_STEM), (tokens(1),)))
    return requests


def _difference(left: list[tuple[float, ...]], right: list[tuple[float, ...]]) -> float:
    # numpy's maximum keeps NaN, which Python's loses.
    return float(np.max(np.abs(np.concatenate(left) - np.concatenate(right))))


def _is_rounding(
    left: list[tuple[float, ...]], right: list[tuple[float, ...]], requests: Sequence[_ProbeRequest]
) -> bool:
    """Whether two ways differ as the rounding of single tokens adds up, by the root of their number."""
    tokens = np.array([len(ids) for request in requests for ids in request.choices_ids])
    each = np.abs(np.concatenate(left) - np.concatenate(right)) / np.sqrt(tokens)
    return bool(np.sqrt(np.mean(each**2)) <= _LOW_PRECISION_TYPICAL and np.max(each) <= _LOW_PRECISION_LARGEST)
