"""Which way of scoring a model takes, decided on load by its config and by comparing numbers."""

from __future__ import annotations

import inspect
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from introbench.scorer.forward import score_packed, score_padded

__all__ = ["MIN_TIE_MARGIN", "ScoringPath", "choose_path"]

MIN_TIE_MARGIN = 1e-3
"""Nats. No decision closer than this is called certain, whatever the probe says."""

_TIE_FACTOR = 3.0
_TOLERANCE = {torch.float32: 1e-4}
_LOW_PRECISION_TOLERANCE = 0.05
_TOLERANCE_FACTOR = 5.0
"""A tree may differ from single rows by this much more than padded rows do: both are the rounding of sums."""

_WINDOWS = ("sliding_window", "window_size", "attention_types", "attention_window", "attention_chunk_size")
_PROBE_PROMPTS = 3
_PROBE_STEM = 12
_PROBE_BRANCH = 6


@dataclass(frozen=True, slots=True)
class _ProbeRequest:
    prompt_ids: tuple[int, ...]
    choices_ids: tuple[tuple[int, ...], ...]
    group: str = ""


@dataclass(frozen=True, slots=True)
class ScoringPath:
    """How a model is scored.

    Attributes:
        packed: whether token trees are used.
        reason: why, for the manifest.
        difference: largest difference to one row at a time that the probe saw, in nats.
    """

    packed: bool
    reason: str
    difference: float

    @property
    def tie_margin(self) -> float:
        """Three times the probe's difference, at least `MIN_TIE_MARGIN`, in nats."""
        return max(_TIE_FACTOR * self.difference, MIN_TIE_MARGIN)


def choose_path(model: Any) -> ScoringPath:
    """Take packed trees where config and probe allow it, else padded rows.

    Neither check suffices alone: recurrent layers accept a tree mask and ignore it, and a probe shorter
    than a sliding window does not see the window.
    """
    requests = _probe_requests(model)
    plain = score_padded(model, requests, rows_per_batch=1)
    padded_difference = _difference(score_padded(model, requests), plain)
    if obstacle := _obstacle(model):
        return ScoringPath(False, obstacle, padded_difference)
    try:
        difference = _difference(score_packed(model, requests), plain)
    except (ValueError, TypeError, RuntimeError, AttributeError) as error:
        reason = f"the model refuses a tree mask: {' '.join(str(error).split())[:120]}"
        return ScoringPath(False, reason, padded_difference)
    limit = max(_TOLERANCE.get(model.dtype, _LOW_PRECISION_TOLERANCE), _TOLERANCE_FACTOR * padded_difference)
    if not difference <= limit:
        return ScoringPath(False, f"probe: tree and plain differ by {difference:.2g} nats", padded_difference)
    return ScoringPath(True, f"probe: tree and plain differ by {difference:.1e} nats", difference)


def _obstacle(model: Any) -> str | None:
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return "forward takes no position_ids"
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if other := sorted(kinds - {"full_attention"}):
        return f"has layers of type {other[0]}"
    # Without layer types a window is on wherever one is set; configs with types turn it off there. The probe is
    # shorter than most windows and cannot see them.
    set_windows = [name for name in _WINDOWS if getattr(config, name, None)]
    if getattr(config, "layer_types", None) is None and set_windows:
        return f"its config sets {set_windows[0]}"
    return None


def _probe_requests(model: Any) -> list[_ProbeRequest]:
    draw = random.Random(0)
    vocabulary = model.config.get_text_config().vocab_size

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(vocabulary) for _ in range(count))

    stem = tokens(_PROBE_STEM)
    return [
        _ProbeRequest(stem + tokens(_PROBE_BRANCH + number), tuple(tokens(count) for count in (1, 2, 4)))
        for number in range(_PROBE_PROMPTS)
    ]


def _difference(left: list[tuple[float, ...]], right: list[tuple[float, ...]]) -> float:
    # numpy's maximum keeps NaN, which Python's loses.
    return float(np.max(np.abs(np.concatenate(left) - np.concatenate(right))))
