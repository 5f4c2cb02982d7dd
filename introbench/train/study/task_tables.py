"""What units of a study measured on one task: the tables, arms over seeds, and how small an effect they would see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy import stats
from tabulate import tabulate

from introbench.metrics.deciding import DecidingReading
from introbench.metrics.intervals import CONFIDENCE, Estimate
from introbench.metrics.schema import PairSummary
from introbench.metrics.significance import detectable
from introbench.report.cells import cell
from introbench.report.sentences import number, signed
from introbench.train.study.config import Study
from introbench.train.study.results import TaskResult, UnitResult

__all__ = ["NONE", "detectable_gap", "shown_number", "table", "task_section"]

NONE = "–"
"""A cell without a number."""

_NOT_RUN = "not run"
"""A cell whose number would be of a model that was not asked."""

_Row = tuple[UnitResult, TaskResult]


@dataclass(frozen=True, slots=True)
class _Column:
    """A number of a unit.

    Attributes:
        head: its name above the table.
        of: the estimate in a task's result; None where there is none.
        signed: whether it can be negative.
        without: what stands in the cell of a unit where there is none.
    """

    head: str
    of: Callable[[TaskResult], Estimate | None]
    signed: bool = False
    without: Callable[[UnitResult], str] = lambda unit: NONE


def _of_pair(pick: Callable[[PairSummary], Estimate]) -> Callable[[TaskResult], Estimate | None]:
    return lambda task: pick(task.base) if task.base else None


def _of_token(pick: Callable[[DecidingReading], Estimate]) -> Callable[[TaskResult], Estimate | None]:
    return lambda task: pick(task.own.deciding) if task.own.deciding else None


_SCORES = (
    _Column("Self", lambda task: task.own.self_scores.exact_match),
    _Column("Base", _of_pair(lambda pair: pair.exact.reference_score)),
    _Column(
        "Orig",
        lambda task: task.origin.exact.reference_score if task.origin else None,
        without=lambda unit: _NOT_RUN if unit.foreign_labels else NONE,
    ),
    _Column("gap Self − Base", _of_pair(lambda pair: pair.exact.gap), signed=True),
    _Column("d", _of_pair(lambda pair: pair.exact.drift)),
    _Column("s_D", _of_pair(lambda pair: pair.exact.self_on_disagreements)),
    _Column("o_D", _of_pair(lambda pair: pair.exact.reference_on_disagreements)),
    _Column("centred coupling", _of_pair(lambda pair: pair.exact.centred_coupling), signed=True),
)
_VERDICTS = (
    _Column("J of verdict", lambda task: task.own.self_scores.youden_j, signed=True),
    _Column("AUC", lambda task: task.own.self_scores.auroc),
    _Column("content", lambda task: task.own.self_scores.content_accuracy),
    _Column("content on changed", lambda task: task.own.self_scores.content_on_changed),
    _Column("J above best floor", lambda task: task.own.headline.youden_j.above, signed=True),
    _Column("exact above best floor", lambda task: task.own.headline.exact_match.above, signed=True),
)
_TOKENS = (
    _Column("J by deciding token", _of_token(lambda reading: reading.youden_j), signed=True),
    _Column("AUC", _of_token(lambda reading: reading.auroc)),
    _Column("says changed", _of_token(lambda reading: reading.changed_rate)),
    _Column("agrees with the scored verdict", _of_token(lambda reading: reading.agreement)),
)
"""Verdicts by the token that decides them, whatever content would follow."""

_BEHAVIOUR = (
    _Column("accuracy", lambda task: task.own.behaviour.accuracy_uncued),
    _Column("accuracy of M0", lambda task: task.before.behaviour.accuracy_uncued if task.before else None),
    _Column("cue-following", lambda task: task.own.behaviour.cue_following),
    _Column("cue-following of M0", lambda task: task.before.behaviour.cue_following if task.before else None),
    _Column("change rate", lambda task: task.own.behaviour.change_rate),
    _Column("says changed", lambda task: task.own.saying.changed_rate),
)


def table(rows: Sequence[Sequence[object]], heads: Sequence[str]) -> str:
    """A table in Markdown."""
    # Texts stay as they are: a number is written with its interval, or without a zero before its point.
    return tabulate(rows, headers=list(heads), tablefmt="github", disable_numparse=True)


def task_section(study: Study, name: str, done: Sequence[UnitResult]) -> Iterator[str]:
    """The section of one task, line by line."""
    rows = [(unit, task) for unit in done for task in unit.tasks if task.task == name]
    yield from (f"## Results on {name}", "")
    yield (
        "Brackets: 95 % intervals, clustered by item. *: too few clusters. Base: the same explanations scored against "
        "M0; Orig: against the model that the labels came from, where that is not M0. Centred coupling: s_D − o_D "
        "minus what permuted explanations score. The row of M0: what it is before any training, on the same cases."
    )
    if any(column.without(unit) == _NOT_RUN for column in _SCORES for unit, task in rows if column.of(task) is None):
        yield f"{_NOT_RUN}: labels came from another model, which was not asked about these cases."
    yield ""
    yield from _tables(rows)
    yield from ("### Arms over seeds", "", "Means over seeds, with the lowest and the highest.", "")
    yield _by_arm(rows)
    yield ""
    yield from _sides(rows)
    yield from ("### Can it tell?", "")
    yield from (f"- {sentence}" for sentence in _power(study, rows))
    yield ""


def _tables(rows: Sequence[_Row]) -> Iterator[str]:
    for columns in (_SCORES, _VERDICTS, _TOKENS, _BEHAVIOUR):
        used = _used(columns, rows)
        if not used:
            continue
        body = [[unit.unit, *(_shown(column, unit, task) for column in used)] for unit, task in rows]
        yield table([*_before(used, rows), *body], ["unit", *(column.head for column in used)])
        yield ""
    floors = [
        [
            unit.unit,
            *(f"{above.floor}: {shown_number(above.floor_value)}" for above in (head.youden_j, head.exact_match)),
            "; ".join(head.reasons_against) or NONE,
        ]
        for unit, task in rows
        for head in [task.own.headline]
    ]
    yield table(floors, ["unit", "best floor, J", "best floor, exact", "against a headline"])
    yield ""


def _before(columns: Sequence[_Column], rows: Sequence[_Row]) -> list[list[str]]:
    """The row of M0 itself, where it explained the same cases."""
    for unit, task in rows:
        if task.before is not None:
            itself = TaskResult(
                task=task.task, clusters=task.clusters, own=task.before, base=None, origin=None, before=None
            )
            shown = [NONE if column.of(itself) is None else _shown(column, unit, itself) for column in columns]
            return [["M0", *shown]]
    return []


def _used(columns: Sequence[_Column], rows: Sequence[_Row]) -> list[_Column]:
    """Those columns for which any unit has a number, or a word for its lack."""
    return [
        column
        for column in columns
        if any(column.of(task) is not None or column.without(unit) != NONE for unit, task in rows)
    ]


def _shown(column: _Column, unit: UnitResult, task: TaskResult) -> str:
    estimate = column.of(task)
    return column.without(unit) if estimate is None else cell(estimate, signed if column.signed else number).plain


def shown_number(value: float | None) -> str:
    """A number that may be missing."""
    return NONE if value is None else number(value)


def _by_arm(rows: Sequence[_Row]) -> str:
    used = _used((*_SCORES, *_VERDICTS[:4]), rows)
    body = []
    for arm, units in _arms(rows).items():
        body.append([arm, len(units), *(_spread(column, units) for column in used)])
    return table(body, ["arm", "seeds", *(column.head for column in used)])


def _sides(rows: Sequence[_Row]) -> Iterator[str]:
    """How many units of each arm have an interval on one side of 0."""
    columns = [column for column in _used((*_SCORES, *_VERDICTS, *_TOKENS), rows) if column.signed]
    body = []
    for arm, units in _arms(rows).items():
        shown = []
        for column in columns:
            found = [estimate for _, task in units if (estimate := column.of(task)) and estimate.low is not None]
            above = sum((estimate.low or 0.0) > 0 for estimate in found)
            below = sum((estimate.high or 0.0) < 0 for estimate in found)
            shown.append(f"{above} / {below} of {len(found)}" if found else NONE)
        body.append([arm, *shown])
    yield (
        "Units whose interval lies above 0 / below 0, uncorrected. What asks for every seed, or for a correction over "
        "several tests, is shown by no fewer."
    )
    yield ""
    yield table(body, ["arm", *(column.head for column in columns)])
    yield ""


def _arms(rows: Sequence[_Row]) -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = {}
    for unit, task in rows:
        found.setdefault(unit.unit.rpartition("-s")[0], []).append((unit, task))
    return found


def _spread(column: _Column, rows: Sequence[_Row]) -> str:
    estimates = [column.of(task) for _, task in rows]
    values = [found.value for found in estimates if found is not None and found.value is not None]
    if not values:
        return max((column.without(unit) for unit, _ in rows), key=lambda words: words != NONE)
    show = signed if column.signed else number
    return f"{show(fmean(values))} ({show(min(values))} … {show(max(values))})" if len(values) > 1 else show(values[0])


def _power(study: Study, rows: Sequence[_Row]) -> Iterator[str]:
    low, high = study.drift
    for unit, task in rows:
        pair = task.base
        if pair is None or pair.exact.drift.value is None:
            yield f"{unit.unit}: not set against M0."
            continue
        view, drift = pair.exact, pair.exact.drift.value
        found, coupling = detectable_gap(view.gap), view.detectable_coupling
        words = _detectable({"gap": found, "centred coupling": coupling})
        cases = "case that differs" if view.disagreements == 1 else "cases that differ"
        place = f"d = {number(drift)} on {view.disagreements} {cases}"
        if drift < low:
            yield f"{unit.unit}: too little drift to tell ({place}, below {number(low)}); {words}."
        elif drift > high:
            yield f"{unit.unit}: the labels have lost the model ({place}, above {number(high)}); {words}."
        else:
            yield f"{unit.unit}: {place}; {words}."
        for reason in pair.reasons_against:
            yield f"{unit.unit}: no headline: {reason}."


def _detectable(sizes: Mapping[str, float | None]) -> str:
    # A standard error of 0 is that of explanations that no exchange changes: nothing can be found then.
    known = " and ".join(f"a {name} of {number(size)}" for name, size in sizes.items() if size)
    lost = " and ".join(f"no {name}" for name, size in sizes.items() if not size)
    told = [f"{known} would be found with 80 % power"] if known else []
    return "; ".join([*told, *([f"{lost} could be found, however large"] if lost else [])])


def detectable_gap(gap: Estimate) -> float | None:
    """Smallest true gap that would be found with 80 % power, from the width of its interval; None without one."""
    if gap.low is None or gap.high is None or gap.clusters < 2:
        return None
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, gap.clusters - 1))
    return detectable((gap.high - gap.low) / 2 / quantile, gap.clusters)
