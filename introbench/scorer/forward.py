"""The two ways of scoring choices with a transformers model: packed token trees and padded rows."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from introbench.scorer.attention import using_tree_attention
from introbench.scorer.blocks import TreeLayout
from introbench.scorer.forest import Forest, TokenRequest, grow_forest

__all__ = ["make_layout", "packed_logits", "padded_logits", "score_packed", "score_padded"]

_LOGITS_AT_ONCE = {"cpu": 1 << 19, "cuda": 1 << 26}
"""Elements of a logit matrix that become float32 together: 2 MiB stay in a core's cache, 256 MiB fill a GPU."""


def make_layout(model: Any, requests: Sequence[TokenRequest], *, flex: bool = False) -> TreeLayout:
    """The requests' forest, laid out for a model's device and dtype; FlexAttention is for GPUs, and compiled first."""
    return TreeLayout(grow_forest(requests), model.device, model.dtype, flex)


def packed_logits(model: Any, tree: TreeLayout, call: Any = None) -> torch.Tensor:
    """Logits behind the scored tokens of a forest, (m, vocabulary), with gradients where they are asked for.

    Args:
        call: what is called in place of the model, where something is wrapped around it.

    Raises UnsupportedAttentionError where the model cannot attend by trees.
    """
    forest = tree.forest
    scored = torch.from_numpy(forest.scored).to(model.device)
    with using_tree_attention(model):
        logits: torch.Tensor = (call or model)(
            input_ids=torch.from_numpy(forest.ids)[None].to(model.device),
            position_ids=torch.from_numpy(forest.depth)[None].to(model.device),
            use_cache=False,
            tree=tree,
            **_keep(model, scored),
        ).logits[0]
    return logits if logits.shape[0] == len(forest.scored) else logits[scored]


def padded_logits(model: Any, forest: Forest, call: Any = None) -> torch.Tensor:
    """The same from a row per path of the forest, all in one batch: right for every architecture.

    A scored token that lies on several paths is read on the first.
    """
    leaves = _leaves(forest)
    ids, mask = _padded_rows(forest, leaves)
    first = int(forest.depth[forest.scored].min())
    logits: torch.Tensor = (call or model)(
        input_ids=torch.from_numpy(ids).to(model.device),
        attention_mask=torch.from_numpy(mask).to(model.device),
        use_cache=False,
        **_keep(model, torch.arange(first, ids.shape[1], device=model.device)),
    ).logits
    skipped = first if logits.shape[1] < ids.shape[1] else 0
    rows = np.searchsorted(leaves, forest.scored)
    columns = forest.depth[forest.scored] - skipped
    return logits[torch.from_numpy(rows).to(logits.device), torch.from_numpy(columns).to(logits.device)]


@torch.inference_mode()
def score_packed(model: Any, requests: Sequence[TokenRequest], tree: TreeLayout) -> list[tuple[float, ...]]:
    """One forward pass over the requests' token forest; per request the summed log-probability of each choice in nats.

    Right for models whose layers all let their attention be replaced; `probe.choose_path` decides that.

    Args:
        tree: what `make_layout` made of exactly these requests.

    Raises UnsupportedAttentionError where the model cannot attend by trees.
    """
    forest = tree.forest
    return _by_request(forest, _logprobs(packed_logits(model, tree), forest.rows, forest.targets), requests)


@torch.inference_mode()
def score_padded(model: Any, requests: Sequence[TokenRequest], tokens_per_batch: int) -> list[tuple[float, ...]]:
    """Right-padded rows, sorted by length: exact for every architecture, and the slow way.

    A row is a path of the forest from root to leaf; what lies on several is scored on the first.

    Args:
        tokens_per_batch: most tokens of a forward pass, padding included; a single row may exceed it.
    """
    forest = grow_forest(requests)
    leaves = _leaves(forest)
    leaves_by_length = leaves[np.argsort(forest.depth[leaves], kind="stable")]
    before = forest.scored[forest.rows]
    leaf_of = leaves[np.searchsorted(leaves, before)]
    values = np.empty(len(forest.rows))
    start = 0
    while start < len(leaves):
        stop = start + 1
        while (
            stop < len(leaves) and (stop + 1 - start) * (forest.depth[leaves_by_length[stop]] + 1) <= tokens_per_batch
        ):
            stop += 1
        batch = leaves_by_length[start:stop]
        mine = np.flatnonzero(np.isin(leaf_of, batch))
        if len(mine):
            row = np.argsort(batch)[np.searchsorted(np.sort(batch), leaf_of[mine])]
            values[mine] = _padded_batch(model, forest, batch, row, forest.depth[before[mine]], forest.targets[mine])
        start = stop
    return _by_request(forest, values, requests)


def _padded_batch(
    model: Any,
    forest: Forest,
    leaves: NDArray[np.int64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    targets: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Log-probability of each target at a row and column of the batch, one row per leaf."""
    ids, mask = _padded_rows(forest, leaves)
    width = ids.shape[1]
    first = int(columns.min())
    logits = model(
        input_ids=torch.from_numpy(ids).to(model.device),
        attention_mask=torch.from_numpy(mask).to(model.device),
        use_cache=False,
        **_keep(model, torch.arange(first, width, device=model.device)),
    ).logits
    if logits.shape[1] == width:
        logits = logits[:, first:]
    return _logprobs(logits.flatten(0, 1), rows * logits.shape[1] + columns - first, targets)


def _leaves(forest: Forest) -> NDArray[np.int64]:
    """Tokens without descendants, ascending."""
    return np.flatnonzero(forest.end == np.arange(len(forest.ids)) + 1)


def _padded_rows(forest: Forest, leaves: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids of the paths to some leaves, padded on the right, and 1 where a token stands, both (leaves, longest)."""
    width = int(forest.depth[leaves].max()) + 1
    ids = np.zeros((len(leaves), width), dtype=np.int64)
    for row, leaf in enumerate(leaves):
        ids[row, : forest.depth[leaf] + 1] = forest.ids[[*forest.path(leaf), leaf]]
    return ids, (np.arange(width) <= forest.depth[leaves][:, None]).astype(np.int64)


def _keep(model: Any, places: torch.Tensor) -> dict[str, torch.Tensor]:
    known = "logits_to_keep" in inspect.signature(model.forward).parameters
    return {"logits_to_keep": places} if known else {}


def _logprobs(logits: torch.Tensor, rows: NDArray[np.int64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Log-probabilities in nats of targets (t) at rows (t) of logits (m, vocabulary), in float32 whatever the dtype."""
    places = torch.from_numpy(rows).to(logits.device)
    chosen = logits[places, torch.from_numpy(targets).to(logits.device)].float()
    at_once = max(1, _LOGITS_AT_ONCE.get(logits.device.type, _LOGITS_AT_ONCE["cpu"]) // logits.shape[1])
    totals = torch.cat([part.float().logsumexp(dim=-1) for part in logits.split(at_once)])
    return np.asarray((chosen - totals[places]).cpu().numpy(), dtype=np.float64)


def _by_request(
    forest: Forest, values: NDArray[np.float64], requests: Sequence[TokenRequest]
) -> list[tuple[float, ...]]:
    sums = np.bincount(forest.owners, weights=values, minlength=forest.choices).tolist()
    cuts = np.cumsum([0, *(len(request.choices_ids) for request in requests)]).tolist()
    return [tuple(sums[start:stop]) for start, stop in itertools.pairwise(cuts)]
