"""A study as its YAML file says it, and the units that follow from it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from introbench.errors import UsageError
from introbench.files import slug
from introbench.hashing import content_hash
from introbench.runs.config import skip_of
from introbench.tasks.noisy import PREFIX
from introbench.train.arm import Arm, resolve_arm
from introbench.train.written import WrittenPart, describe, load_yaml

__all__ = ["ArmEntry", "Evaluation", "Study", "Unit", "read_study", "units_of"]

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")

_Items = Annotated[int, Field(ge=0)]
_Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]


class Evaluation(WrittenPart):
    """What every unit is asked when it has been trained, and along the way."""

    limit: Annotated[int, Field(ge=1)] | None = 300
    """Held-out items per task, with all their cues; all where null."""
    along_the_way: Annotated[int, Field(ge=1)] | None = 100
    """The same at the steps of `evaluate_at`."""
    seed: int = 0
    """Root seed of the runs: which cues and hints a held-out item gets, and their order."""
    skip: _Items | dict[str, _Items] = 0
    """Held-out items that are passed over first: those on which the regime was chosen. Of every task, or by its name;
    none of a task that is not named."""
    references: tuple[str, ...] = ()
    """Models beside the base and the source of the labels, as "NAME=SPEC" or a spec."""


class ArmEntry(WrittenPart):
    """An arm of a study."""

    arm: str
    """Its spec."""
    name: str | None = None
    """What its units are called before their seed; from the spec where null."""
    seeds: _Seeds | None = None
    """Its seeds, where they are not the study's."""
    tasks: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The tasks that it explains in training, where they are not the study's."""
    test: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The tasks that it is run on, where they are not the study's."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Values of this arm, as in a spec; they win over the arm's own and the study's."""


