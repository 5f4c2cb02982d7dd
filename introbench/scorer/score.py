"""Scoring a pack: the way that the probe chose, halved as often as memory asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from introbench.scorer.forest import TokenRequest
from introbench.scorer.forward import make_layout, score_packed, score_padded
from introbench.scorer.memory import out_of_memory
from introbench.scorer.packs import halve
from introbench.scorer.probe import ScoringPath
from introbench.scorer.rope import split_by_regime

__all__ = ["OutOfMemoryError", "ScoredRequest", "score_pack"]


@dataclass(frozen=True, slots=True)
class ScoredRequest:
    """The answer to a request.

    Attributes:
        logprobs: summed log-probability of each choice, in nats.
        part: which part of the pack's binary tree computed it, a digit per halving; "" is the whole pack.
    """

    logprobs: tuple[float, ...]
    part: str


class OutOfMemoryError(RuntimeError):
    """A single request does not fit into memory.

    Attributes:
        number: its place among the requests.
    """

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


def score_pack(model: Any, path: ScoringPath, requests: Sequence[TokenRequest], tokens: int) -> list[ScoredRequest]:
    """Score the choices of all requests of one pack, in order.

    Where memory does not hold the pack it is halved along a fixed binary tree, whatever is computed where.

    Args:
        tokens: most tokens of one padded batch, where the path is padded rows.

    Raises OutOfMemoryError where a single request does not fit.
    """

    def forward(some: Sequence[TokenRequest]) -> list[tuple[float, ...]]:
        if not path.packed:
            return score_padded(model, some, tokens)
        return score_packed(model, some, make_layout(model, some, flex=path.way == "flex"))

    return [found for _, found in sorted(_halving(model, forward, requests, list(range(len(requests))), "").items())]


def _halving(
    model: Any,
    forward: Callable[[Sequence[TokenRequest]], list[tuple[float, ...]]],
    requests: Sequence[TokenRequest],
    numbers: list[int],
    part: str,
) -> dict[int, ScoredRequest]:
    members = [requests[number] for number in numbers]
    try:
        scored = split_by_regime(model.config, members, forward)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        reason = " ".join(str(error).split())
    else:
        return {number: ScoredRequest(found, part) for number, found in zip(numbers, scored, strict=True)}
    # Behind the handler, when the failed pass is no longer held by its traceback.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    halves = halve(members)
    if halves is None:
        raise OutOfMemoryError(numbers[0], reason)
    found: dict[int, ScoredRequest] = {}
    for digit, half in enumerate(halves):
        found |= _halving(model, forward, requests, [numbers[member] for member in half], f"{part}{digit}")
    return found
