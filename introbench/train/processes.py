"""Several processes that train together: what one of them does first, and the others then find done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState

from introbench.ranks import PATIENCE
from introbench.runs.config import RunConfig
from introbench.runs.execute import execute
from introbench.tasks.registry import TaskVariant
from introbench.train.build import SetRequest, training_set
from introbench.train.rows import TrainingSet
from introbench.train.sources import Measure

__all__ = ["joined", "shared_training_set"]


def joined() -> Any:
    """The processes that torchrun or `accelerate launch` has started, or None where there is one."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return None
    # As the Trainer will join them: over gloo where there is no GPU.
    if torch.cuda.is_available():
        return PartialState(timeout=PATIENCE)
    return PartialState(cpu=True, backend="gloo", timeout=PATIENCE)


def shared_training_set(request: SetRequest, measure: Measure = execute) -> TrainingSet:
    """The training set of an arm; of several processes the first one measures labels and the others read them.

    Raises as `introbench.train.build.training_set` does.
    """
    state = joined()
    if state is None:
        return training_set(request, measure)
    with state.main_process_first():
        return training_set(request, measure if state.is_main_process else _measured_already)


def _measured_already(config: RunConfig, variants: list[TaskVariant], out: Path) -> Path:
    return out
