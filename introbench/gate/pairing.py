"""Baseline and candidate set side by side, case by case: what can be compared, and why the rest cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from introbench.gate.influence import Seen
from introbench.gate.outcomes import Outcomes, RunFacts, TaskFacts, unpacked
from introbench.metrics.arrays import Bools, Ints
from introbench.metrics.frozen import Frozen
from introbench.metrics.observations import ABSENT, CaseTable
from introbench.metrics.read import Run
from introbench.tasks.openings import REFUSE

__all__ = ["Coverage", "Pairing", "TaskPair", "pair_up", "seen_of"]


class Coverage(Frozen):
    """The cases of one task on both sides."""

    task: str
    """Its name."""
    baseline: int
    """Cases of the baseline."""
    candidate: int
    """Cases that the candidate planned."""
    paired: int
    """Cases that both answered: what every gate on the task rests on."""
    missing: int
    """Cases that both should hold and one of them did not answer."""


@dataclass(frozen=True, slots=True, eq=False)
class TaskPair:
    """One task on both sides.

    Attributes:
        coverage: how many cases there are.
        reasons: why nothing can be said of it; empty where something can.
        cases: the paired cases.
        refuse: (cases,) index of the choice that refuses.
        baseline: (cases, 5) packed outcomes.
        candidate: (cases, 5) packed outcomes.
        references: by name, (cases, 2) packed choices of the baseline's run and of the candidate's.
        again: packed outcomes of the baseline, then of the candidate, where they were asked twice.
        references_again: by name, (cases, 2) packed choices of the candidate's run where it asked a reference twice.
    """

    coverage: Coverage
    reasons: tuple[str, ...]
    cases: CaseTable
    refuse: Ints
    baseline: Ints
    candidate: Ints
    references: Mapping[str, tuple[Ints, Ints]] = field(default_factory=dict)
    again: tuple[Ints, Ints] = (np.empty((0, 5), dtype=np.int64), np.empty((0, 5), dtype=np.int64))
    references_again: Mapping[str, Ints] = field(default_factory=dict)

    def seen(self, reference: str | None = None) -> tuple[Seen, Seen]:
        """Baseline and candidate, each with its reference where there is one of that name (or any, where None)."""
        name = self._named(reference)
        others = self.references.get(name) if name is not None else None
        one, other = (
            Seen(self.cases, unpacked(rows), self.refuse, unpacked(others[side]) if others else None)
            for side, rows in enumerate((self.baseline, self.candidate))
        )
        return one, other

    def reruns(self, side: int, reference: str | None = None) -> tuple[Seen, Seen] | None:
        """What one side answered first and second, on the cases that it was asked twice; None where there are none.

        A reference was asked twice where the candidate's run did so; else it answers both times alike, as it does for
        both sides of a gate.
        """
        again = self.again[side]
        if not again.size:
            return None
        answered = _answered(again)
        if not answered.any():
            return None
        rows = (self.candidate if side else self.baseline)[answered]
        cases, refuse = self.cases.take(answered), self.refuse[answered]
        first, second = (
            Seen(cases, unpacked(each), refuse, unpacked(choices[answered]) if choices is not None else None)
            for each, choices in zip((rows, again[answered]), self._reference_twice(side, reference), strict=True)
        )
        return first, second

    def _named(self, reference: str | None) -> str | None:
        return reference if reference is not None else next(iter(self.references), None)

    def _reference_twice(self, side: int, reference: str | None) -> tuple[Ints | None, Ints | None]:
        """What the reference answered first and second on every case."""
        name = self._named(reference)
        if name is None or name not in self.references:
            return None, None
        first = self.references[name][side]
        again = self.references_again.get(name)
        if not side or again is None:
            return first, first
        return first, np.where((again != ABSENT).all(axis=1)[:, None], again, first)


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two runs side by side.

    Attributes:
        tasks: by name, every task of the baseline.
        reasons: why nothing at all can be compared; empty where something can.
        notes: what differs and does not forbid it.
    """

    tasks: Mapping[str, TaskPair]
    reasons: tuple[str, ...]
    notes: tuple[str, ...]


def pair_up(
    baseline: Outcomes, candidate: Outcomes, run: Run, *, max_missing: float, other_classes: bool = False
) -> Pairing:
    """Pair two runs by case.

    Args:
        run: the candidate's, with its cases in the order of its outcomes.
        max_missing: share of the cases of a task that may lack an answer on either side.
        other_classes: whether models may be of different classes.
    """
    one, other = baseline.facts, candidate.facts
    reasons: list[str] = []
    notes: list[str] = []
    if one.target.kind != other.target.kind:
        differs = f"the baseline's answers are of the class ({one.target.kind}), the candidate's ({other.target.kind})"
        (notes if other_classes else reasons).append(differs)
    notes += [
        f"{name}: {before} before, {other.target.parts.get(name)} now"
        for name, before in one.target.parts.items()
        if other.target.parts.get(name, before) != before
    ]
    known = {task.name: task for task in other.tasks}
    references, changed = _references(one, other)
    notes += changed
    tasks = {
        task.name: _task_pair(task, known.get(task.name), baseline, candidate, run, max_missing, references)
        for task in one.tasks
    }
    extra = [task.name for task in other.tasks if task.name not in tasks]
    notes += [f"{name}: the baseline does not hold this task, so nothing is said of it" for name in extra]
    notes += [
        f"{pair.coverage.task}: {pair.coverage.missing} cases lack an answer and are left out"
        for pair in tasks.values()
        if pair.coverage.missing and not pair.reasons
    ]
    return Pairing(tasks, tuple(reasons), tuple(notes))


