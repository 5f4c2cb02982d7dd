"""The two ways of scoring choices with a transformers model: packed token trees and padded rows."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from introbench.scorer.forest import Forest, TokenRequest, grow_forest

__all__ = ["score_packed", "score_padded"]

_ROWS_PER_BATCH = 16


@torch.inference_mode()
def score_packed(model: Any, requests: Sequence[TokenRequest]) -> list[tuple[float, ...]]:
    """One forward pass over the requests' token forest.

    The mask is additive and of the model's dtype: a boolean one is silently wrong under eager attention.
    Right only for models whose layers all take a full 4-D mask; `probe.choose_path` decides that.
    """
    forest = grow_forest(requests)
    device, dtype = model.device, model.dtype
    logits = model(
        input_ids=torch.from_numpy(forest.ids)[None].to(device),
        attention_mask=_tree_mask(forest, dtype).to(device),
        position_ids=torch.from_numpy(forest.depth)[None].to(device),
        use_cache=False,
        **_keep(model, torch.from_numpy(forest.scored).to(device)),
    ).logits[0]
    if logits.shape[0] != len(forest.scored):
        logits = logits[torch.from_numpy(forest.scored).to(device)]
    values = _transition_logprobs(logits, forest.rows, forest.targets)
    sums = np.zeros(forest.choices)
    np.add.at(sums, forest.owners, values)
    return _by_request(sums, requests)


@torch.inference_mode()
def score_padded(
    model: Any, requests: Sequence[TokenRequest], rows_per_batch: int = _ROWS_PER_BATCH
) -> list[tuple[float, ...]]:
    """A right-padded row per choice, sorted by length: exact for every architecture, and the slow way."""
    rows = [(request.prompt_ids, reply) for request in requests for reply in request.choices_ids]
    order = sorted(range(len(rows)), key=lambda number: len(rows[number][0]) + len(rows[number][1]))
    sums = np.zeros(len(rows))
    for start in range(0, len(order), rows_per_batch):
        batch = order[start : start + rows_per_batch]
        sums[batch] = _padded_batch(model, [rows[number] for number in batch])
    return _by_request(sums, requests)


def _padded_batch(model: Any, rows: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> NDArray[np.float64]:
    width = max(len(prompt) + len(reply) - 1 for prompt, reply in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.int64)
    mask = torch.zeros(len(rows), width, dtype=torch.int64)
    for number, (prompt, reply) in enumerate(rows):
        pushed = torch.tensor([*prompt, *reply[:-1]])
        ids[number, : len(pushed)] = pushed
        mask[number, : len(pushed)] = 1
    first = min(len(prompt) for prompt, _ in rows) - 1
    kept = torch.arange(first, width, device=model.device)
    logits = model(
        input_ids=ids.to(model.device), attention_mask=mask.to(model.device), use_cache=False, **_keep(model, kept)
    ).logits
    if logits.shape[1] == width:
        logits = logits[:, first:]
    sums = np.zeros(len(rows))
    for number, (prompt, reply) in enumerate(rows):
        places = np.arange(len(reply)) + len(prompt) - 1 - first
        sums[number] = _transition_logprobs(logits[number], places, np.array(reply)).sum()
    return sums


def _keep(model: Any, places: torch.Tensor) -> dict[str, torch.Tensor]:
    known = "logits_to_keep" in inspect.signature(model.forward).parameters
    return {"logits_to_keep": places} if known else {}


def _tree_mask(forest: Forest, dtype: torch.dtype) -> torch.Tensor:
    index = torch.arange(len(forest.ids))
    end = torch.from_numpy(forest.end)
    attends = (index[None, :] <= index[:, None]) & (index[:, None] < end[None, :])
    return torch.zeros(attends.shape, dtype=dtype).masked_fill_(~attends, torch.finfo(dtype).min)[None, None]


def _transition_logprobs(
    logits: torch.Tensor, rows: NDArray[np.int64], targets: NDArray[np.int64]
) -> NDArray[np.float64]:
    logprobs = logits.float().log_softmax(dim=-1)
    chosen = logprobs[torch.from_numpy(rows).to(logits.device), torch.from_numpy(targets).to(logits.device)]
    return np.asarray(chosen.cpu().numpy(), dtype=np.float64)


def _by_request(sums: NDArray[np.float64], requests: Sequence[TokenRequest]) -> list[tuple[float, ...]]:
    results = []
    start = 0
    for request in requests:
        stop = start + len(request.choices_ids)
        results.append(tuple(float(value) for value in sums[start:stop]))
        start = stop
    return results
