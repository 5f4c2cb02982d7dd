"""The training loop: the Hugging Face Trainer with our steps, our loss and checkpoints that survive a kill."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from introbench.errors import UsageError
from introbench.files import disk_errors
from introbench.ranks import PATIENCE
from introbench.scorer.memory import out_of_memory, return_freed_memory
from introbench.train.batches import Step, Steps, TrainingPack
from introbench.train.checkpoints import last_behind, saving, seal
from introbench.train.config import Hyperparameters
from introbench.train.packed import Student

__all__ = ["Due", "OnStep", "PackedTrainer", "training_arguments"]

OnStep = Callable[[int], None]
"""Called behind a step, with its number; behind its checkpoint where it is due one."""

Due = Callable[[int], bool]
"""Whether something is made from the weights behind a step, which therefore are kept first."""

_KEPT = 2
"""Checkpoints that are kept: the last one, and the one before it in case the last is torn."""

_NAMED_CASES = 3

_STEPS_BETWEEN_RETURNS = 10
"""Steps after which memory that lies idle between blocks goes back: seldom enough to cost nothing."""


def training_arguments(chosen: Hyperparameters, steps: int, folder: Path, device: torch.device) -> TrainingArguments:
    """What the library's Trainer is told.

    Args:
        steps: number of optimiser steps.
        folder: where checkpoints go.
    """
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=1,
        learning_rate=chosen.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(chosen.warmup * steps),
        weight_decay=chosen.weight_decay,
        max_grad_norm=chosen.max_grad_norm,
        optim="adamw_torch",
        seed=chosen.seed,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=min(chosen.save_every, steps),
        save_total_limit=_KEPT,
        use_cpu=device.type == "cpu",
        ddp_backend="gloo" if device.type == "cpu" and int(os.environ.get("WORLD_SIZE", "1")) > 1 else None,
        ddp_timeout=int(PATIENCE.total_seconds()),
        ddp_find_unused_parameters=False,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        label_names=[],
        prediction_loss_only=True,
        report_to="none",
        disable_tqdm=True,
    )


class _StepData(Dataset[dict[str, Step]]):
    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, number: int) -> dict[str, Step]:
        # The Trainer looks for names in its batches.
        return {"step": self._steps[number]}


class _AfterStep(TrainerCallback):
    def __init__(self, on_step: OnStep, due: Due) -> None:
        self._on_step = on_step
        self._due = due

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        if state.global_step % _STEPS_BETWEEN_RETURNS == 0:
            return_freed_memory()
        if self._due(state.global_step):
            # A step that were trained again might end with other bits than those that a run was made from.
            control.should_save = True
        else:
            self._on_step(state.global_step)

    def on_save(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        if state.is_world_process_zero:
            seal(Path(args.output_dir) / f"checkpoint-{state.global_step}")
        if self._due(state.global_step):
            self._on_step(state.global_step)


class PackedTrainer(Trainer):
    """A Trainer whose batch is a whole step: packs whose gradients add up, shared among the processes.

    The model stays in eval mode: with dropout it would diverge from M0 without having moved.
    """

    def __init__(
        self, student: Student, arguments: TrainingArguments, steps: Steps, log_file: Path, on_step: OnStep, due: Due
    ) -> None:
        self._student = student
        self._log_file = log_file
        self._measured: dict[str, float] = {}
        super().__init__(
            model=student.adapted, args=arguments, train_dataset=_StepData(steps), callbacks=[_AfterStep(on_step, due)]
        )
        self.pop_callback(PrinterCallback)

    def get_train_dataloader(self) -> Any:
        """Every process gets every step whole, and takes its share of the packs."""
        steps: Any = self.train_dataset
        return DataLoader(steps, batch_size=1, shuffle=False, collate_fn=lambda found: found[0])

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        """Add up the gradients of a step's packs; returns its loss times the number of processes.

        Raises UsageError where loss or gradients are no numbers any more, or memory does not hold a pack.
        """
        started = time.perf_counter()
        step: Step = inputs["step"]
        sums: dict[str, torch.Tensor] = {}
        packs = self._share(step.packs)
        for number, pack in enumerate(packs):
            last = number == len(packs) - 1
            # Gradients are exchanged once a step, behind its last pack.
            with nullcontext() if last else self.accelerator.no_sync(model):
                for term, value in self._taught(model, pack, step).items():
                    sums[term] = sums.get(term, torch.zeros((), device=value.device)) + value
        loss = torch.stack(list(sums.values())).sum()
        self._check(step, loss)
        self._measured = {name: float(self.accelerator.reduce(value, "sum")) for name, value in sorted(sums.items())}
        # The verdict is a part of the explanation, and shown beside it.
        if "verdict" in self._measured:
            self._measured["explanation"] += self._measured["verdict"]
        self._measured |= {"tokens": step.tokens, "seconds": round(time.perf_counter() - started, 3)}
        total: torch.Tensor = loss * self.args.world_size
        return total

    def _share(self, packs: tuple[TrainingPack, ...]) -> list[TrainingPack]:
        """This process's packs. All have as many: gradients are exchanged by all or by none."""
        size, rank = self.args.world_size, self.args.process_index
        mine = list(packs[rank::size])
        return mine if len(mine) == -(-len(packs) // size) else [*mine, packs[0].weighing(0.0)]

    def _taught(self, model: Any, pack: TrainingPack, step: Step) -> Mapping[str, torch.Tensor]:
        try:
            losses = self._student.losses(pack, model)
            # Processes average their gradients; the loss is a sum over packs.
            self.accelerator.backward(torch.stack(list(losses.values())).sum() * self.args.world_size)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            raise UsageError(
                f"step {step.number}: memory does not hold a pass of {len(pack.forest.ids)} tokens: give a smaller "
                "pack_tokens; the same command then goes on from the last checkpoint"
            ) from error
        return {term: loss.detach() for term, loss in losses.items()}

    def _check(self, step: Step, loss: torch.Tensor) -> None:
        gradients = [each.grad for each in self._student.adapted.parameters() if each.grad is not None]
        norms = torch.stack(torch._foreach_norm(gradients))
        if bool(torch.isfinite(loss)) and bool(torch.isfinite(norms).all()):
            return
        named = ", ".join(step.cases[:_NAMED_CASES])
        more = f" and {len(step.cases) - _NAMED_CASES} more" if len(step.cases) > _NAMED_CASES else ""
        what = "the gradient" if bool(torch.isfinite(loss)) else f"the loss ({float(loss)})"
        # What was written right before this step holds the weights that failed in it.
        good = last_behind(Path(str(self.args.output_dir)), step.number - 1)
        kept = f"{good} is the last checkpoint that a finite step followed" if good else "no checkpoint lies before it"
        raise UsageError(
            f"step {step.number}: {what} is no finite number on the batch of {named}{more}; {kept}; begin anew with a "
            "lower learning rate"
        )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add a line per step to the training log."""
        super().log(logs, start_time)
        if "loss" not in logs or not self.is_world_process_zero():
            return
        row = {"step": self.state.global_step, **self._measured}
        row |= {name: logs[name] for name in ("loss", "grad_norm", "learning_rate")}
        with disk_errors(self._log_file), self._log_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: tokens and seconds are."""
        return 0

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """As the library does. Raises DiskError where the disk refuses; what is half-written has no seal."""
        with saving(Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}"):
            super()._save_checkpoint(model, trial)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """The adapter alone; nothing is looked up on a hub for it."""
        if self.args.should_save:
            folder = output_dir or str(self.args.output_dir)
            unwrapped = self.accelerator.unwrap_model(self.model)
            unwrapped.save_pretrained(folder, state_dict=state_dict, save_embedding_layers=False)
