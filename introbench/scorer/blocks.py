"""How a forest is attended to: runs of queries with the few keys they need, or one sparse mask for FlexAttention."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from introbench.scorer.forest import Forest

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

__all__ = ["Block", "TreeLayout"]

_CALL_PAIRS = 1500
"""A call for a run of queries costs about as much as so many pairs of a query and a key (2 cores, 9 heads of 64)."""

_LONGEST_RUN = 256
_CHAIN_CUT = 64
"""Tokens. Where no branch offers itself, a chain may be cut behind every so many."""

_SPARSE_BLOCK = 128
"""Tokens along each side of a FlexAttention block."""


@dataclass(frozen=True, slots=True)
class Block:
    """A run of b queries and the k keys that any of them attends to.

    Attributes:
        start: first query.
        stop: index behind the last query.
        keys: ancestors of the first query, then the run itself, ascending, int64 (k).
        bias: 0 where a query attends to a key, the dtype's least number elsewhere, (b · r, k): a row for each of
            the r heads that share keys.
    """

    start: int
    stop: int
    keys: torch.Tensor
    bias: torch.Tensor


@dataclass
class TreeLayout:
    """A forest as attention layers ask for it. Made once a forward pass, and shared by all layers.

    Attributes:
        forest: whose tokens attend to each other.
        device: where masks are needed.
        dtype: dtype of additive masks.
        flex: whether attention goes through FlexAttention instead of runs of queries.
        seen: the sliding window, or None, that each attention call so far asked for, in order.
    """

    forest: Forest
    device: torch.device
    dtype: torch.dtype
    flex: bool = False
    seen: list[int | None] = field(default_factory=list)
    _cuts: list[int] | None = None
    _blocks: dict[tuple[int | None, int], list[Block]] = field(default_factory=dict)
    _sparse: dict[int | None, BlockMask] = field(default_factory=dict)

    def blocks(self, window: int | None, shared: int = 1) -> list[Block]:
        """Blocks that cover all queries in order.

        Args:
            window: tokens that a query sees, itself included, or None for all of its ancestors. As positions
                are depths, it is a bound on the difference of depths.
            shared: heads that share keys.
        """
        if (window, shared) not in self._blocks:
            self._cuts = self._cuts or _cuts(self.forest)
            self._blocks[window, shared] = [
                self._block(start, stop, window, shared) for start, stop in itertools.pairwise(self._cuts)
            ]
        return self._blocks[window, shared]

    def _block(self, start: int, stop: int, window: int | None, shared: int) -> Block:
        forest = self.forest
        queries = np.arange(start, stop)
        # What lies before the run and is an ancestor of any of it is an ancestor of its first query.
        before = forest.path(start)
        if window is not None:
            before = before[forest.depth[start:stop].min() - forest.depth[before] < window]
        keys = np.concatenate([before, queries])
        attends = (keys <= queries[:, None]) & (queries[:, None] < forest.end[keys])
        if window is not None:
            attends &= forest.depth[queries][:, None] - forest.depth[keys] < window
        bias = torch.zeros(attends.shape, dtype=self.dtype).masked_fill_(
            torch.from_numpy(~attends), torch.finfo(self.dtype).min
        )
        return Block(
            start, stop, torch.from_numpy(keys).to(self.device), bias.repeat_interleave(shared, dim=0).to(self.device)
        )

    def sparse(self, window: int | None) -> BlockMask:
        """The same for FlexAttention, in blocks of 128 by 128 tokens; the last one may be ragged."""
        if window not in self._sparse:
            self._sparse[window] = _sparse_mask(self.forest, self.device, window)
        return self._sparse[window]


def _cuts(forest: Forest) -> list[int]:
    """Where runs of queries begin, and the end: the partition that computes the fewest pairs of queries and keys.

    A run from a to b attends to the ancestors of a and to itself, depth(a) + b − a keys. It pays to begin runs where
    the depth is small, at branches off a stem; a shortest path over all places where one may begin finds the best.
    """
    places = _places(forest)
    best = np.zeros(len(places))
    before = np.zeros(len(places), dtype=np.int64)
    for number in range(1, len(places)):
        first = min(int(np.searchsorted(places, places[number] - _LONGEST_RUN)), number - 1)
        starts = places[first:number]
        queries = places[number] - starts
        costs = best[first:number] + queries * (forest.depth[starts] + queries) + _CALL_PAIRS
        before[number] = first + costs.argmin()
        best[number] = costs.min()
    cuts = [len(places) - 1]
    while cuts[-1]:
        cuts.append(int(before[cuts[-1]]))
    return [int(places[number]) for number in reversed(cuts)]


def _places(forest: Forest) -> NDArray[np.int64]:
    """Where a run of queries may begin: at branches, and here and there in long chains; and the end."""
    tokens = len(forest.ids)
    branches = np.flatnonzero(forest.parent != np.arange(-1, tokens - 1))
    chains = zip([0, *branches], [*branches, tokens], strict=True)
    return np.unique(
        np.concatenate([*(np.arange(start, stop, _CHAIN_CUT) for start, stop in chains), [tokens]]).astype(np.int64)
    )


def _sparse_mask(forest: Forest, device: torch.device, window: int | None) -> BlockMask:
    from torch.nn.attention.flex_attention import BlockMask

    tokens = len(forest.ids)
    starts = np.arange(0, tokens, _SPARSE_BLOCK)
    stops = np.minimum(starts + _SPARSE_BLOCK, tokens)
    first_end, last_end = (cut.reduceat(forest.end, starts) for cut in (np.minimum, np.maximum))
    low, high = (cut.reduceat(forest.depth, starts) for cut in (np.minimum, np.maximum))
    below = starts[:, None] > starts
    # A block of queries needs a block of keys if a descendant of one of these reaches into it, and needs no mask
    # there if it lies whole among the descendants of each.
    needed = (starts[:, None] == starts) | (below & (starts[:, None] < last_end))
    whole = below & (stops[:, None] <= first_end)
    if window is not None:
        needed &= low[:, None] - high < window
        whole &= high[:, None] - low < window
    end = torch.from_numpy(forest.end).to(device)
    depth = torch.from_numpy(forest.depth).to(device)

    def attends(batch: torch.Tensor, head: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        kept = (key <= query) & (query < end[key])
        return kept if window is None else kept & (depth[query] - depth[key] < window)

    partial_count, partial = _listed(needed & ~whole, device)
    whole_count, whole_indices = _listed(needed & whole, device)
    return BlockMask.from_kv_blocks(
        partial_count,
        partial,
        whole_count,
        whole_indices,
        BLOCK_SIZE=_SPARSE_BLOCK,
        mask_mod=attends,
        seq_lengths=(tokens, tokens),
    )


def _listed(
    chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Per row the number of chosen columns, and the columns with the chosen ones first, as FlexAttention lists them."""
    count = torch.from_numpy(chosen.sum(axis=1).astype(np.int32))
    order = torch.from_numpy(np.argsort(~chosen, axis=1, kind="stable").astype(np.int32))
    return count[None, None].to(device), order[None, None].to(device)
