"""What the plots of a report show: points with intervals, curves and matrices, drawn by svg.py and png.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from introbench.metrics.intervals import Estimate, rate
from introbench.metrics.schema import EmitterSummary, PairSummary, TaskSummary
from introbench.metrics.scores import grade
from introbench.metrics.summary import DECIMALS
from introbench.report.gather import ReportedRun

__all__ = ["Curve", "Figure", "Heat", "Line", "Point", "Whiskers", "figures_of"]

BINS = 10
"""Bins of P(changed) in the calibration plot."""

SELF, REF, FLOOR, OTHER = "self", "ref", "floor", "other"
"""What a mark stands for; it decides shape and colour."""


@dataclass(frozen=True, slots=True)
class Point:
    """A mark with its interval.

    Attributes:
        label: what it is.
        kind: SELF, REF, FLOOR or OTHER.
        value: where it stands.
        low: lower end of its interval, or None.
        high: upper end of its interval, or None.
        x: place on the horizontal axis of a curve; unused elsewhere.
    """

    label: str
    kind: str
    value: float
    low: float | None = None
    high: float | None = None
    x: float = 0.0


@dataclass(frozen=True, slots=True)
class Whiskers:
    """Groups of points, a line each, on one horizontal axis.

    Attributes:
        name: its file, without an ending.
        title: what it shows, in a few words.
        caption: how to read it.
        axis: name of the axis.
        low: start of the axis.
        high: end of the axis.
        groups: heading and points of each group.
    """

    name: str
    title: str
    caption: str
    axis: str
    low: float
    high: float
    groups: tuple[tuple[str, tuple[Point, ...]], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """Points of one curve.

    Attributes:
        label: its name.
        kind: SELF, REF, FLOOR or OTHER.
        points: from left to right.
    """

    label: str
    kind: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Curves over a horizontal axis.

    Attributes:
        name: its file, without an ending.
        title: what it shows, in a few words.
        caption: how to read it.
        x_axis: name of the horizontal axis.
        y_axis: name of the vertical axis.
        low: start of the vertical axis.
        high: end of the vertical axis.
        ticks: place and name of each mark on the horizontal axis.
        lines: the curves.
        diagonal: draw where x equals y.
    """

    name: str
    title: str
    caption: str
    x_axis: str
    y_axis: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]
    diagonal: bool = False


@dataclass(frozen=True, slots=True)
class Heat:
    """A matrix of shares.

    Attributes:
        name: its file, without an ending.
        title: what it shows, in a few words.
        caption: how to read it.
        rows: names of the rows.
        columns: names of the columns.
        values: a row of values per row; None where there is none.
    """

    name: str
    title: str
    caption: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]


Figure = Whiskers | Curve | Heat


def figures_of(runs: Sequence[ReportedRun]) -> list[Figure]:
    """Every plot that these runs give."""
    found: list[Figure] = []
    parts = [(run, task) for run in runs for task in run.summary.tasks]
    headings = {id(task): f"{run.name}: {task.name}" if len(runs) > 1 else task.name for run, task in parts}
    tasks = [(headings[id(task)], task) for _, task in parts]
    found += _scores(tasks)
    found += _disagreements(tasks)
    found += _cue_kinds(tasks)
    for number, (run, task) in enumerate(parts):
        found += _calibration(number, headings[id(task)], run, task)
    found += _trajectories(runs)
    for number, (run, task) in enumerate(parts):
        found += _matrix(number, headings[id(task)], run, task)
    return found


def _point(label: str, kind: str, estimate: Estimate, x: float = 0.0) -> Iterator[Point]:
    """A point, or nothing where nothing can be estimated."""
    if estimate.value is not None:
        yield Point(label, kind, estimate.value, estimate.low, estimate.high, x)


def _targets(task: TaskSummary) -> list[EmitterSummary]:
    return [emitter for emitter in task.emitters if emitter.role == "target"]


def _heading(heading: str, task: TaskSummary, emitter: EmitterSummary) -> str:
    return f"{heading}, {emitter.model}" if len(_targets(task)) > 1 else heading


def _whiskers(
    name: str, title: str, caption: str, axis: str, low: float, groups: list[tuple[str, tuple[Point, ...]]]
) -> Iterator[Whiskers]:
    filled = tuple((heading, points) for heading, points in groups if points)
    if filled:
        yield Whiskers(name, title, caption, axis, low, 1.0, filled)


