"""Packs: which requests share a forward pass, and how a pack is split where memory does not hold it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from introbench.scorer.forest import TokenRequest, count_tokens

__all__ = ["halve", "split_packs"]


def split_packs(requests: Sequence[TokenRequest], budget: int) -> list[list[int]]:
    """Cut requests into packs of whole groups; returns the indices of each pack's requests.

    Consecutive requests of one group stay together; a request without a group is one by itself. A pack is
    closed when the tokens of its groups would go over `budget`; one group alone may exceed it. Every group's
    forest is counted by itself, less what all its prompts share with all prompts of the pack's first group, a
    system turn for instance. Splitting a pack again gives the pack.
    """
    packs: list[list[int]] = []
    filled = 0
    opening: tuple[int, ...] = ()
    for group in _groups(requests):
        members = [requests[number] for number in group]
        tokens = count_tokens(members)
        prompts = [request.prompt_ids for request in members]
        added = tokens - _shared([opening, *prompts])
        if packs and filled + added <= budget:
            packs[-1] += group
            filled += added
        else:
            packs.append(group)
            filled = tokens
            opening = prompts[0][: _shared(prompts)]
    return packs


def halve(requests: Sequence[TokenRequest]) -> tuple[list[int], list[int]] | None:
    """The two halves of a pack along its fixed binary tree, or None for a single request.

    Whole groups as long as there are several, then the requests of the one group.
    """
    parts = _groups(requests)
    if len(parts) == 1:
        parts = [[number] for number in parts[0]]
    if len(parts) == 1:
        return None
    middle = len(parts) // 2
    return [number for part in parts[:middle] for number in part], [
        number for part in parts[middle:] for number in part
    ]


def _shared(sequences: Sequence[tuple[int, ...]]) -> int:
    """Number of tokens that all sequences begin with."""
    # Whatever the first and the last in order share, those between share too.
    first, last = min(sequences), max(sequences)
    differing = (place for place, (left, right) in enumerate(zip(first, last, strict=False)) if left != right)
    return next(differing, min(len(first), len(last)))


def _groups(requests: Sequence[TokenRequest]) -> list[list[int]]:
    # A request without a group is told from its neighbours by its own number.
    keyed = groupby(range(len(requests)), key=lambda number: requests[number].group or number)
    return [list(numbers) for _, numbers in keyed]
