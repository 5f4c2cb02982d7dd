"""Position encodings that depend on the longest sequence of a batch, and how a pack is kept to one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from introbench.scorer.forest import TokenRequest

__all__ = ["regime_limit", "split_by_regime"]


@dataclass(frozen=True, slots=True)
class _Part:
    """Some choices of a request."""

    prompt_ids: tuple[int, ...]
    choices_ids: tuple[tuple[int, ...], ...]
    group: str = ""


def regime_limit(config: Any) -> int | None:
    """Longest sequence, in tokens, of the short regime of a model with two sets of frequencies (LongRoPE), else None.

    Dynamic scaling needs no such limit: it begins behind the context that the config states, where no prompt goes.
    """
    parameters = getattr(config.get_text_config(), "rope_parameters", None) or {}
    kinds = [parameters, *(each for each in parameters.values() if isinstance(each, Mapping))]
    limits = [kind["original_max_position_embeddings"] for kind in kinds if kind.get("rope_type") == "longrope"]
    return int(min(limits)) if limits else None


def split_by_regime(
    config: Any,
    requests: Sequence[TokenRequest],
    forward: Callable[[Sequence[TokenRequest]], list[tuple[float, ...]]],
) -> list[tuple[float, ...]]:
    """Score requests so that no choice of one regime shares a forward pass with a choice of the other.

    A sequence is pushed without its last token, and its length without that token decides.
    """
    limit = regime_limit(config)
    if limit is None:
        return forward(requests)
    scores = [[0.0] * len(request.choices_ids) for request in requests]
    for long in (False, True):
        chosen = [
            [
                place
                for place, reply in enumerate(request.choices_ids)
                if (len(request.prompt_ids) + len(reply) - 1 > limit) is long
            ]
            for request in requests
        ]
        numbers = [number for number, places in enumerate(chosen) if places]
        parts = [
            _Part(requests[number].prompt_ids, tuple(requests[number].choices_ids[place] for place in chosen[number]))
            for number in numbers
        ]
        for number, found in zip(numbers, forward(parts) if parts else [], strict=True):
            for place, value in zip(chosen[number], found, strict=True):
                scores[number][place] = value
    return [tuple(values) for values in scores]