def _scores(tasks: Sequence[tuple[str, TaskSummary]]) -> Iterator[Figure]:
    """Self against Ref by task, in both headline scores."""
    for field, title, low in (("exact_match", "exact match", 0.0), ("youden_j", "Youden's J of the verdict", -1.0)):
        groups: list[tuple[str, tuple[Point, ...]]] = []
        for heading, task in tasks:
            for emitter in _targets(task):
                points = [*_point("Self", SELF, getattr(emitter.self_scores, field))]
                for pair in task.pairs:
                    if pair.emitter == emitter.model:
                        points += _point(f"Ref: {pair.reference}", REF, getattr(pair.reference_scores, field))
                part = getattr(emitter.headline, field)
                if part.floor_value is not None:
                    points.append(Point("best floor", FLOOR, part.floor_value))
                groups.append((_heading(heading, task, emitter), tuple(points)))
        yield from _whiskers(
            f"self-and-ref-{field.replace('_', '-')}",
            f"Self against Ref: {title}",
            "The explanations scored against the model's own labels (Self) and against other models' (Ref), beside the "
            "best trivial explainer (floor). Whiskers are 95 % intervals.",
            title,
            low,
            groups,
        )


def _disagreements(tasks: Sequence[tuple[str, TaskSummary]]) -> Iterator[Figure]:
    """The cases on which two models' labels differ, and the coupling that they show."""
    matches: list[tuple[str, tuple[Point, ...]]] = []
    couplings: list[tuple[str, tuple[Point, ...]]] = []
    for heading, task in tasks:
        targets = {emitter.model for emitter in _targets(task)}
        for pair in (pair for pair in task.pairs if pair.emitter in targets):
            view, against = pair.exact, f"{heading}, against {pair.reference} (n_D {pair.exact.disagreements})"
            matches.append(
                (
                    against,
                    (
                        *_point("s_D: own label", SELF, view.self_on_disagreements),
                        *_point("o_D: reference's label", REF, view.reference_on_disagreements),
                    ),
                )
            )
            ceiling = pair.ceiling.exact
            couplings.append(
                (
                    against,
                    (
                        *_point("centred", SELF, view.centred_coupling),
                        *_point("raw s_D − o_D", OTHER, view.raw_coupling),
                        *([] if ceiling is None else [Point("perfect self-explainer", FLOOR, ceiling)]),
                    ),
                )
            )
    yield from _whiskers(
        "disagreement-cases",
        "Where the two models' labels differ",
        "Share of these cases on which the explanation matches the model's own label (s_D) and the reference's (o_D).",
        "share of the cases on which labels differ",
        0.0,
        matches,
    )
    yield from _whiskers(
        "coupling",
        "Centred coupling",
        "s_D − o_D minus what permuted explanations score within strata. The raw value proves nothing by itself; a "
        "perfect self-explainer reaches the grey mark.",
        "s_D − o_D",
        -1.0,
        couplings,
    )


def _cue_kinds(tasks: Sequence[tuple[str, TaskSummary]]) -> Iterator[Figure]:
    groups: list[tuple[str, tuple[Point, ...]]] = []
    for heading, task in tasks:
        for emitter in _targets(task):
            parts = [part for part in emitter.breakdown if part.by == "cue kind"]
            points = [point for part in parts for point in _point(part.name, SELF, part.exact_match)]
            groups.append((_heading(heading, task, emitter), tuple(points)))
    yield from _whiskers(
        "cue-kinds",
        "Self by cue kind",
        "Exact match of the explanations with the model's own labels, by the kind of cue.",
        "exact match",
        0.0,
        groups,
    )


def _calibration(number: int, heading: str, run: ReportedRun, task: TaskSummary) -> Iterator[Figure]:
    """How often the label is "changed" where the model gives "changed" this probability."""
    lines = []
    for emitter in task.emitters:
        points = tuple(_bins(run, task.name, emitter.model))
        if points:
            lines.append(Line(emitter.model, SELF if emitter.role == "target" else REF, points))
    if lines:
        yield Curve(
            f"calibration-{number}",
            f"Calibration of the verdict: {heading}",
            "How often the answer really changes, against the probability that the explanation gives to “changed”. A "
            "calibrated explainer lies on the diagonal; bins of a tenth, 95 % intervals.",
            "P(“changed”)",
            "share that changes",
            0.0,
            1.0,
            tuple((tick / 4, f"{tick / 4:g}") for tick in range(5)),
            tuple(lines),
            diagonal=True,
        )


