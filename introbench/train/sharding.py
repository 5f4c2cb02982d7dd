"""Frozen weights in pieces on several processes, while each of them keeps the whole adapter."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from introbench.errors import ModelError
from introbench.scorer.probe import ScoringPath
from introbench.train.config import KlPositions
from introbench.train.first import FirstBehaviour

__all__ = ["asked_to_shard", "refuse_uneven_passes", "shard_frozen"]

_LAUNCHER_SAYS = "ACCELERATE_USE_FSDP"
_SHARD = "INTROBENCH_SHARD"


def asked_to_shard() -> bool:
    """Whether `accelerate launch --use_fsdp` has started this process beside others.

    The library is not told: it would take the adapter, its gradients and checkpoints to pieces too, which are small.
    """
    if os.environ.pop(_LAUNCHER_SAYS, "").lower() in ("true", "1"):
        os.environ[_SHARD] = "1"
    return os.environ.get(_SHARD) == "1" and int(os.environ.get("WORLD_SIZE", "1")) > 1


def refuse_uneven_passes(spec: object, path: ScoringPath, first: FirstBehaviour | None, positions: KlPositions) -> None:
    """Raises ModelError where one process might push a pass that the others do not: they would wait for each other."""
    if not path.packed:
        why = "it takes padded rows, of which processes have unequal numbers"
    elif first is not None and first.hidden is None and positions != "choices":
        why = "its head alone does not give M0's logits, and not every pass computes them anew"
    else:
        return
    raise ModelError(f"{spec}: its weights cannot be sharded ({why}); start the processes without --use_fsdp")


def shard_frozen(adapted: Any) -> int:
    """Let every process keep a piece of each layer's frozen weights, gathered while the layer computes (FSDP2).

    Adapter, embeddings and head stay whole everywhere; gradients of the adapter are exchanged as without pieces.

    Args:
        adapted: the peft model, the same in all processes, with whole weights in each.

    Returns:
        Bytes of frozen weights that this process keeps.

    Raises ModelError where the model does not say which of its parts are layers.
    """
    base = adapted.get_base_model()
    names = set(base._no_split_modules or ())
    layers = [module for module in base.modules() if type(module).__name__ in names]
    if not layers:
        raise ModelError(f"{type(base).__name__}: does not say which of its parts are layers, so cannot be sharded")
    pieces = {weight for layer in layers for weight in layer.parameters() if not weight.requires_grad}
    whole = {weight for weight in adapted.parameters() if weight not in pieces}
    for layer in layers:
        fully_shard(layer, ignored_params=whole)
    # The root holds nothing itself, but lets a layer be gathered while the one before it computes.
    fully_shard(base, ignored_params=whole)
    adapted._ddp_params_and_buffers_to_ignore = [
        name for name, weight in adapted.named_parameters() if not weight.requires_grad
    ]
    return sum(_held(weight).nbytes for weight in adapted.parameters() if not weight.requires_grad)


def _held(weight: torch.Tensor) -> torch.Tensor:
    return weight.to_local() if isinstance(weight, DTensor) else weight
