"""What is kept of a unit: one JSON file with what was trained on, what it cost and what it scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from introbench.errors import UsageError
from introbench.files import disk_errors, write_whole
from introbench.hashing import canonical_json
from introbench.metrics.frozen import Frozen
from introbench.metrics.schema import EmitterSummary, PairSummary, Summary
from introbench.metrics.summary import rounded
from introbench.train.build import M0, SHUFFLED
from introbench.train.rows import LabelOrigin, TrainingSet
from introbench.train.study.config import Unit

__all__ = ["LARGEST", "Cost", "TaskResult", "TrainedOn", "UnitResult", "read_results", "task_results", "trained_on"]

LARGEST = 200_000
"""Bytes of the largest result: results are committed."""


class TrainedOn(Frozen):
    """The training set of a unit."""

    sha256: str
    """Hash of what was learnt."""
    cases: int
    """Its rows."""
    explained: int
    """Those with an explanation to learn."""
    counts: dict[str, int]
    """What became of cases and labels."""
    origins: list[LabelOrigin]
    """Where the labels come from."""
    agreement: float | None
    """Share of labels that are E(student) before training, 0 to 1; null without explanations."""
    change_rate: float | None
    """Share of labels that say "changed"; null as above."""
    warnings: list[str]
    """What there was to know about them."""


class Cost(Frozen):
    """What a unit took. Seconds are of the wall; what had been measured for another unit took none."""

    label_seconds: float
    """Measuring and making labels."""
    training_seconds: float
    """Training, with M0's behaviour and the runs along the way."""
    evaluation_seconds: float
    """The last run."""
    step_seconds: float
    """Optimiser steps alone."""
    steps: int
    """Number of optimiser steps."""
    training_tokens: int
    """Tokens that these pushed, shared ones once."""

    @property
    def training(self) -> float:
        """`training_seconds`, or those of all steps where a process that was killed took some of them with it."""
        return max(self.training_seconds, self.step_seconds)

    @property
    def seconds(self) -> float:
        """Of the whole unit."""
        return self.label_seconds + self.training + self.evaluation_seconds


class TaskResult(Frozen):
    """One task of the last run."""

    task: str
    """Its name."""
    clusters: int
    """Clusters among its headline cases."""
    own: EmitterSummary
    """The trained model."""
    base: PairSummary | None
    """The trained model against M0."""
    origin: PairSummary | None
    """The trained model against the model that its labels came from; null where that is M0, or was not run."""
    before: EmitterSummary | None
    """M0 itself."""


class UnitResult(Frozen):
    """A unit that has been run to its end, or that cannot be."""

    schema_version: Literal[1] = 1
    """Version of this layout."""
    study: str
    """Name of the study."""
    unit: str
    """Arm and seed."""
    unit_hash: str
    """Hash of everything that the result follows from."""
    arm: dict[str, Any]
    """What was learnt, every value."""
    seed: int
    """The unit's."""
    student: str
    """Spec of M0."""
    status: Literal["done", "failed"]
    """Whether it came to its end."""
    error: str = ""
    """Why it did not."""
    trained_on: TrainedOn | None = None
    """The training set."""
    cost: Cost | None = None
    """What it took."""
    tasks: list[TaskResult] = Field(default_factory=list)
    """What the last run found, per task."""
    trajectory: list[dict[str, Any]] = Field(default_factory=list)
    """What the runs along the way found: a row per step, task and reference."""
    adapter_sha256: str = ""
    """Hash of the weights that were run."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Versions of what computed it."""
    hardware: dict[str, Any] = Field(default_factory=dict)
    """The machine."""
    git: dict[str, Any] | None = None
    """The commit of the checkout that ran, where there was one."""

    @property
    def foreign_labels(self) -> bool:
        """Whether any label that it was trained on came from another model than M0, by what is kept of them."""
        origins = self.trained_on.origins if self.trained_on else []
        return any(origin.cases and origin.source not in (M0, f"{M0}, {SHUFFLED}") for origin in origins)

    def write(self, folder: Path) -> Path:
        """Write the file of the unit. Raises UsageError where it would be larger than what is committed."""
        data = canonical_json(rounded(self.model_dump(mode="json"))).encode() + b"\n"
        if len(data) > LARGEST:
            raise UsageError(
                f"{self.unit}: its result has {len(data)} bytes, more than {LARGEST}; evaluate at fewer steps"
            )
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.unit}.json"
        write_whole(path, data)
        return path


def trained_on(training: TrainingSet) -> TrainedOn:
    """What is kept of a training set."""
    return TrainedOn(
        sha256=training.sha256,
        cases=len(training.cases),
        explained=training.explained,
        counts=dict(training.counts),
        origins=list(training.origins),
        agreement=training.agreement,
        change_rate=training.change_rate,
        warnings=list(training.warnings),
    )


def task_results(summary: Summary, origin: str | None) -> list[TaskResult]:
    """The trained model's part of a run's summary.

    Args:
        origin: name in that run of the model that the labels came from; None where that is the base or no model.
    """
    role = {model.name: model.role for model in summary.models}
    target = next(name for name, each in role.items() if each == "target")
    found = []
    for task in summary.tasks:
        emitters = {emitter.model: emitter for emitter in task.emitters}
        pairs = {pair.reference: pair for pair in task.pairs if pair.emitter == target}
        base = next((name for name in pairs if role[name] == "base"), None)
        found.append(
            TaskResult(
                task=task.name,
                clusters=task.cases.clusters,
                own=emitters[target],
                base=pairs[base] if base else None,
                origin=pairs.get(origin) if origin else None,
                before=emitters[base] if base else None,
            )
        )
    return found


def read_results(folder: Path, units: Sequence[Unit]) -> dict[str, UnitResult]:
    """The results that a folder has of some units, by id.

    Raises UsageError where a file is none, or is of a unit of this name that learnt something else.
    """
    found = {}
    for unit in units:
        path = folder / f"{unit.id}.json"
        if not path.is_file():
            continue
        try:
            result = UnitResult.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise UsageError(f"{path}: no result of a unit ({str(error).splitlines()[0]}); remove it") from error
        if result.unit_hash != unit.hash:
            raise UsageError(
                f"{path}: the unit has changed since it ran (arm, tasks or evaluation); name the study anew, or remove "
                "the file"
            )
        found[unit.id] = result
    return found
