"""Two models that were trained from one base, paired by case: whose explanations are better, and whose gap is wider."""

from __future__ import annotations

from typing import Literal

from introbench.errors import NotComparableError
from introbench.metrics.align import align
from introbench.metrics.arrays import Floats, Ints
from introbench.metrics.compare import compare_runs
from introbench.metrics.frozen import Frozen
from introbench.metrics.intervals import Estimate, mean
from introbench.metrics.observations import Answers, CaseTable
from introbench.metrics.read import ModelEntry, Run
from introbench.metrics.scores import grade
from introbench.metrics.significance import PairedTest, paired_test

__all__ = ["Contrast", "Difference", "contrast_of"]


class Difference(Frozen):
    """First model − second model of one number, on the same cases."""

    estimate: Estimate
    """The difference, clustered by item."""
    test: PairedTest
    """That it is 0; Holm's family is this number in the other contrasts of a list."""


class Contrast(Frozen):
    """The targets of two runs on one task, or a target and the base of a run."""

    first: str
    """The first model."""
    second: str
    """The second model."""
    task: str
    """Name of the task."""
    scored: int
    """Headline cases that both models, and M0 beside them, answered."""
    exact_match: Difference
    """Of Self: each model's explanations against its own labels."""
    verdict_j: Difference
    """Of J of the verdict, likewise."""
    gap: Difference
    """Of Self − Base: how much better a model explains itself than M0."""


def contrast_of(
    runs: tuple[Run, Run], names: tuple[str, str], second: Literal["target", "base"] = "target"
) -> list[Contrast]:
    """The targets of two runs, task by task. Both runs hold their base, M0.

    Args:
        second: whom of the second run the first target is set against; the gap of a base is 0.

    Raises NotComparableError where the runs share no cases or have no base in common.
    """
    aligned = align(runs, names)
    targets, bases = zip(*(_target_and_base(run, name) for run, name in zip(runs, names, strict=True)), strict=True)
    if bases[0].fingerprint != bases[1].fingerprint:
        raise NotComparableError(f"{names[0]} and {names[1]} were run beside different bases ({bases[0].spec})")
    models = targets[0].name, (targets if second == "target" else bases)[1].name
    # B − A: the second run first.
    compared = compare_runs((runs[1], runs[0]), (names[1], names[0]), (models[1], models[0]))
    answers = [
        (aligned.answers(runs, number, models[number]), aligned.answers(runs, number, bases[number].name))
        for number in (0, 1)
    ]
    found = []
    for task in compared.tasks:
        mask = aligned.cases.tasks == task.task
        cases = aligned.cases.take(mask)
        gap, clusters = _gap_difference(cases, *((own.take(mask), base.take(mask)) for own, base in answers))
        scores = {score.name: Difference(estimate=score.difference, test=score.test) for score in task.scores}
        found.append(
            Contrast(
                first=names[0],
                second=names[1],
                task=task.task,
                scored=gap.size,
                exact_match=scores["exact match"],
                verdict_j=scores["J of verdict"],
                gap=Difference(estimate=mean(gap, clusters), test=paired_test(gap, clusters)),
            )
        )
    return found


def _target_and_base(run: Run, name: str) -> tuple[ModelEntry, ModelEntry]:
    roles = {model.role: model for model in run.models}
    if "base" not in roles:
        raise NotComparableError(f"{name}: was run without its base, so there is no gap to compare")
    return roles["target"], roles["base"]


def _gap_difference(
    cases: CaseTable, first: tuple[Answers, Answers], second: tuple[Answers, Answers]
) -> tuple[Floats, Ints]:
    """By scored case, the first model's Self − Base minus the second one's; and the clusters of these cases."""
    scored = cases.headline.copy()
    for own, base in (first, second):
        scored &= own.behaved & own.explained & base.behaved
    clusters = cases.take(scored).clusters

    def gap(own: Answers, base: Answers) -> Floats:
        mine, theirs = own.take(scored), base.take(scored)
        as_self, as_base = (grade(mine.explanations, each, clusters).exact for each in (mine.labels, theirs.labels))
        return as_self - as_base

    return gap(*first) - gap(*second), clusters
