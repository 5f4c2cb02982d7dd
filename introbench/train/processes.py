"""Several processes that train together: what one of them does first, and the others then find done."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from accelerate import PartialState

from introbench.errors import FollowedError, InterruptedRunError, IntrobenchError
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


def shared_training_set(
    request: SetRequest, measure: Measure = execute, check: Callable[[], None] = lambda: None
) -> TrainingSet:
    """The training set of an arm; of several processes the first one measures labels and the others read them.

    Args:
        check: what is to be seen to before anything is measured, by the first process as well.

    Raises on the first process what `introbench.train.build.training_set` and the check raise, FollowedError with the
    same exit code on the others, and InterruptedRunError where the first one has died.
    """
    state = joined()
    if state is None:
        check()
        return training_set(request, measure)
    made: TrainingSet | None = None
    failure: IntrobenchError | None = None
    if state.is_main_process:
        try:
            check()
            made = training_set(request, measure)
        except IntrobenchError as error:
            failure = error
    exit_code = _told(None if failure is None else failure.exit_code)
    if failure is not None:
        raise failure
    if exit_code is not None:
        raise FollowedError(exit_code)
    return made or training_set(request, _measured_already)


def _told(exit_code: int | None) -> int | None:
    """The first process's exit code, for all; None where it has not failed. The others wait for it."""
    message = [exit_code]
    try:
        dist.broadcast_object_list(message, src=0)
    except RuntimeError as error:
        raise InterruptedRunError(
            "another process has died while labels were measured; what was answered is kept, the same command goes on "
            "from there"
        ) from error
    return message[0]


def _measured_already(config: RunConfig, variants: list[TaskVariant], out: Path) -> Path:
    return out
