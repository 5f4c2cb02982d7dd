"""What is wrong with a training, found before its labels are measured for minutes in vain."""

from __future__ import annotations

from dataclasses import replace

import torch
from peft.tuners.lora.layer import LoraLayer
from transformers import AutoModelForCausalLM

from introbench.errors import RunDirectoryError, UsageError
from introbench.models.hf.load import HfHead
from introbench.models.hf.quiet import quiet
from introbench.models.spec import ModelSpec
from introbench.train.adapter import add_adapter
from introbench.train.config import Hyperparameters, TrainConfig
from introbench.train.evaluate import evaluator_of
from introbench.train.output import OutputFolder
from introbench.train.trainer import as_asked, open_base

__all__ = ["check_beforehand"]


def check_beforehand(config: TrainConfig) -> None:
    """See to all that can be known of a training before its labels are. Writes nothing.

    Args:
        config: its training set may hold stand-ins for labels.

    Raises as `introbench.train.trainer.train` does.
    """
    spec, head = open_base(config.model, config.hyperparameters.dtype)
    folder = OutputFolder(config.out)
    if evaluator := evaluator_of(config, spec, folder.evaluations):
        evaluator.check()
    _check_adapter(head, config.hyperparameters)
    _check_folder(folder, config, spec, head)


def _check_adapter(head: HfHead, chosen: Hyperparameters) -> None:
    """Raises UsageError where no layer is called as asked, or the rank is beyond the width of all."""
    with quiet(), torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(head.config, trust_remote_code=head.trusted)
        adapted = add_adapter(empty, replace(chosen, rank=1), "")
    layers = [module for module in adapted.modules() if isinstance(module, LoraLayer)]
    widths = [int(width) for layer in layers for width in (layer.in_features, layer.out_features) if width]
    widest = max(widths, default=chosen.rank)
    if chosen.rank > widest:
        raise UsageError(
            f"rank {chosen.rank}: more than the {widest} of the widest layer that gets an adapter; give a smaller one"
        )


def _check_folder(folder: OutputFolder, config: TrainConfig, spec: ModelSpec, head: HfHead) -> None:
    """Raises RunDirectoryError where the output folder holds anything but this training, as far as is known."""
    asked = as_asked(config, spec, head)
    del asked["training_set"]
    possible = asked.pop("tasks")  # labels may turn out to be of some of them only
    known = folder.check(asked)
    tasks = known["config"].get("tasks", []) if known else []
    if not set(tasks) <= set(possible):
        raise RunDirectoryError(
            f"{folder.path}: holds another training (tasks: {', '.join(tasks)}; asked for: {', '.join(possible)}); "
            "choose another --out"
        )
