"""One training from its configuration to a folder with an adapter; killed at any moment, the same call goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from introbench.errors import ModelError, UsageError
from introbench.files import write_whole
from introbench.models.hf.load import HfHead
from introbench.models.hf.model import HfModel
from introbench.models.hf.quiet import quiet
from introbench.models.load import open_model
from introbench.models.spec import ModelSpec, parse_spec
from introbench.runs.execute import Progress
from introbench.runs.manifest import git_state, hardware, versions
from introbench.scorer.rope import regime_limit
from introbench.train.adapter import add_adapter, save_adapter
from introbench.train.batches import Steps
from introbench.train.card import model_card
from introbench.train.checkpoints import last_whole, saving, steps_of
from introbench.train.config import TrainConfig, check_output_path
from introbench.train.evaluate import adapted_spec, evaluator_of
from introbench.train.first import FirstBehaviour, first_key, measure_first, read_first
from introbench.train.lessons import LessonBook
from introbench.train.loop import PackedTrainer, training_arguments
from introbench.train.memory import adapter_parameters, fitting_tokens
from introbench.train.output import OutputFolder, read_rows
from introbench.train.packed import Student
from introbench.train.rows import TrainingSet
from introbench.train.sharding import asked_to_shard, refuse_uneven_passes, shard_frozen

__all__ = ["TrainOutcome", "as_asked", "open_base", "train"]

_SCHEMA = 1

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class TrainOutcome:
    """What a training has come to.

    Attributes:
        out: the folder, which `hf/BASE+FOLDER` takes.
        base: what was trained, with the dtype of the training.
        base_parts: what the base's fingerprint is made of.
        steps: optimiser steps.
        loss: of the last step.
        tokens: pushed in all steps, M0's and those of evaluations apart.
        seconds: of all steps, likewise.
        trajectory: rows of the evaluated steps.
    """

    out: Path
    base: ModelSpec
    base_parts: Mapping[str, str]
    steps: int
    loss: float
    tokens: int
    seconds: float
    trajectory: tuple[Mapping[str, Any], ...]


def train(config: TrainConfig, on_progress: OnProgress = lambda progress: None) -> TrainOutcome:
    """Train an adapter, or go on with one that was interrupted.

    Raises UsageError where the input is wrong, with nothing half-written, or where the loss is no number any more;
    RunDirectoryError where the folder holds something else; ModelError where the base cannot be trained.
    """
    check_output_path(config.out)
    folder = OutputFolder(config.out)
    spec, head = open_base(config.model, config.hyperparameters.dtype)
    _refuse_relabelling(config)
    if evaluator := evaluator_of(config, spec, folder.evaluations):
        evaluator.check()
    asked = as_asked(config, spec, head)
    known = folder.check(asked)
    if known and known["complete"]:
        folder.tidy()  # it may have been killed right before
        return _outcome(folder, spec, head)
    sharded = asked_to_shard()  # before a library reads what the launcher says
    arguments = training_arguments(config.hyperparameters, 1, folder.work, torch.device(head.device))
    with ExitStack() as held:
        if arguments.process_index == 0:
            held.enter_context(folder.locked())
            known = folder.check(asked)
        with quiet():
            _Training(config, folder, spec, head, asked, on_progress, sharded=sharded).run(known)
    return _outcome(folder, spec, head)


def open_base(model: str, dtype: str | None) -> tuple[ModelSpec, HfHead]:
    """The base as it is trained: its spec with the dtype of the training, and the model without weights.

    Args:
        model: spec of the base.
        dtype: of the training, if it names one.

    Raises SpecError or ModelError where it cannot be opened or cannot be trained.
    """
    spec = parse_spec(model)
    if spec.backend not in ("hf", "embedded"):
        raise ModelError(f"{spec}: cannot be trained; name a base model of the hf backend")
    if "quantised" in spec.options and len(spec.places) > 1:
        raise ModelError(f"{spec}: an adapter on quantised weights cannot be trained upon; leave out quantised")
    if dtype is not None:
        spec = ModelSpec(spec.backend, spec.name, {**spec.options, "dtype": dtype})
    head = open_model(spec)
    if not isinstance(head, HfHead):
        raise ModelError(f"{spec}: cannot be trained; name a base model of the hf backend")
    return spec, head


def _refuse_relabelling(config: TrainConfig) -> None:
    """Raises UsageError where labels are to be made anew and cannot be."""
    if config.relabel_every and config.relabel is None:
        raise UsageError(f"relabel_every {config.relabel_every}: nothing is given that makes labels anew")
    if config.relabel_every and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError("labels are made anew by one process only; train this arm without other processes")


def as_asked(config: TrainConfig, spec: ModelSpec, head: HfHead) -> dict[str, Any]:
    """What two calls must have in common to be one training."""
    evaluation = asdict(config.evaluation) if config.evaluation else {}
    return {
        "model": str(spec),
        "fingerprint": head.fingerprint.hex,
        "tasks": list(config.training_set.tasks),
        "training_set": config.training_set.sha256,
        "arm": config.arm,
        "hyperparameters": config.hyperparameters.as_json(),
        "relabel_every": config.relabel_every,
        "evaluation": {
            name: list(value) if isinstance(value, tuple) else value for name, value in sorted(evaluation.items())
        },
    }


def _outcome(folder: OutputFolder, spec: ModelSpec, head: HfHead) -> TrainOutcome:
    log = read_rows(folder.log)
    return TrainOutcome(
        out=folder.path,
        base=spec,
        base_parts=head.fingerprint.parts,
        steps=log[-1]["step"],
        loss=log[-1]["loss"],
        tokens=sum(row["tokens"] for row in log),
        seconds=sum(row["seconds"] for row in log),
        trajectory=tuple(read_rows(folder.trajectory)),
    )


class _Training:
    """A training that is being carried out."""

    def __init__(
        self,
        config: TrainConfig,
        folder: OutputFolder,
        spec: ModelSpec,
        head: HfHead,
        asked: Mapping[str, Any],
        on_progress: OnProgress,
        *,
        sharded: bool,
    ) -> None:
        self.config = config
        self.sharded = sharded
        self.chosen = config.hyperparameters
        self.folder = folder
        self.spec = spec
        self.head = head
        self.asked = asked
        self.on_progress = on_progress

    def run(self, known: Mapping[str, Any] | None) -> None:
        self.on_progress(Progress(self.config.arm, "loading"))
        model = self.head.load()
        first_place = self._place(model.hf_model.device)
        if first_place:
            self.record = self._begin(known)
        try:
            trainer = self._set_up(model, first_place=first_place)
        except Exception:
            # Whatever it was: nothing has been trained.
            if first_place and not self.folder.log.exists():
                self.folder.forget()
            raise
        self._carry_out(trainer)
        if first_place:
            self._finish(model)

    def _set_up(self, model: HfModel, *, first_place: bool) -> PackedTrainer:
        """Everything before the first step. Raises UsageError where the input turns out to be wrong."""
        book = LessonBook(model.chat, model.spec, model.context)
        rows = self.config.training_set.cases
        device = model.hf_model.device
        first = self._first(model, book, first_place) if self.chosen.kl_weight else None
        dtype, parameters = model.hf_model.dtype, sum(each.numel() for each in model.hf_model.parameters())
        adapter = adapter_parameters(model.hf_model, self.chosen)
        self.adapted = add_adapter(model.hf_model, self.chosen, _public(self.spec.name))
        facts: dict[str, Any] = {}
        if self.sharded:
            refuse_uneven_passes(self.spec, model.path, first, self.chosen.kl_positions)
            held = shard_frozen(self.adapted)
            parameters, facts = held // dtype.itemsize, {"shards": int(os.environ["WORLD_SIZE"]), "held_bytes": held}
        tokens = fitting_tokens(model.hf_model.config, parameters, adapter, dtype, device, self.chosen)
        self.steps = Steps(rows, book, self.chosen, first, tokens)
        _refuse_two_regimes(model, self.steps)
        if late := [step for step in self.chosen.evaluate_at if step > len(self.steps)]:
            raise UsageError(f"evaluate_at {late[0]}: this training has {len(self.steps)} steps")
        arguments = training_arguments(self.chosen, len(self.steps), self.folder.work, device)
        if first_place:
            self.record |= {"steps": len(self.steps), "pack_tokens": tokens, **facts}
            self.folder.write_record(self.record)
        student = Student(self.adapted, model.path, first, self.chosen.kl_direction)
        return PackedTrainer(student, arguments, self.steps, self.folder.log, self._after, self._due)

    def _place(self, device: torch.device) -> bool:
        """Whether this process keeps the folder; the others wait until it is there."""
        self.distributed = training_arguments(self.chosen, 1, self.folder.work, device).distributed_state
        return bool(self.distributed is None or self.distributed.is_main_process)

    def _first(self, model: HfModel, book: LessonBook, keeps: bool) -> FirstBehaviour:
        """M0 on what is held to it, measured once."""
        rows = self.config.training_set.cases
        key = first_key(model, rows)
        file = (self.config.shared or self.folder.work) / f"m0-{key[:16]}.safetensors"
        if (found := read_first(file, key)) is not None:
            return found
        self.on_progress(Progress(f"{self.config.arm}: M0", "loading"))
        found = measure_first(model, rows, book)
        if keeps:
            file.parent.mkdir(parents=True, exist_ok=True)
            found.save(file, key)
        return found

    def _begin(self, known: Mapping[str, Any] | None) -> dict[str, Any]:
        made = self.config.training_set
        record: dict[str, Any] = {
            "schema": _SCHEMA,
            "complete": False,
            "config": dict(self.asked),
            "base": {
                "spec": str(self.spec),
                "name": _public(self.spec.name),
                "weights": self.head.fingerprint.parts["weights"],
                "fingerprint_parts": dict(self.head.fingerprint.parts),
            },
            **_facts(made),
            "versions": versions(),
            "hardware": hardware(),
            "git": git_state(),
        }
        if known is None:
            self.folder.path.mkdir(parents=True, exist_ok=True)
            write_whole(self.folder.arm, self.config.arm_file.encode())
            write_whole(self.folder.learnt, made.jsonl())
            self.folder.write_record(record)
        return record

    def _carry_out(self, trainer: PackedTrainer) -> None:
        self.trainer = trainer
        if trainer.args.process_index == 0:
            self.folder.cut_back(steps_of(last_whole(self.folder.work)))
        trainer.accelerator.wait_for_everyone()
        last = last_whole(self.folder.work)
        begun = steps_of(last)
        if begun == len(self.steps):
            trainer._load_from_checkpoint(str(last))
            return
        if self._due(begun):
            # It may have ended behind this checkpoint and before what was to be made from it.
            if last:
                trainer._load_from_checkpoint(str(last))
            self._after(begun)
        if not self._label_due(begun):
            self._relabel_again(begun)
        trainer.train(resume_from_checkpoint=str(last) if last else None)

    def _after(self, step: int) -> None:
        """Behind a step: evaluate and label anew where that is due."""
        self.on_progress(Progress(self.config.arm, "training", step, len(self.steps)))
        if not self._due(step):
            return
        if self.trainer.is_world_process_zero():
            self._save_adapter(self.folder.adapter(step))
            if step in self.chosen.evaluate_at:
                self._evaluate(step)
        if self._label_due(step):
            self._relabel(step)
        self.trainer.accelerator.wait_for_everyone()

    def _due(self, step: int) -> bool:
        """Whether a run is made from the weights behind a step; that of the last one is made when all is done."""
        return step < len(self.steps) and (step in self.chosen.evaluate_at or self._label_due(step))

    def _label_due(self, step: int) -> bool:
        every = self.config.relabel_every
        return bool(every and step and step % every == 0 and step < len(self.steps))

    def _relabel(self, step: int) -> None:
        assert self.config.relabel is not None  # train() has seen to it
        spec = str(adapted_spec(self.spec, self.folder.adapter(step)))
        made = self.config.relabel(self.config.training_set, spec)
        self.steps.replace_rows(made.cases)
        self.folder.add_relabelling(_relabelling(step, made))

    def _relabel_again(self, begun: int) -> None:
        """The labels that were in force when the checkpoint was written."""
        every = self.config.relabel_every
        if every and begun >= every:
            self._relabel(begun - begun % every)

    def _save_adapter(self, folder: Path) -> None:
        save_adapter(self.trainer.accelerator.unwrap_model(self.trainer.model), folder)
        if folder != self.folder.path:
            with saving(folder):
                shutil.copy(self.folder.record, folder / self.folder.record.name)

    def _evaluate(self, step: int, adapter: Path | None = None) -> None:
        evaluator = evaluator_of(self.config, self.spec, self.folder.evaluations)
        if evaluator is None:
            return
        earlier = [run for run in self._evaluated() if run != evaluator.run_folder(step)]
        self.folder.add_evaluation(evaluator.rows(step, adapter or self.folder.adapter(step), earlier[:1]))

    def _evaluated(self) -> Sequence[Path]:
        return sorted(path.parent for path in self.folder.evaluations.glob("step-*/summary.json"))

    def _finish(self, model: HfModel) -> None:
        """The adapter, its evaluation and the card; then the training is complete."""
        self._save_adapter(self.folder.path)
        with saving(self.folder.path):
            model.tokenizer.save_pretrained(self.folder.path)
        self.folder.write_record(self.record)
        self._evaluate(len(self.steps), self.folder.path)
        card = model_card(
            self.record, *map(read_rows, (self.folder.log, self.folder.trajectory, self.folder.relabelled))
        )
        write_whole(self.folder.path / "README.md", card.encode())
        self.folder.write_record({**self.record, "complete": True})
        self.folder.tidy()


def _public(name: str) -> str:
    """A base as an adapter that may be passed on names it: of folders on one machine, their last parts."""
    return "+".join(Path(each).name if each.startswith(("/", "~")) else each for each in name.split("+"))


def _facts(made: TrainingSet) -> dict[str, Any]:
    return {
        "cases": len(made.cases),
        "explained": made.explained,
        "counts": dict(made.counts),
        "origins": [asdict(origin) for origin in made.origins],
        "agreement": made.agreement,
        "change_rate": made.change_rate,
        "warnings": list(made.warnings),
    }


def _relabelling(step: int, made: TrainingSet) -> dict[str, Any]:
    """What is kept of labels that were made anew behind a step."""
    facts = _facts(made)
    kept = ("explained", "counts", "origins", "change_rate", "warnings")
    return {"step": step, "training_set": made.sha256, **{name: facts[name] for name in kept}}


def _refuse_two_regimes(model: HfModel, steps: Steps) -> None:
    limit = regime_limit(model.hf_model.config)
    if limit is not None and steps.longest > limit:
        raise ModelError(
            f"{model.spec}: its position encoding changes behind {limit} tokens, and a prompt has {steps.longest}: "
            "prompts of both kinds cannot be trained together; take fewer demonstrations"
        )
