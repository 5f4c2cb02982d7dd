"""What is done to labels before they are trained on: balanced, cut to a count, mixed, moved between cases, flipped.

Every choice hangs on a draw that depends on seed, task, item, cue and hint alone. So the cases of a smaller count are
among those of a larger one, a label that one share or rate replaces is replaced at every higher one, and no limit or
order moves a draw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from introbench.errors import UsageError
from introbench.hashing import named_random
from introbench.metrics.arrays import Bools, Ints
from introbench.metrics.observations import CHANGED, UNCHANGED, CaseTable, Explanations
from introbench.metrics.permutation import transplants_of
from introbench.metrics.read import Run
from introbench.metrics.roles import roles_of
from introbench.tasks.labels import Label
from introbench.tasks.noise import Noise, flip_label
from introbench.tasks.types import Case
from introbench.train.measured import Stated
from introbench.train.rows import Verdict

__all__ = ["balanced", "change_rate", "cut_to", "few_per_item", "flipped", "mixed", "share_kept", "shuffled"]

Labels = Mapping[str, Stated]
"""Labels by case id."""

_VERDICTS: tuple[Verdict, Verdict] = ("unchanged", "changed")


def draw(seed: int, case: Case, purpose: str) -> float:
    """A number from 0 to 1 that belongs to a case and a purpose."""
    hint = "" if case.hint is None else str(case.hint)
    # Without parameters: variants of a task that ask more hints share the draws of the cases that they share.
    return named_random(seed, case.task.partition("?")[0], case.item.id, case.cue.id, hint, purpose).random()


def change_rate(stated: Labels) -> float:
    """Share of labels whose verdict is "changed", 0 to 1, of at least one label."""
    return sum(label.verdict == "changed" for label in stated.values()) / len(stated)


def balanced(cases: Sequence[Case], stated: Labels, seed: int) -> list[Case]:
    """As many cases labelled "changed" as "unchanged" within every task, in their order; none is taken twice."""
    kept: set[str] = set()
    for task in {case.task for case in cases}:
        mine = sorted((case for case in cases if case.task == task), key=lambda case: draw(seed, case, "balance"))
        by_verdict = {
            verdict: [case.id for case in mine if stated[case.id].verdict == verdict] for verdict in _VERDICTS
        }
        size = min(map(len, by_verdict.values()))
        kept.update(case for verdict in _VERDICTS for case in by_verdict[verdict][:size])
    return [case for case in cases if case.id in kept]


def few_per_item(cases: Sequence[Case], count: int, seed: int) -> list[Case]:
    """At most so many cases of each item, in their order."""
    taken: Counter[tuple[str, str]] = Counter()
    kept = set()
    for case in sorted(cases, key=lambda case: draw(seed, case, "of its item")):
        item = case.task, case.item.id
        taken[item] += 1
        if taken[item] <= count:
            kept.add(case.id)
    return [case for case in cases if case.id in kept]


def cut_to(cases: Sequence[Case], stated: Labels, count: int, seed: int, *, balance: bool = False) -> list[Case]:
    """That many cases, in their order. Raises UsageError where there are fewer.

    Args:
        balance: whether half of them are to be labelled "changed", of cases of which half are.
    """
    if count > len(cases):
        raise UsageError(
            f"labels_count {count}: there are {len(cases)} labelled cases; ask for that many, label more items, or "
            "take more cases an item (hints, cases_per_item)"
        )
    order = sorted(cases, key=lambda case: draw(seed, case, "count"))
    if balance:
        # The verdicts in turn, so that every prefix is balanced too.
        ranks: Counter[str] = Counter()
        place = {}
        for case in order:
            verdict = stated[case.id].verdict
            place[case.id] = ranks[verdict], verdict
            ranks[verdict] += 1
        order.sort(key=lambda case: place[case.id])
    kept = {case.id for case in order[:count]}
    return [case for case in cases if case.id in kept]


def share_kept(cases: Sequence[Case], share: float, seed: int) -> set[str]:
    """Ids of the cases that keep the label of the first of two sources."""
    return {case.id for case in cases if draw(seed, case, "mix") < share}


def mixed(cases: Sequence[Case], first: Labels, other: Labels, share: float, seed: int) -> dict[str, Stated]:
    """Labels from two sources: a share, 0 to 1, from the first one."""
    kept = share_kept(cases, share, seed)
    return {case.id: (first if case.id in kept else other)[case.id] for case in cases}


def shuffled(cases: Sequence[Case], stated: Labels, student: Run, model: str, seed: int) -> dict[str, Stated]:
    """Labels moved between cases of one task and cue kind, in a drawn order.

    A label takes its verdict along and the role of its content (the student's own cued answer, the hint, the key,
    another choice): how often each is stated stays, and only what it has to do with the case is lost.

    Args:
        student: a run that holds every case.
        model: name of the student in that run, which answered all of them.
    """
    place = {str(case): row for row, case in enumerate(student.cases.ids)}
    rows: Ints = np.array([place[case.id] for case in cases], dtype=np.int64)
    table, cued = student.cases.take(rows), student.answers[model].take(rows).cued
    labels = [stated[case.id] for case in cases]
    explanations = Explanations(
        said=np.array([CHANGED if label.verdict == "changed" else UNCHANGED for label in labels], dtype=np.int64),
        content=np.array([label.content for label in labels], dtype=np.int64),
        p_changed=np.full(len(labels), np.nan),
    )
    giver = _givers(cases, table, seed)
    transplants = transplants_of(explanations, roles_of(table, cued))
    kind = transplants.source[giver]
    said, content = transplants.said[kind], transplants.content[np.arange(len(cases)), kind]
    moved = zip(cases, said, content, strict=True)
    return {case.id: Stated(_VERDICTS[int(verdict == CHANGED)], int(choice)) for case, verdict, choice in moved}


def _givers(cases: Sequence[Case], table: CaseTable, seed: int) -> Ints:
    """(cases,) whose label each case gets: a permutation within every task and cue kind."""
    giver: Ints = np.arange(len(cases))
    strata = np.array([f"{task}/{kind}" for task, kind in zip(table.tasks, table.cue_kinds, strict=True)])
    gives, takes = (np.array([draw(seed, case, purpose) for case in cases]) for purpose in ("gives", "takes"))
    for stratum in np.unique(strata):
        inside: Bools = strata == stratum
        rows = np.flatnonzero(inside)
        giver[rows[np.argsort(takes[rows])]] = rows[np.argsort(gives[rows])]
    return giver


def flipped(cases: Sequence[Case], stated: Labels, noise: Noise, seed: int) -> dict[str, Stated]:
    """Labels under noise (`introbench.tasks.noise`), every case with a draw of its own."""
    return {case.id: _flipped(case, stated[case.id], noise, seed) for case in cases}


def _flipped(case: Case, label: Stated, noise: Noise, seed: int) -> Stated:
    choices = case.item.choices
    before = Label(
        item=case.item.id,
        cue=case.cue.id,
        hint=None if case.hint is None else choices[case.hint],
        verdict=label.verdict,
        content=choices[label.content],
    )
    after = flip_label(before, choices, noise, seed, case.task.partition("?")[0], by_hint=True)
    return Stated(after.verdict, choices.index(after.content))