def _bins(run: ReportedRun, task: str, model: str) -> Iterator[Point]:
    cases, answers = run.run.cases, run.run.answers[model]
    used = (cases.tasks == task) & cases.headline & answers.behaved & answers.explained & np.isfinite(answers.p_changed)
    probability, changed = answers.p_changed[used], answers.labels.changed[used]
    clusters = cases.clusters[used]
    bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    for each in np.unique(bins):
        inside = bins == each
        estimate = rate(changed[inside].astype(np.float64), clusters[inside])
        label = f"{np.count_nonzero(inside)} cases"
        yield from _point(label, OTHER, estimate, float(np.mean(probability[inside])))


def _trajectories(runs: Sequence[ReportedRun]) -> Iterator[Figure]:
    """Self, Ref and drift over the targets of all runs, in the order in which they were given: a plot per reference."""
    names = list(dict.fromkeys(task.name for run in runs for task in run.summary.tasks))
    axis = "run" if len(runs) > 1 else "model"
    for number, name in enumerate(names):
        steps = [
            (run.name if len(runs) > 1 else emitter.model, task, emitter)
            for run in runs
            for task in run.summary.tasks
            if task.name == name
            for emitter in _targets(task)
        ]
        if len(steps) < 2:
            continue
        ticks = tuple((float(place), label) for place, (label, _, _) in enumerate(steps))
        own = Line("Self", SELF, _along([emitter.self_scores.exact_match for _, _, emitter in steps]))
        pairs = [{pair.reference: pair for pair in task.pairs if pair.emitter == one.model} for _, task, one in steps]
        references = list(dict.fromkeys(reference for found in pairs for reference in found))
        for place, reference in enumerate(references or [None]):
            title = f"Trajectory: {name}" + (f", against {reference}" if len(references) > 1 else "")
            lines = [own] if reference is None else [own, *_against([found.get(reference) for found in pairs])]
            yield _trajectory(f"trajectory-{number}" + (f"-{place}" if place else ""), title, axis, ticks, lines)


def _against(pairs: Sequence[PairSummary | None]) -> Iterator[Line]:
    """Ref and drift along the steps; a step without this reference is left open."""
    yield Line("Ref", REF, _along([pair.reference_scores.exact_match if pair else None for pair in pairs]))
    yield Line("d: labels that differ", OTHER, _along([pair.exact.drift if pair else None for pair in pairs]))


def _trajectory(name: str, title: str, axis: str, ticks: tuple[tuple[float, str], ...], lines: Sequence[Line]) -> Curve:
    return Curve(
        name,
        title,
        "Exact match with the own labels (Self) and with those of the reference (Ref), and the share d of labels that "
        "differ, over the runs or checkpoints in the order given.",
        axis,
        "share",
        0.0,
        1.0,
        ticks,
        tuple(lines),
    )


def _along(estimates: Sequence[Estimate | None]) -> tuple[Point, ...]:
    return tuple(
        point
        for place, estimate in enumerate(estimates)
        if estimate is not None
        for point in _point("", OTHER, estimate, float(place))
    )


def _matrix(number: int, heading: str, run: ReportedRun, task: TaskSummary) -> Iterator[Figure]:
    """Emitter × teacher, every model of the run with every other."""
    models = tuple(emitter.model for emitter in task.emitters)
    if len(models) < 2:
        return
    cells: dict[tuple[str, str], float | None] = {
        (emitter.model, emitter.model): emitter.self_scores.exact_match.value for emitter in task.emitters
    }
    for pair in task.pairs:
        cells[pair.emitter, pair.reference] = pair.reference_scores.exact_match.value
    # The summary pairs the target alone; two references are set side by side here, and are no result of the run.
    for emitter, teacher in product(models, models):
        if (emitter, teacher) not in cells:
            cells[emitter, teacher] = _match(run, task.name, emitter, teacher)
    values = tuple(tuple(cells[emitter, teacher] for teacher in models) for emitter in models)
    yield Heat(
        f"matrix-{number}",
        f"Emitter × teacher: {heading}",
        "Exact match of each row's explanations with each column's labels, on the cases that both answered. "
        "Introspection shows as a diagonal that stands out; shared drift does not.",
        models,
        models,
        values,
    )


def _match(run: ReportedRun, task: str, emitter: str, teacher: str) -> float | None:
    """Exact match of one model's explanations with another's labels, as a pair of the summary has it."""
    cases, one, other = run.run.cases, run.run.answers[emitter], run.run.answers[teacher]
    used = (cases.tasks == task) & cases.headline & one.behaved & other.behaved & one.explained
    if not used.any():
        return None
    graded = grade(one.take(used).explanations, other.take(used).labels, cases.clusters[used])
    return round(float(np.mean(graded.exact)), DECIMALS)
