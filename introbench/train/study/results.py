"""What is kept of a unit: one JSON file with what was trained on, what it cost and what it scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from introbench.errors import UsageError
from introbench.files import disk_errors, write_whole
from introbench.hashing import canonical_json
from introbench.metrics.frozen import Frozen
from introbench.metrics.schema import EmitterSummary, PairSummary, Summary
from introbench.metrics.summary import rounded
from introbench.models.types import Fingerprint
from introbench.train.build import M0, SHUFFLED
from introbench.train.rows import LabelOrigin, TrainingSet
from introbench.train.study.config import Unit

__all__ = [
    "LARGEST",
    "Cost",
    "TaskResult",
    "TrainedOn",
    "UnitResult",
    "kept_bytes",
    "read_results",
    "refuse_other_student",
    "task_results",
    "trained_on",
]

LARGEST = 200_000
"""Bytes of the largest result: results are committed."""

_OF_THE_UNIT = ("dtype", "engine")
"""Parts of a fingerprint in which units of one student may differ: an arm names the dtype, and machines differ."""


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
    student_parts: dict[str, str] = Field(default_factory=dict)
    """What M0's fingerprint was made of, by name; empty where the unit failed, and in results older than this."""
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
        m0 = Fingerprint(self.student_parts).hex
        origins = self.trained_on.origins if self.trained_on else []
        others = [each for each in origins if each.source not in (M0, f"{M0}, {SHUFFLED}") and each.fingerprint != m0]
        return any(origin.cases for origin in others)

    def write(self, folder: Path) -> Path:
        """Write the file of the unit. Raises UsageError where it would be larger than what is committed."""
        data = kept_bytes(self)
        if len(data) > LARGEST:
            raise UsageError(
                f"{self.unit}: its result has {len(data)} bytes, more than {LARGEST}; evaluate at fewer steps"
            )
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.unit}.json"
        write_whole(path, data)
        return path


def kept_bytes(made: Frozen) -> bytes:
    """What is kept as a file of what a study has made."""
    return canonical_json(rounded(made.model_dump(mode="json"))).encode() + b"\n"


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

    Raises UsageError where a file is none, is of a unit of this name that learnt something else, or is of another
    student than the others.
    """
    found = {}
    for unit in units:
        result = _read(folder, unit)
        if result is None:
            continue
        if result.unit_hash != unit.hash:
            raise UsageError(
                f"{_path(folder, unit)}: the unit has changed since it ran (arm, tasks or evaluation); name the study "
                "anew, or remove the file"
            )
        found[unit.id] = result
    known = [(name, result.student_parts) for name, result in found.items() if result.student_parts]
    for name, parts in known[1:]:
        if different := _different(known[0][1], parts):
            raise UsageError(
                f"{folder / name}.json: another student than that of {known[0][0]} (other {different}), which its "
                "spec does not tell; remove the results of one of them"
            )
    return found


def refuse_other_student(folder: Path, units: Sequence[Unit], parts: Mapping[str, str]) -> None:
    """Raises UsageError where a unit, as it is asked for now, has been run on another student than this one.

    Args:
        folder: the results.
        parts: what the fingerprint of M0 is made of now.
    """
    for unit in units:
        result = _read(folder, unit)
        if result is None or result.unit_hash != unit.hash or not result.student_parts:
            continue
        if different := _different(result.student_parts, parts):
            raise UsageError(
                f"{_path(folder, unit)}: ran on another student than {unit.study.student} is now (other "
                f"{different}); bring that one back, or name the study anew"
            )


def _different(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """In what two students differ; empty where they are the same one."""
    names = sorted((one.keys() | other.keys()) - set(_OF_THE_UNIT))
    return " and ".join(name for name in names if one.get(name) != other.get(name))


def _path(folder: Path, unit: Unit) -> Path:
    return folder / f"{unit.id}.json"


def _read(folder: Path, unit: Unit) -> UnitResult | None:
    path = _path(folder, unit)
    if not path.is_file():
        return None
    try:
        return UnitResult.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(f"{path}: no result of a unit ({str(error).splitlines()[0]}); remove it") from error
