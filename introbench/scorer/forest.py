"""The token forest: requests that share prefixes, laid out so that every shared token stands once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Forest", "TokenRequest", "count_tokens", "grow_forest"]


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
        parent: index of the token before, -1 for the first of a tree, int64 (n).
        end: index behind the last descendant, int64 (n).
        scored: tokens whose next-token distribution is needed, ascending, int64 (m).
        rows: per scored transition, index into `scored`, int64 (t).
        targets: per scored transition, the id that follows, int64 (t).
        owners: per scored transition, the flat number of its choice over all requests, ascending, int64 (t).
        choices: number of choices over all requests.
    """

    ids: NDArray[np.int64]
    depth: NDArray[np.int64]
    parent: NDArray[np.int64]
    end: NDArray[np.int64]
    scored: NDArray[np.int64]
    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    owners: NDArray[np.int64]
    choices: int

    def path(self, node: int) -> NDArray[np.int64]:
        """The ancestors of a token from the root down, without the token itself, int64 (depth[node])."""
        found = np.empty(self.depth[node], dtype=np.int64)
        for place in range(len(found) - 1, -1, -1):
            node = self.parent[node]
            found[place] = node
        return found


@dataclass(frozen=True, slots=True)
class _Paths:
    """The distinct pushed sequences of some requests, sorted, so that neighbours share their longest prefixes.

    Attributes:
        ids: token ids, 0 behind the end, int64 (sequences, longest).
        lengths: length of each sequence, int64 (sequences).
        shared: tokens that each sequence shares with the one before it, int64 (sequences).
        of_choice: per choice, in the order of the requests, the sequence that it pushes, int64 (choices).
    """

    ids: NDArray[np.int64]
    lengths: NDArray[np.int64]
    shared: NDArray[np.int64]
    of_choice: NDArray[np.int64]


def count_tokens(requests: Sequence[TokenRequest]) -> int:
    """Number of tokens in the forest of some requests: the fewest that any exact forward pass can push."""
    paths = _sorted_paths(requests)
    return int((paths.lengths - paths.shared).sum())


def grow_forest(requests: Sequence[TokenRequest]) -> Forest:
    """Build the forest of all prompts and choices; at least one request, no empty prompt, no empty choice."""
    paths = _sorted_paths(requests)
    columns = np.arange(paths.ids.shape[1])
    fresh = (columns >= paths.shared[:, None]) & (columns < paths.lengths[:, None])
    depth = np.broadcast_to(columns, fresh.shape)[fresh].astype(np.int64)
    parent, end = _family(paths, len(depth))
    leaves = np.cumsum(paths.lengths - paths.shared) - 1
    nodes, targets, owners = _transitions(requests, leaves[paths.of_choice], parent)
    scored, rows = np.unique(nodes, return_inverse=True)
    return Forest(
        ids=paths.ids[fresh],
        depth=depth,
        parent=parent,
        end=end,
        scored=scored,
        rows=rows.astype(np.int64),
        targets=targets,
        owners=owners,
        choices=len(paths.of_choice),
    )


def _sorted_paths(requests: Sequence[TokenRequest]) -> _Paths:
    # Big-endian unsigned bytes sort as the ids do, at the speed of memcmp; sorted sequences stand in depth-first order.
    keys = []
    for request in requests:
        prompt = np.array(request.prompt_ids, dtype=">u4").tobytes()
        keys += [prompt + np.array(reply[:-1], dtype=">u4").tobytes() for reply in request.choices_ids]
    ordered = sorted(set(keys))
    place = {key: number for number, key in enumerate(ordered)}
    lengths = np.array([len(key) // 4 for key in ordered], dtype=np.int64)
    width = int(lengths.max())
    packed = b"".join(key.ljust(4 * width, b"\0") for key in ordered)
    ids = np.frombuffer(packed, dtype=">u4").reshape(-1, width).astype(np.int64)
    differs = ids[1:] != ids[:-1]
    first = np.where(differs.any(axis=1), differs.argmax(axis=1), width)
    shared = np.zeros(len(ordered), dtype=np.int64)
    shared[1:] = np.minimum(first, np.minimum(lengths[1:], lengths[:-1]))
    return _Paths(ids, lengths, shared, np.array([place[key] for key in keys], dtype=np.int64))


def _family(paths: _Paths, tokens: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Parent and end of every token."""
    parent = np.arange(-1, tokens - 1, dtype=np.int64)
    end = np.empty(tokens, dtype=np.int64)
    open_at = np.empty(paths.ids.shape[1], dtype=np.int64)  # per depth, the token whose descendants are being laid out
    start = open_depth = 0
    for shared, length in zip(paths.shared.tolist(), paths.lengths.tolist(), strict=True):
        end[open_at[shared:open_depth]] = start
        parent[start] = open_at[shared - 1] if shared else -1
        stop = start + length - shared
        open_at[shared:length] = np.arange(start, stop)
        start, open_depth = stop, length
    end[open_at[:open_depth]] = tokens
    return parent, end


def _transitions(
    requests: Sequence[TokenRequest], leaves: NDArray[np.int64], parent: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The token before, the id and the choice of every scored token; choices ascending, their tokens in order."""
    replies = [reply for request in requests for reply in request.choices_ids]
    lengths = np.array([len(reply) for reply in replies], dtype=np.int64)
    targets = np.array([token for reply in replies for token in reply], dtype=np.int64)
    owners = np.repeat(np.arange(len(replies)), lengths)
    nodes = np.empty(len(targets), dtype=np.int64)
    last = np.cumsum(lengths) - 1
    node = leaves
    # From the last token of every reply to its first, all replies at once.
    for step in range(int(lengths.max())):
        going = step < lengths
        nodes[last[going] - step] = node[going]
        node = parent[node]
    return nodes, targets, owners
