"""The token forest: requests that share prefixes, laid out so that every shared token stands once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Forest", "TokenRequest", "grow_forest", "split_packs"]


class TokenRequest(Protocol):
    """What the forest needs to know of a request."""

    @property
    def prompt_ids(self) -> tuple[int, ...]: ...
    @property
    def choices_ids(self) -> tuple[tuple[int, ...], ...]: ...
    @property
    def group(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Forest:
    """A forest of n tokens in depth-first order. Token i attends to j iff j ≤ i < end[j].

    The last token of a choice is scored but never pushed, unless another sequence goes on behind it.

    Attributes:
        ids: token ids, int64 (n).
        depth: number of ancestors, which is the token's position, int64 (n).
        end: index behind the last descendant, int64 (n).
        scored: tokens whose next-token distribution is needed, ascending, int64 (m).
        rows: per scored transition, index into `scored`, int64 (t).
        targets: per scored transition, the id that follows, int64 (t).
        owners: per scored transition, the flat number of its choice over all requests, int64 (t).
        choices: number of choices over all requests.
    """

    ids: NDArray[np.int64]
    depth: NDArray[np.int64]
    end: NDArray[np.int64]
    scored: NDArray[np.int64]
    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    owners: NDArray[np.int64]
    choices: int


class _Trie:
    """Nodes by number; 0 is the root, which holds no token."""

    def __init__(self) -> None:
        self.ids = [-1]
        self.children: list[dict[int, int]] = [{}]

    def walk(self, start: int, tokens: Sequence[int]) -> int:
        node = start
        for token in tokens:
            below = self.children[node].get(token)
            if below is None:
                below = len(self.ids)
                self.children[node][token] = below
                self.ids.append(token)
                self.children.append({})
            node = below
        return node


def grow_forest(requests: Sequence[TokenRequest]) -> Forest:
    """Build the forest of all prompts and choices."""
    trie = _Trie()
    transitions: list[tuple[int, int, int]] = []
    choice = 0
    for request in requests:
        stem = trie.walk(0, request.prompt_ids)
        for reply in request.choices_ids:
            node = stem
            for place, token in enumerate(reply):
                transitions.append((node, token, choice))
                if place + 1 < len(reply):
                    node = trie.walk(node, (token,))
            choice += 1
    order, depth, end = _depth_first(trie)
    index = np.empty(len(trie.ids), dtype=np.int64)
    index[order] = np.arange(len(order))
    nodes, targets, owners = (np.array(column, dtype=np.int64) for column in zip(*transitions, strict=True))
    scored, rows = np.unique(index[nodes], return_inverse=True)
    return Forest(
        ids=np.array(trie.ids, dtype=np.int64)[order],
        depth=depth,
        end=end,
        scored=scored,
        rows=rows.astype(np.int64),
        targets=targets,
        owners=owners,
        choices=choice,
    )


def _depth_first(trie: _Trie) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    order: list[int] = []
    depth: list[int] = []
    end: list[int] = []
    # The second entry is the place in `order` of a node whose descendants are all laid out, or -1 on the way down.
    stack = [(node, -1, 0) for node in reversed(trie.children[0].values())]
    while stack:
        node, place, level = stack.pop()
        if place >= 0:
            end[place] = len(order)
            continue
        stack.append((node, len(order), level))
        order.append(node)
        depth.append(level)
        end.append(0)
        stack += [(child, -1, level + 1) for child in reversed(trie.children[node].values())]
    return np.array(order, dtype=np.int64), np.array(depth, dtype=np.int64), np.array(end, dtype=np.int64)


def split_packs(requests: Sequence[TokenRequest], budget: int) -> list[list[int]]:
    """Cut requests into packs of whole groups; returns the indices of each pack's requests.

    Consecutive requests of one group stay together; a request without a group is one by itself. A pack is
    closed when the next group would bring its forest over `budget` tokens; one group alone may exceed it.
    Splitting a pack again gives the pack.
    """
    groups: list[list[int]] = []
    for number, request in enumerate(requests):
        if groups and request.group and requests[groups[-1][0]].group == request.group:
            groups[-1].append(number)
        else:
            groups.append([number])
    packs: list[list[int]] = []
    trie = _Trie()
    for group in groups:
        before = len(trie.ids)
        _plant(trie, [requests[number] for number in group])
        if packs and before > 1 and len(trie.ids) - 1 <= budget:
            packs[-1] += group
            continue
        trie = _Trie()
        _plant(trie, [requests[number] for number in group])
        packs.append(list(group))
    return packs


def _plant(trie: _Trie, requests: Sequence[TokenRequest]) -> None:
    for request in requests:
        stem = trie.walk(0, request.prompt_ids)
        for reply in request.choices_ids:
            trie.walk(stem, reply[:-1])
