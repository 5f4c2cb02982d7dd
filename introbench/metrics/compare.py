"""Two models, or two states of one, paired case by case: which explanations came right, which went wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import stats

from introbench.metrics.align import Aligned, align, check_readings, model_of
from introbench.metrics.arrays import Bools, Floats, Ints
from introbench.metrics.frozen import Frozen
from introbench.metrics.intervals import Estimate, cluster_count, linearised, mean, not_estimable, rate, variance
from introbench.metrics.observations import ABSENT, CHANGED, UNCHANGED, Answers, CaseTable
from introbench.metrics.read import ModelEntry, Run
from introbench.metrics.scores import CLASSES, Graded, grade, rate_and_j, youden_contributions
from introbench.metrics.significance import (
    NO_TEST,
    PairedTest,
    benjamini_hochberg,
    detectable,
    paired_test,
    with_holm,
)

__all__ = ["Compared", "Comparison", "Flip", "PartDifference", "Side", "TaskComparison", "compare_runs"]

VERDICTS = {CHANGED: "changed", UNCHANGED: "unchanged"}


class Side(Frozen):
    """What one of the two says and does on a case."""

    said: str
    """Verdict of the explanation: "changed", "unchanged" or "unparsable"."""
    named: str | None
    """Choice that the explanation names; null where it names none."""
    verdict: str
    """Verdict of its own label."""
    uncued: str
    """Its uncued choice, the content of the label."""
    right: bool
    """Whether the explanation states its own label, verdict and content."""


class Flip(Frozen):
    """A case on which one of the two is right about itself and the other is not."""

    case: str
    """Id of the case."""
    direction: Literal["lost", "gained"]
    """Whether A was right and B is wrong, or the other way round."""
    a: Side
    """The first model."""
    b: Side
    """The second model."""


class Compared(Frozen):
    """One score of both models on the same cases."""

    name: Literal["exact match", "verdict right", "content right", "J of verdict"]
    """Which score, each model's explanations against its own labels."""
    a: Estimate
    """Of the first model."""
    b: Estimate
    """Of the second model."""
    difference: Estimate
    """B − A, paired by case."""
    test: PairedTest
    """That the difference is 0; Holm's family is this score on every task."""


class PartDifference(Frozen):
    """B − A of exact match on a part of the cases. Exploratory: many parts are looked at."""

    by: Literal["cue kind", "cue split", "labels"]
    """What the cases are divided by; "labels" is whether both models' labels are the same."""
    name: str
    """Which part."""
    difference: Estimate
    """B − A of exact match."""
    p: float | None
    """Two-sided p; null where there is nothing to test."""
    p_adjusted: float | None
    """The same, adjusted over all parts of the task by Benjamini and Hochberg."""


class TaskComparison(Frozen):
    """Both models on one task."""

    task: str
    """Its name."""
    cases: int
    """Headline cases that both runs hold."""
    scored: int
    """Those that both models answered and explained: what every number rests on."""
    clusters: int
    """Different clusters among the scored cases."""
    gained: int
    """Cases on which B is right about itself and A is not."""
    lost: int
    """Cases on which A is right about itself and B is not."""
    drift: Estimate
    """Share of cases on which the two models' own labels differ."""
    scores: list[Compared]
    """Every score of both."""
    parts: list[PartDifference]
    """Where the difference comes from."""
    flips: list[Flip]
    """The lost and the gained cases, lost ones first."""


class Comparison(Frozen):
    """Two models, paired by case."""

    schema_version: Literal[1]
    """Version of this layout."""
    a: str
    """The first model and its run."""
    b: str
    """The second model and its run."""
    left_out: tuple[int, int]
    """Cases of either run that the other lacks."""
    tasks: list[TaskComparison]
    """Every task that both runs hold."""


def compare_runs(
    runs: tuple[Run, Run], names: tuple[str, str], models: tuple[str | None, str | None] = (None, None)
) -> Comparison:
    """Two models on the cases that both runs hold; the targets where no models are named.

    Raises NotComparableError where the runs cannot be set side by side, UsageError where a model is missing.
    """
    aligned = align(runs, names)
    first, second = (model_of(run, model, name) for run, model, name in zip(runs, models, names, strict=True))
    check_readings((first, second))
    answers = (aligned.answers(runs, 0, first.name), aligned.answers(runs, 1, second.name))
    choices = [runs[0].choices[row] for row in aligned.rows[0]] if runs[0].choices else []
    tasks = []
    for task in runs[0].tasks:
        mask = aligned.cases.tasks == task.name
        if mask.any():
            texts = [choices[place] for place in np.flatnonzero(mask).tolist()] if choices else []
            tasks.append(
                _task(task.name, aligned.cases.take(mask), answers[0].take(mask), answers[1].take(mask), texts)
            )
    return Comparison(
        schema_version=1,
        a=_called(first, names[0], second),
        b=_called(second, names[1], first),
        left_out=_left_out(aligned),
        tasks=_families(tasks),
    )


def _called(entry: ModelEntry, run: str, other: ModelEntry) -> str:
    return f"{entry.name} in {run}" if entry.name == other.name else entry.name


def _left_out(aligned: Aligned) -> tuple[int, int]:
    first, second = aligned.left_out
    return first, second


