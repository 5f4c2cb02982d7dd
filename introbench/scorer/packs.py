"""Packs: which requests share a forward pass, and how a pack is split where memory does not hold it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from introbench.scorer.forest import TokenRequest, count_tokens

__all__ = ["Filling", "Group", "halve", "measure_group", "split_packs"]


@dataclass(frozen=True, slots=True)
class Group:
    """What a group of requests costs.

    Attributes:
        tokens: tokens of its forest, by itself.
        common: the token ids that all its prompts begin with.
    """

    tokens: int
    common: tuple[int, ...]


def measure_group(requests: Sequence[TokenRequest]) -> Group:
    """Count a group; at least one request."""
    prompts = [request.prompt_ids for request in requests]
    return Group(count_tokens(requests), prompts[0][: _shared(prompts)])


class Filling:
    """Packs being filled with groups, one after the other, up to `budget` tokens each; one group alone may exceed it.

    Every group's forest is counted by itself, less what its prompts share with those of the pack's first group, a
    system turn for instance.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._filled = 0
        self._opening: tuple[int, ...] = ()

    def opens(self, group: Group) -> bool:
        """Put a group into a pack; returns whether it opened a new one."""
        added = group.tokens - _shared([self._opening, group.common])
        if self._filled and self._filled + added <= self._budget:
            self._filled += added
            return False
        self._filled, self._opening = group.tokens, group.common
        return True


def split_packs(requests: Sequence[TokenRequest], budget: int) -> list[list[int]]:
    """Cut requests into packs of whole groups, as `Filling` fills them; returns the indices of each pack's requests.

    Consecutive requests of one group stay together; a request without a group is one by itself. Splitting a pack
    again gives the pack.
    """
    packs: list[list[int]] = []
    filling = Filling(budget)
    for group in _groups(requests):
        if filling.opens(measure_group([requests[number] for number in group])):
            packs.append(group)
        else:
            packs[-1] += group
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
