"""How far a set of training labels agrees with what a model does now."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from introbench.errors import NotComparableError, UsageError
from introbench.metrics.align import model_of
from introbench.metrics.arrays import Bools
from introbench.metrics.frozen import Frozen
from introbench.metrics.intervals import Estimate, rate
from introbench.metrics.observations import ABSENT
from introbench.metrics.read import Run
from introbench.tasks.labels import LabelFile

__all__ = ["Agreement", "agreement_of"]


class Agreement(Frozen):
    """Training labels beside one model's own labels."""

    model: str
    """The model."""
    labels: int
    """Labels of the set."""
    matched: int
    """Those whose case the run holds and the model answered; the rest says nothing about it."""
    exact: Estimate
    """Share of matched cases whose label, verdict and content, equals E(model)."""
    verdict: Estimate
    """Share of matched cases whose label has E(model)'s verdict."""


def agreement_of(run: Run, file: LabelFile, model: str | None, where: Path) -> Agreement:
    """Agreement of a label file with a model of a run; its target where no model is named.

    Raises UsageError where the run lacks the model or the task, NotComparableError where the labels are of another
    version of the task or no case matches.
    """
    entry = model_of(run, model, str(where))
    tasks = [
        task for task in run.tasks if task.name.partition("?")[0] == file.task and task.behaviour == file.behaviour
    ]
    if not tasks:
        raise UsageError(f"{where}: holds no {file.task} read by {file.behaviour}, which the labels are of")
    task = tasks[0]
    if task.version != file.version:
        raise NotComparableError(
            f"{where}: {task.name} version {task.version}, labels of version {file.version}; make the labels again"
        )
    wanted = {(label.item, label.cue, label.hint): label for label in file.labels}
    cases = run.cases
    mine = np.flatnonzero((cases.tasks == task.name) & run.answers[entry.name].behaved)
    labels = run.answers[entry.name].labels
    rows, exact, verdict = [], [], []
    for place in mine:
        choices, hint = run.choices[place], int(cases.hint[place])
        hinted = None if hint == ABSENT else choices[hint]
        label = wanted.get((str(cases.items[place]), _cue(str(cases.ids[place]), hint), hinted))
        if label is None or label.content not in choices:
            continue
        right = (label.verdict == "changed") == bool(labels.changed[place])
        rows.append(place)
        verdict.append(right)
        exact.append(right and choices[labels.content[place]] == label.content)
    if not rows:
        raise NotComparableError(f"{where}: none of the {len(file.labels)} labels is of a case of this run")
    clusters = cases.clusters[np.array(rows)]

    def share(hits: list[bool]) -> Estimate:
        found: Bools = np.array(hits)
        return rate(found.astype(np.float64), clusters)

    return Agreement(
        model=entry.name, labels=len(file.labels), matched=len(rows), exact=share(exact), verdict=share(verdict)
    )


def _cue(case: str, hint: int) -> str:
    """The cue of a case's id, "task/item/cue", or "task/item/cue@2" where an item is asked with several hints."""
    return case.rpartition("/")[2].removesuffix(f"@{hint}")
