"""Several stored runs on the cases that they share: what can be set side by side, and what cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from introbench.errors import NotComparableError, UsageError
from introbench.metrics.arrays import Ints
from introbench.metrics.observations import Answers, CaseTable
from introbench.metrics.read import ModelEntry, Run

__all__ = ["Aligned", "align", "check_readings", "model_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """Runs cut down to the cases that all of them hold.

    Attributes:
        cases: the shared cases, in the order of the first run.
        rows: per run, where in its own table each shared case stands.
        left_out: per run, number of its cases that another run lacks.
    """

    cases: CaseTable
    rows: tuple[Ints, ...]
    left_out: tuple[int, ...]

    def answers(self, runs: Sequence[Run], number: int, model: str) -> Answers:
        """A model's decisions over the shared cases. `number` says in which run it stands."""
        return runs[number].answers[model].take(self.rows[number])


def align(runs: Sequence[Run], names: Sequence[str]) -> Aligned:
    """The cases that every run holds.

    Args:
        runs: at least one.
        names: what to call them in messages.

    Raises NotComparableError where a task's comparability number or version differs, a case of one id asks different
    questions, or no case is shared.
    """
    for run, name in zip(runs[1:], names[1:], strict=True):
        _check_tasks(runs[0], run, names[0], name)
    places = [{case: row for row, case in enumerate(run.cases.ids.tolist())} for run in runs]
    shared = [case for case in runs[0].cases.ids.tolist() if all(case in place for place in places[1:])]
    if not shared:
        raise NotComparableError(f"{', '.join(names)} share no case; compare runs of the same task, seed and split")
    rows = tuple(np.array([place[case] for case in shared], dtype=np.int64) for place in places)
    for run, row, name in zip(runs[1:], rows[1:], names[1:], strict=True):
        _check_questions(shared, (runs[0], rows[0], names[0]), (run, row, name))
    return Aligned(
        cases=runs[0].cases.take(rows[0]),
        rows=rows,
        left_out=tuple(run.cases.ids.size - len(shared) for run in runs),
    )


def _check_tasks(one: Run, other: Run, name: str, other_name: str) -> None:
    known = {task.name: task for task in one.tasks}
    for task in other.tasks:
        if task.name not in known:
            continue
        mine = known[task.name]
        for what in ("comparability", "version"):
            if getattr(mine, what) != getattr(task, what):
                raise NotComparableError(
                    f"{task.name}: {what} {getattr(mine, what)} in {name} and {getattr(task, what)} in {other_name}; "
                    "run both with the same version of the task"
                )


def _check_questions(shared: Sequence[str], one: tuple[Run, Ints, str], other: tuple[Run, Ints, str]) -> None:
    if not (one[0].asks and other[0].asks):
        return
    for case, mine, theirs in zip(shared, one[1], other[1], strict=True):
        if one[0].asks[mine] != other[0].asks[theirs]:
            raise NotComparableError(
                f"case {case} asks other questions in {one[2]} than in {other[2]}; run both with the same seed and task"
            )


def check_readings(entries: Sequence[ModelEntry]) -> None:
    """Raises NotComparableError where some models gave probabilities and others one reply each."""
    named = {entry.answers: entry.name for entry in entries}
    if len(named) > 1:
        readings = " and ".join(f"{named[answers]} ({answers})" for answers in sorted(named))
        raise NotComparableError(
            f"the answers of {readings} are read differently; set models of one class side by side"
        )


def model_of(run: Run, name: str | None, where: str) -> ModelEntry:
    """The model of that name, or the target of the run. Raises UsageError where there is none."""
    for entry in run.models:
        if entry.name == name or (name is None and entry.role == "target"):
            return entry
    known = ", ".join(entry.name for entry in run.models)
    raise UsageError(f"{where}: no {'target' if name is None else f'model {name!r}'}; it has {known}")
