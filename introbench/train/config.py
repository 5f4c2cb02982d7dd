"""What a training is: the model, what it learns, how, and where the result goes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from introbench.errors import UsageError
from introbench.train.rows import TrainingSet

__all__ = [
    "EvaluationConfig",
    "Hyperparameters",
    "KlDirection",
    "KlPositions",
    "TrainConfig",
    "check_output_path",
    "output_path",
]

KlDirection = Literal["forward", "reverse"]
"""KL(M0 ‖ current), or KL(current ‖ M0)."""

KlPositions = Literal["reply", "first", "choices"]
"""Over the full vocabulary at every position of M0's own reply or at its first one, or over the task's choices."""

_WHOLE = ("rank", "batch_tokens", "save_every", "cases_together")
_POSITIVE = ("alpha", "learning_rate", "epochs", "max_grad_norm")
_SEEDS = 2**32
"""As many as numpy takes."""

_UNFIT = "?*+,"
"""Letters that mean something in a model spec, and so cannot stand in the path of an adapter."""
_NOT_NEGATIVE = ("kl_weight", "verdict_weight", "content_weight", "behaviour_weight", "warmup", "weight_decay")


@dataclass(frozen=True)
class Hyperparameters:
    """How a model is trained.

    Attributes:
        rank: of the LoRA adapter.
        alpha: the adapter's product is scaled by alpha / rank.
        targets: names of the linear layers that get an adapter; "all-linear" alone means all but the head.
        learning_rate: of AdamW, its highest; falls to 0 along a cosine.
        warmup: share of the steps over which the learning rate rises, 0 to 1.
        epochs: how often every case is seen; a part of one is a part of the cases.
        steps: number of optimiser steps in place of `epochs`, or None.
        batch_tokens: tokens of one step, shared ones counted once.
        pack_tokens: most tokens of one forward pass, unless a single item needs more; None: from memory.
        cases_together: most cases of one item in one step: they share tokens, and are alike.
        kl_weight: λ, of the divergence from M0; it is a mean over the positions of a reply.
        kl_direction: see `KlDirection`.
        kl_positions: see `KlPositions`.
        verdict_weight: of the token that decides the verdict, where the other tokens of an explanation weigh 1.
        content_weight: likewise, of each token from the first one on in which explanations of one verdict differ.
        behaviour_weight: of the cross-entropy on choices to be learnt.
        weight_decay: of AdamW.
        max_grad_norm: gradients longer than this are shortened.
        seed: of the adapter's start and of the order of cases.
        dtype: of the frozen weights, float32 or bfloat16; None: as `introbench run` would choose. The adapter is
            float32 always.
        save_every: steps between two checkpoints to resume from; steps that a run is made from have one besides.
        evaluate_at: steps after which the model is run on held-out items; 0 is the start.
    """

    rank: int = 64
    alpha: float = 128.0
    targets: tuple[str, ...] = ("all-linear",)
    learning_rate: float = 3e-4
    warmup: float = 0.05
    epochs: float = 1.0
    steps: int | None = None
    batch_tokens: int = 4096
    pack_tokens: int | None = None
    cases_together: int = 4
    kl_weight: float = 1.0
    kl_direction: KlDirection = "forward"
    kl_positions: KlPositions = "reply"
    verdict_weight: float = 1.0
    content_weight: float = 1.0
    behaviour_weight: float = 1.0
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    seed: int = 0
    dtype: Literal["float32", "bfloat16"] | None = None
    save_every: int = 50
    evaluate_at: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Raises UsageError where a value makes no sense."""
        for name in _WHOLE:
            if getattr(self, name) < 1:
                raise UsageError(f"{name} {getattr(self, name)}: must be 1 or more")
        for name in ("steps", "pack_tokens"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise UsageError(f"{name} {value}: must be 1 or more; leave it out for the default")
        for name in (*_POSITIVE, *_NOT_NEGATIVE):
            value = getattr(self, name)
            if not (value >= 0 and math.isfinite(value)) or (name in _POSITIVE and value == 0):
                raise UsageError(f"{name} {value:g}: must be {'more than 0' if name in _POSITIVE else '0 or more'}")
        if not 0 <= self.seed < _SEEDS:
            raise UsageError(f"seed {self.seed}: must be a whole number from 0 to {_SEEDS - 1}")
        if any(step < 0 for step in self.evaluate_at):
            raise UsageError(f"evaluate_at {min(self.evaluate_at)}: steps are counted from 0, the start")
        if self.warmup > 1:
            raise UsageError(f"warmup {self.warmup:g}: is a share of the steps, 0 to 1")
        for name, kinds in (("kl_direction", KlDirection), ("kl_positions", KlPositions)):
            if getattr(self, name) not in get_args(kinds):
                raise UsageError(f"{name} {getattr(self, name)!r}: must be one of {', '.join(get_args(kinds))}")
        if not self.targets:
            raise UsageError("targets: name at least one kind of layer, or all-linear")

    def as_json(self) -> dict[str, Any]:
        """The form in which it stands beside the adapter."""
        return {**asdict(self), "targets": list(self.targets), "evaluate_at": list(self.evaluate_at)}


def output_path(text: str) -> Path:
    """The path of an output folder, which has a name: others lie beside it that are called after it.

    Raises UsageError where there is none, as of the root or of an empty text, or it could not stand in a model spec.
    """
    out = Path(text)
    # Of "." and "..", the folder that they stand for has one.
    named = out if out.name not in ("", "..") else out.resolve()
    if not text.strip() or not named.name:
        raise UsageError(f"--out {text!r}: is no name of a folder; name one, as in --out runs/kl")
    check_output_path(named)
    return named


def check_output_path(out: Path) -> None:
    """Raises UsageError where the path of an adapter could not stand in a model spec."""
    if unfit := [letter for letter in _UNFIT if letter in str(out)]:
        raise UsageError(f"--out {out}: {unfit[0]!r} cannot stand in the path of an adapter; choose another")


@dataclass(frozen=True)
class EvaluationConfig:
    """What the model is asked along the way, by ordinary runs.

    Attributes:
        tasks: task specs; those of the training set where empty.
        limit: held-out items per task, None for all.
        references: models beside the base, as "NAME=SPEC" or a spec: the label source where it is another model.
        seed: root seed of the runs.
        skip: number of held-out items that are passed over first, of every task or by its name.
    """

    tasks: tuple[str, ...] = ()
    limit: int | None = 100
    references: tuple[str, ...] = ()
    seed: int = 0
    skip: int | Mapping[str, int] = 0


@dataclass(frozen=True)
class TrainConfig:
    """One training.

    Attributes:
        model: spec of the base, of the hf backend or an embedded model.
        training_set: what it learns.
        out: the output folder, new or the one to go on in.
        hyperparameters: how.
        arm: name of the arm, for tables and the card.
        arm_file: the arm as YAML text, which is kept beside the adapter.
        evaluation: what is asked along the way and at the end; None: nothing.
        include_paths: folders with task plugins, for the evaluation.
        task_values: values of task parameters, likewise.
        relabel: makes the labels of the training set anew from the checkpoint that a spec names (`fresh`).
        relabel_every: steps between two such times; None: never.
        shared: folder where M0's behaviour is kept for other trainings of the same base on the same cases; None:
            with the checkpoints.
    """

    model: str
    training_set: TrainingSet
    out: Path
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)
    arm: str = "kl"
    arm_file: str = ""
    evaluation: EvaluationConfig | None = field(default_factory=EvaluationConfig)
    include_paths: tuple[Path, ...] = ()
    task_values: Mapping[str, str] = field(default_factory=dict)
    relabel: Callable[[TrainingSet, str], TrainingSet] | None = None
    relabel_every: int | None = None
    shared: Path | None = None
