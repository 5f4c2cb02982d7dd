"""Packs: which requests share a forward pass, and how a pack is split where memory does not hold it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from introbench.scorer.forest import TokenRequest, count_tokens

__all__ = ["halve", "split_packs"]


def split_packs(requests: Sequence[TokenRequest], budget: int) -> list[list[int]]:
    """Cut requests into packs of whole groups; returns the indices of each pack's requests.

    Consecutive requests of one group stay together; a request without a group is one by itself. A pack is
    closed when the tokens of its groups, each group's forest counted by itself, would go over `budget`; one
    group alone may exceed it. Splitting a pack again gives the pack.
    """
    packs: list[list[int]] = []
    filled = 0
    for group in _groups(requests):
        tokens = count_tokens([requests[number] for number in group])
        if packs and filled + tokens <= budget:
            packs[-1] += group
            filled += tokens
        else:
            packs.append(group)
            filled = tokens
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


def _groups(requests: Sequence[TokenRequest]) -> list[list[int]]:
    # A request without a group is told from its neighbours by its own number.
    keyed = groupby(range(len(requests)), key=lambda number: requests[number].group or number)
    return [list(numbers) for _, numbers in keyed]