def seen_of(outcomes: Outcomes, run: Run, task: str, reference: str | None = None) -> Seen | None:
    """One side's outcomes on a task, paired or not; None where it does not hold the task."""
    rows = np.flatnonzero(run.cases.tasks == task)
    if not rows.size:
        return None
    return Seen(
        run.cases.take(rows),
        unpacked(outcomes.target[rows]),
        _refusals(run, rows),
        unpacked(outcomes.references[reference][rows]) if reference is not None else None,
    )


def _references(one: RunFacts, other: RunFacts) -> tuple[list[str], list[str]]:
    """References of the baseline that couplings can be taken against, and what is to be said of the others.

    A reference that the candidate was not run with is not asked again: what it answered for the baseline still holds.
    """
    known = {model.name: model.fingerprint for model in other.references}
    held = [model.name for model in one.references if known.get(model.name, model.fingerprint) == model.fingerprint]
    notes = [
        f"reference {model.name}: is another model in the candidate's run"
        for model in one.references
        if model.name not in held
    ]
    return held, notes


def _task_pair(
    mine: TaskFacts,
    theirs: TaskFacts | None,
    baseline: Outcomes,
    candidate: Outcomes,
    run: Run,
    max_missing: float,
    references: Sequence[str],
) -> TaskPair:
    known = {case: place for place, case in enumerate(baseline.ids.tolist())}
    here = np.flatnonzero(run.cases.tasks == mine.name)
    shared = np.array([place for place in here if str(candidate.ids[place]) in known], dtype=np.int64)
    before = np.array([known[str(candidate.ids[place])] for place in shared], dtype=np.int64)
    same = baseline.hashes[before] == candidate.hashes[shared] if shared.size else np.zeros(0, dtype=np.bool_)
    answered = same & _answered(baseline.target[before]) & _answered(candidate.target[shared])
    expected = min(mine.cases, theirs.cases) if theirs else mine.cases
    paired = int(np.count_nonzero(answered))
    coverage = Coverage(
        task=mine.name,
        baseline=mine.cases,
        candidate=theirs.cases if theirs else 0,
        paired=paired,
        missing=max(expected - paired, 0),
    )
    other_questions = [str(case) for case in candidate.ids[shared][~same]]
    reasons = list(_reasons(mine, theirs, coverage, other_questions, max_missing))
    rows, old = shared[answered], before[answered]
    return TaskPair(
        coverage=coverage,
        reasons=tuple(reasons),
        cases=run.cases.take(rows),
        refuse=_refusals(run, rows),
        baseline=baseline.target[old],
        candidate=candidate.target[rows],
        references={
            name: (
                baseline.references[name][old],
                candidate.references[name][rows] if name in candidate.references else baseline.references[name][old],
            )
            for name in references
        },
        again=(baseline.again[old], candidate.again[rows]),
        references_again={
            name: candidate.references_again[name][rows] for name in references if name in candidate.references_again
        },
    )


def _reasons(
    mine: TaskFacts, theirs: TaskFacts | None, coverage: Coverage, other_questions: Sequence[str], max_missing: float
) -> list[str]:
    if theirs is None:
        return [f"{mine.name}: the candidate does not hold this task"]
    for name in ("comparability", "version", "behaviour"):
        before, now = getattr(mine, name), getattr(theirs, name)
        if before != now:
            return [f"{mine.name}: {name} {before} in the baseline and {now} in the candidate"]
    if other_questions:
        return [
            f"{mine.name}: {len(other_questions)} cases ask other questions than in the baseline, {other_questions[0]} "
            "among them"
        ]
    expected = min(coverage.baseline, coverage.candidate)
    if coverage.missing > max_missing * expected:
        return [
            f"{mine.name}: {coverage.missing} of {expected} cases lack an answer on one side (another seed or split, "
            f"or an unfinished run); {max_missing:.0%} may"
        ]
    return []


def _answered(rows: Ints) -> Bools:
    answers = unpacked(rows)
    return answers.behaved & answers.explained


def _refusals(run: Run, rows: Ints) -> Ints:
    choices = [run.choices[row] for row in rows]
    return np.array([each.index(REFUSE) if REFUSE in each else ABSENT for each in choices], dtype=np.int64)