class Study(WrittenPart):
    """A study."""

    name: str
    """What its files are called: letters, digits, "_", "-" and ".", which does not come first."""
    summary: str
    """One line on what it asks."""
    student: str
    """Spec of the model that is trained: M0."""
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    """Tasks that are explained in training."""
    test: tuple[str, ...] = ()
    """Tasks that every unit is run on; those that are trained where left out."""
    arms: Annotated[tuple[ArmEntry, ...], Field(min_length=1)]
    """Its arms, the most important one first."""
    seeds: _Seeds
    """Seeds of every arm: of the adapter's start, the order of cases, noise, shuffles and subsets."""
    case_seed: int = 0
    """Root seed of the training cases: which cues and hints an item gets."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Values of every arm, as in a spec, where the arm itself does not say otherwise."""
    evaluation: Evaluation = Evaluation()
    """What every unit is asked."""
    in_matrix: tuple[str, ...] = ()
    """Arms whose units are set against each other as emitters and teachers; the first three where left out."""
    minutes_per_unit: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0
    """What a unit may take; one that takes longer is named in the plan and on the page."""
    drift: tuple[float, float] = (0.1, 0.3)
    """Between which drifts d the study can tell: below, too few cases differ; above, the labels have lost the model."""
    written_down: dict[str, Any] = Field(default_factory=dict)
    """What was fixed before the first unit ran (criteria, tests, runs made while choosing), shown on the page."""

    @field_validator("name")
    @classmethod
    def _names_one_folder(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot name a folder of results; use letters, digits, _ and -, and . inside")
        return name

    @field_validator("drift", mode="before")
    @classmethod
    def _ascends(cls, drift: Any) -> Any:
        numbers = isinstance(drift, list | tuple) and all(isinstance(each, int | float) for each in drift)
        if not numbers or len(drift) != 2 or not 0 <= drift[0] < drift[1] <= 1:
            raise ValueError(f"{drift} is no range; write two shares from 0 to 1, the smaller one first")
        return drift


_OF_ARMS = Arm.model_fields.keys() - Study.model_fields.keys()
_OF_STUDIES = Study.model_fields.keys() - Arm.model_fields.keys()
"""Keys that tell a file with an arm from one with a study."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One training of a study, and its runs.

    Attributes:
        id: arm and seed, as files are named.
        study: the study.
        arm: what is learnt.
        seed: its seed, which is the arm's hyperparameter too.
        tasks: tasks that it explains in training.
        test: tasks that it is run on.
    """

    id: str
    study: Study
    arm: Arm
    seed: int
    tasks: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def group(self) -> str:
        """The arm as its units are called, whatever their seed."""
        return self.id.rpartition("-s")[0]

    @property
    def hash(self) -> str:
        """Hash of everything that its result follows from."""
        study = self.study
        return content_hash(
            {
                "student": study.student,
                "arm": self.arm.identity,
                "seed": self.seed,
                "case seed": study.case_seed,
                "tasks": list(self.tasks),
                "test": list(self.test),
                "evaluation": self.evaluation.model_dump(mode="json"),
            }
        )

    @property
    def evaluation(self) -> Evaluation:
        """What it is asked, of its own tasks alone."""
        chosen = self.study.evaluation
        return chosen.model_copy(update={"skip": skip_of(chosen.skip, [_base_name(task) for task in self.test])})

    @property
    def kind(self) -> str:
        """Hash of what the time that it takes follows from: all but its seed, which changes none of it."""
        arm = self.arm.model_copy(update={"train": replace(self.arm.train, seed=0)})
        return content_hash({"arm": arm.identity, "tasks": list(self.tasks), "test": list(self.test)})


def read_study(path: Path) -> Study:
    """Read a study. Raises UsageError that names the file and the place where it is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise UsageError(f"{path}: cannot be read ({reason}); name the YAML file of a study") from error
    study = _parsed(load_yaml(text, path), path)
    try:
        _check_seeds(study)
        units = units_of(study)
    except UsageError as error:
        raise type(error)(f"{path}: {error}") from error
    _check(study, units, path)
    return study


def _parsed(raw: Any, path: Path) -> Study:
    if not isinstance(raw, Mapping):
        what = "is empty" if raw is None else "holds no mapping of keys to values"
        needed = ", ".join(name for name, field in Study.model_fields.items() if field.is_required())
        raise UsageError(f"{path}: {what}; a study has at least {needed}")
    if raw.keys() & _OF_ARMS and not raw.keys() & _OF_STUDIES:
        raise UsageError(f"{path}: is an arm and no study; carry it out with introbench train --arm {path}")
    if isinstance(raw.get("arms"), list):
        raw = {**raw, "arms": [{"arm": entry} if isinstance(entry, str) else entry for entry in raw["arms"]]}
    try:
        return Study.model_validate(raw)
    except ValidationError as error:
        raise UsageError(f"{path}: {describe(error, Study)}") from error


def _check_seeds(study: Study) -> None:
    """Raises UsageError where an arm sets its seed beside `seeds`: its units would be called by another one."""
    if _sets_seed(study.settings):
        raise UsageError("settings: seed is no setting of a study; write seeds: [N], one unit each")
    for entry in study.arms:
        changes = [part.partition("=")[0] for part in entry.arm.split(",")[1:]]
        if _sets_seed(entry.settings) or _sets_seed(dict.fromkeys(changes)):
            raise UsageError(
                f"arm {entry.arm!r}: sets seed; leave it out and write seeds: [N] beside arm: in its place"
            )


def _sets_seed(values: Mapping[str, Any]) -> bool:
    train = values.get("train")
    return bool(values.keys() & {"seed", "train.seed"}) or (isinstance(train, Mapping) and "seed" in train)


def _check(study: Study, units: Sequence[Unit], path: Path) -> None:
    """Raises UsageError where parts of a study contradict each other."""
    for unit in units:
        for named in (unit.tasks, unit.test):
            if doubled := [task for task in named if named.count(task) > 1]:
                raise UsageError(f"{path}: names the task {doubled[0]} twice; leave one of the two out")
    twice = sorted({unit.id for unit in units if sum(other.id == unit.id for other in units) > 1})
    if twice:
        raise UsageError(f"{path}: two units are called {twice[0]}; leave one of them out")
    passed = study.evaluation.skip
    asked = {_base_name(task) for unit in units for task in unit.test}
    if not isinstance(passed, int) and "all" in asked:
        raise UsageError(f"{path}: evaluation.skip: goes by task where tasks are named; name them in place of 'all'")
    if not isinstance(passed, int) and (unasked := sorted(passed.keys() - asked)):
        raise UsageError(
            f"{path}: evaluation.skip: no unit is run on {unasked[0]!r}; there are {', '.join(sorted(asked))}"
        )


def _base_name(task: str) -> str:
    return task.partition("?")[0].removeprefix(PREFIX)


def units_of(study: Study) -> list[Unit]:
    """The units of a study, in the order in which they are run: every seed of an arm, arm by arm.

    Raises SpecError or UsageError where an arm is none.
    """
    units = []
    for entry in study.arms:
        for seed in entry.seeds or study.seeds:
            arm = resolve_arm(entry.arm, {**entry.settings, "seed": seed}, study.settings)
            tasks = entry.tasks or study.tasks
            foreign = f"-on-{'-'.join(tasks)}" if tasks != study.tasks else ""
            # Ids name models in runs, as ID=SPEC.
            name = slug(f"{entry.name or arm.name + foreign}-s{seed}").replace("=", "-")
            units.append(Unit(name, study, arm, seed, tasks, entry.test or study.test or study.tasks))
    return units