def _families(tasks: Sequence[TaskComparison]) -> list[TaskComparison]:
    """The same with Holm's correction over tasks, score by score."""
    corrected = [list(task.scores) for task in tasks]
    for place in range(len(corrected[0]) if corrected else 0):
        tests = with_holm([scores[place].test for scores in corrected])
        for scores, test in zip(corrected, tests, strict=True):
            scores[place] = scores[place].model_copy(update={"test": test})
    return [task.model_copy(update={"scores": scores}) for task, scores in zip(tasks, corrected, strict=True)]


def _task(name: str, cases: CaseTable, a: Answers, b: Answers, choices: Sequence[Sequence[str]]) -> TaskComparison:
    scored = cases.headline & a.behaved & a.explained & b.behaved & b.explained
    table, mine, theirs = cases.take(scored), a.take(scored), b.take(scored)
    texts = [choices[place] for place in np.flatnonzero(scored).tolist()] if choices else []
    first, second = (grade(each.explanations, each.labels, table.clusters) for each in (mine, theirs))
    change = second.exact - first.exact
    differs = mine.labels.differ(theirs.labels)
    return TaskComparison(
        task=name,
        cases=int(np.count_nonzero(cases.headline)),
        scored=int(np.count_nonzero(scored)),
        clusters=cluster_count(table.clusters),
        gained=int(np.count_nonzero(change > 0)),
        lost=int(np.count_nonzero(change < 0)),
        drift=rate(differs.astype(np.float64), table.clusters),
        scores=_scores(first, second),
        parts=_parts(table, change, differs),
        flips=[
            _flip(table, mine, theirs, first, second, texts, int(place))
            for place in (*np.flatnonzero(change < 0), *np.flatnonzero(change > 0))
        ],
    )


def _scores(first: Graded, second: Graded) -> list[Compared]:
    clusters = first.clusters
    exact = [rate_and_j(each) for each in (first, second)]
    pairs = (
        ("exact match", first.exact, second.exact),
        ("verdict right", first.verdict_right, second.verdict_right),
        ("content right", first.content, second.content),
    )
    found = [
        Compared(
            name=name,  # type: ignore[arg-type]
            a=rate(one, clusters),
            b=rate(other, clusters),
            difference=mean(other - one, clusters),
            test=paired_test(other - one, clusters),
        )
        for name, one, other in pairs
    ]
    difference, test = _j_difference(first, second)
    return [*found, Compared(name="J of verdict", a=exact[0][1], b=exact[1][1], difference=difference, test=test)]


def _j_difference(first: Graded, second: Graded) -> tuple[Estimate, PairedTest]:
    """B − A of J. Each model has its own labels, hence its own classes: linearised, with a clustered t test."""
    masks = [mask for each in (first, second) for mask in (each.changed, ~each.changed)]
    for mask, (who, name) in zip(masks, [(who, name) for who in "AB" for name in CLASSES], strict=True):
        if not mask.any():
            return not_estimable(f"no case is {name} for {who}", n=mask.size), NO_TEST
    (one, parts), (other, other_parts) = youden_contributions(first), youden_contributions(second)
    smaller = min(cluster_count(first.clusters[mask]) for mask in masks)
    difference, contributions = other - one, other_parts - parts
    estimate = linearised(difference, contributions, first.clusters, smaller_class=smaller)
    count = cluster_count(first.clusters)
    error = math.sqrt(variance(contributions, first.clusters)) if count > 1 else 0.0
    if error <= 0:
        return estimate, NO_TEST
    p = 2 * float(stats.t.sf(abs(difference) / error, count - 1))
    return estimate, PairedTest(method="clustered t", p=p, p_holm=None, family=1, detectable=detectable(error, count))


def _parts(cases: CaseTable, change: Floats, differs: Bools) -> list[PartDifference]:
    labels = np.where(differs, "own labels differ", "own labels are the same")
    found = []
    for by, values in (("cue kind", cases.cue_kinds), ("cue split", cases.cue_splits), ("labels", labels)):
        for name in np.unique(values):
            mask = values == name
            found.append(
                (by, str(name), mean(change[mask], cases.clusters[mask]), _p(change[mask], cases.clusters[mask]))
            )
    adjusted = benjamini_hochberg([p for *_, p in found])
    return [
        PartDifference(by=by, name=name, difference=estimate, p=p, p_adjusted=q)  # type: ignore[arg-type]
        for (by, name, estimate, p), q in zip(found, adjusted, strict=True)
    ]


def _p(change: Floats, clusters: Ints) -> float | None:
    return paired_test(change, clusters).p


def _flip(
    cases: CaseTable,
    a: Answers,
    b: Answers,
    first: Graded,
    second: Graded,
    choices: Sequence[Sequence[str]],
    place: int,
) -> Flip:
    texts = choices[place] if choices else None

    def side(answers: Answers, graded: Graded) -> Side:
        named = int(answers.content[place])
        return Side(
            said=VERDICTS.get(int(answers.said[place]), "unparsable"),
            named=None if named == ABSENT else _text(texts, named),
            verdict="changed" if graded.changed[place] else "unchanged",
            uncued=_text(texts, int(answers.uncued[place])),
            right=bool(graded.exact[place]),
        )

    return Flip(
        case=str(cases.ids[place]),
        direction="gained" if second.exact[place] > first.exact[place] else "lost",
        a=side(a, first),
        b=side(b, second),
    )


def _text(texts: Sequence[str] | None, choice: int) -> str:
    return texts[choice] if texts is not None else f"choice {choice + 1}"
