"""One unit of a study from its labels to its result; killed at any moment, the same call goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from introbench.errors import FolderInUseError
from introbench.files import disk_errors, write_whole
from introbench.hashing import file_hash
from introbench.metrics.summary import dump, summarise
from introbench.models.spec import ModelSpec, parse_spec
from introbench.runs.config import resolve_config
from introbench.runs.execute import Progress, execute
from introbench.runs.manifest import git_state, hardware, versions
from introbench.train.build import M0, SetRequest, relabeller, stand_in_set, training_set
from introbench.train.config import EvaluationConfig, TrainConfig
from introbench.train.estimate import estimate_training
from introbench.train.evaluate import adapted_spec
from introbench.train.measured import is_stored
from introbench.train.rows import TrainingSet
from introbench.train.study.config import Unit
from introbench.train.study.results import Cost, UnitResult, task_results, trained_on
from introbench.train.trainer import TrainOutcome, train

__all__ = ["estimated_seconds", "name_of_origin", "run_unit", "unit_folder"]

ADAPTER_WEIGHTS = "adapter_model.safetensors"
_PATIENCE = 2.0
"""Seconds between two looks at a folder that another process works in."""
_SECONDS_PER_TICK = 5.0
_WAITING = "waiting"

OnProgress = Callable[[Progress], None]


def unit_folder(out: Path, unit: Unit) -> Path:
    """Where the training and the runs of a unit lie."""
    return out / "units" / unit.id


def run_unit(unit: Unit, out: Path, on_progress: OnProgress = lambda progress: None) -> UnitResult:
    """Make the labels, train, and run the trained model on held-out items.

    Args:
        out: folder of the study: runs that measure labels are shared by its units.

    Raises as `training_set`, `train` and `execute` do.
    """
    folder, clock = unit_folder(out, unit), _Clock(unit_folder(out, unit) / "seconds.json")

    def told(progress: Progress) -> None:
        clock.tick(worked=progress.step != _WAITING)
        on_progress(progress)

    measure = partial(execute, on_progress=told)
    request = _request(unit, out)
    with clock.running("labels"):
        training = _when_free(lambda: training_set(request, measure), unit, told)
    config = _training(unit, request, training, folder, shared=out / "labels")
    with clock.running("training"):
        outcome = train(config, told)
    with clock.running("evaluation"):
        run = _evaluate(unit, adapted_spec(outcome.base, outcome.out), folder / "run", told)
    summary = summarise(run)
    write_whole(run / "summary.json", dump(summary))
    return UnitResult(
        study=unit.study.name,
        unit=unit.id,
        unit_hash=unit.hash,
        arm={**unit.arm.model_dump(mode="json", exclude={"train"}), "train": unit.arm.train.as_json()},
        seed=unit.seed,
        student=unit.study.student,
        student_parts=dict(outcome.base_parts),
        status="done",
        trained_on=trained_on(training),
        cost=_cost(clock, outcome),
        tasks=task_results(summary, name_of_origin(unit)),
        trajectory=[dict(row) for row in outcome.trajectory],
        adapter_sha256=file_hash(str(outcome.out / ADAPTER_WEIGHTS)),
        versions=versions(),
        hardware=hardware(),
        git=git_state(),
    )


def _cost(clock: _Clock, outcome: TrainOutcome) -> Cost:
    return Cost(
        label_seconds=clock.seconds("labels"),
        training_seconds=clock.seconds("training"),
        evaluation_seconds=clock.seconds("evaluation"),
        step_seconds=round(outcome.seconds, 1),
        steps=outcome.steps,
        training_tokens=outcome.tokens,
    )


def _when_free(make: Callable[[], TrainingSet], unit: Unit, on_progress: OnProgress) -> TrainingSet:
    """A training set as soon as no other unit, side by side with this one, is measuring its labels."""
    while True:
        try:
            return make()
        except FolderInUseError:
            time.sleep(_PATIENCE)
            on_progress(Progress(unit.id, _WAITING))


def estimated_seconds(unit: Unit, out: Path) -> float:
    """What the training alone will take on this machine, without its labels and runs.

    Raises as `estimate_training` does.
    """
    request = _request(unit, out)
    return estimate_training(_training(unit, request, stand_in_set(request), unit_folder(out, unit))).seconds


def _request(unit: Unit, out: Path) -> SetRequest:
    dtype = unit.arm.train.dtype
    return SetRequest(
        student=unit.study.student,
        tasks=unit.tasks,
        arm=unit.arm,
        folder=out / "labels",
        seed=unit.seed,
        case_seed=unit.study.case_seed,
        # Labels are those of M0 as it is trained: rounding alone can move some.
        options={} if dtype is None else {"dtype": dtype},
    )


def _training(
    unit: Unit, request: SetRequest, training: TrainingSet, folder: Path, shared: Path | None = None
) -> TrainConfig:
    chosen, arm = unit.evaluation, unit.arm
    evaluation = None
    if arm.train.evaluate_at:
        evaluation = EvaluationConfig(
            unit.test, chosen.along_the_way, _references(unit), seed=chosen.seed, skip=chosen.skip
        )
    return TrainConfig(
        model=unit.study.student,
        training_set=training,
        out=folder / "training",
        hyperparameters=arm.train,
        arm=arm.name,
        arm_file=arm.yaml(),
        evaluation=evaluation,
        relabel=relabeller(request) if arm.fresh_every else None,
        relabel_every=arm.fresh_every,
        shared=shared,
    )


def _origin(unit: Unit) -> str | None:
    """Spec of the model that the labels come from, where that is neither M0 nor known by its labels alone."""
    labels = unit.arm.labels
    return None if labels in (None, M0) or is_stored(str(labels)) else labels


def name_of_origin(unit: Unit) -> str | None:
    """What runs call the model that the labels come from: they sort the options of a spec. None as for M0's labels.

    Raises SpecError where it is no spec.
    """
    origin = _origin(unit)
    return None if origin is None else str(parse_spec(origin))


def _references(unit: Unit) -> tuple[str, ...]:
    origin = _origin(unit)
    return (*([origin] if origin else []), *unit.evaluation.references)


def _evaluate(unit: Unit, trained: ModelSpec, run: Path, on_progress: OnProgress) -> Path:
    chosen = unit.evaluation
    asked = resolve_config(
        f"{unit.id}={trained}",
        _references(unit),
        unit.test,
        limit=chosen.limit,
        skip=chosen.skip,
        seed=chosen.seed,
        aa_share=0.0,
    )
    return execute(*asked, run, on_progress, reuse=_earlier(run))


def _earlier(run: Path) -> Sequence[Path]:
    """A run of another unit, which has M0's answers to the same questions."""
    found = sorted(path.parent for path in run.parent.parent.glob("*/run/summary.json") if path.parent != run)
    return found[:1]


class _Clock:
    """Seconds of the wall by phase, kept in a file, so that a unit that goes on counts what it took before.

    A process that is killed takes with it what passed since the last tick.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._phase: str | None = None
        self._since = 0.0

    @contextmanager
    def running(self, phase: str) -> Iterator[None]:
        self._phase, self._since = phase, time.monotonic()
        try:
            yield
        finally:
            self._add(phase)
            self._phase = None

    def tick(self, *, worked: bool = True) -> None:
        """Write down what has passed, where that is worth a write; time without work is nobody's."""
        if not worked:
            self._since = time.monotonic()
        elif self._phase is not None and time.monotonic() - self._since > _SECONDS_PER_TICK:
            self._add(self._phase)

    def seconds(self, phase: str) -> float:
        return round(self._read().get(phase, 0.0), 1)

    def _read(self) -> dict[str, float]:
        try:
            found: dict[str, float] = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return found

    def _add(self, phase: str) -> None:
        now, known = time.monotonic(), self._read()
        with disk_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._path, json.dumps({**known, phase: known.get(phase, 0.0) + now - self._since}).encode())
        self._since = now
