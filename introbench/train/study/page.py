"""The page of a study, from the results that are present; whatever is not there yet is said to be missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import yaml
from scipy import stats
from tabulate import tabulate

from introbench.metrics.deciding import DecidingReading
from introbench.metrics.intervals import CONFIDENCE, Estimate
from introbench.metrics.matrix import Matrix, TaskMatrix
from introbench.metrics.schema import PairSummary
from introbench.metrics.significance import detectable
from introbench.report.cells import cell
from introbench.report.sentences import number, signed
from introbench.texts import inert
from introbench.train.study.config import Study
from introbench.train.study.results import TaskResult, UnitResult
from introbench.train.study.runner import PlannedUnit

__all__ = ["HEADING", "REPORTED", "detectable_gap", "heading", "study_page"]

REPORTED = (
    ("labels of M0, with KL, Qwen3-8B", "Self − Base +11.1 (Hint-MMLU), +7.0 (AITA), +9.5 (Refusal) points"),
    ("the same without KL", "the gap vanishes or turns round"),
    ("all labels of Llama, student Qwen", "Self above Orig still; explanation accuracy lower by 19 %"),
    ("labels of earlier checkpoints", "Self above Orig"),
    ("agreement of labels and behaviour", "coupling above 0.6–0.7, none below"),
    ("label noise", "no loss of coupling"),
    ("post-training beside it that changes cue-following", "explanations follow, with labels untouched"),
    ("a new behaviour without explanation labels", "explanation accuracy 79.8 %"),
    ("LoRA rank", "gap slightly negative at 32, positive from 96"),
)
"""What the paper (arXiv 2606.32038) and its readers say of these experiments; not checked against its tables."""

HEADING = "# Study "
"""How the first line of every page begins."""

_NONE = "–"
_Row = tuple[UnitResult, TaskResult]


@dataclass(frozen=True, slots=True)
class _Column:
    """A number of a unit.

    Attributes:
        head: its name above the table.
        of: the estimate in a task's result; None where there is none.
        signed: whether it can be negative.
    """

    head: str
    of: Callable[[TaskResult], Estimate | None]
    signed: bool = False


def _of_pair(pick: Callable[[PairSummary], Estimate]) -> Callable[[TaskResult], Estimate | None]:
    return lambda task: pick(task.base) if task.base else None


def _of_token(pick: Callable[[DecidingReading], Estimate]) -> Callable[[TaskResult], Estimate | None]:
    return lambda task: pick(task.own.deciding) if task.own.deciding else None


_SCORES = (
    _Column("Self", lambda task: task.own.self_scores.exact_match),
    _Column("Base", _of_pair(lambda pair: pair.exact.reference_score)),
    _Column("Orig", lambda task: task.origin.exact.reference_score if task.origin else None),
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


def study_page(
    study: Study, planned: Sequence[PlannedUnit], results: Mapping[str, UnitResult], matrix: Matrix | None, path: str
) -> str:
    """The page as Markdown.

    Args:
        results: by unit id, those that are present.
        matrix: emitter × teacher of some units; None where it has not been made.
        path: of the study's file, as commands name it.
    """
    done = [results[each.unit.id] for each in planned if each.state == "done"]
    parts = [
        *_head(study, planned, results, path),
        *_fixed(study),
        *(line for name in _task_names(done) for line in _task(study, name, done)),
        *_matrix(matrix),
        *_trajectories(done),
        *_labels(done),
        *_cost(study, done),
        *_paper(),
        *_commands(study, path),
    ]
    return inert("\n".join(parts), lines=True) + "\n"


def heading(study: Study) -> str:
    """First line of its page."""
    return f"{HEADING}`{study.name}`"


def detectable_gap(gap: Estimate) -> float | None:
    """Smallest true gap that would be found with 80 % power, from the width of its interval; None without one."""
    if gap.low is None or gap.high is None or gap.clusters < 2:
        return None
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, gap.clusters - 1))
    return detectable((gap.high - gap.low) / 2 / quantile, gap.clusters)


def _head(study: Study, planned: Sequence[PlannedUnit], results: Mapping[str, UnitResult], path: str) -> Iterator[str]:
    yield from (heading(study), "", study.summary, "")
    yield f"Written by `introbench study report {path}` from the results that are present; no number is typed by hand."
    yield ""
    for state, words in (
        ("done", "done"),
        ("failed", "could not be carried out"),
        ("begun", "begun"),
        ("pending", "not begun"),
    ):
        names = [each.unit.id for each in planned if each.state == state]
        if names:
            yield f"- {len(names)} of {len(planned)} units {words}: {', '.join(names)}"
    for each in planned:
        if each.state == "failed":
            yield f"- {each.unit.id}: {results[each.unit.id].error}"
    yield ""


def _fixed(study: Study) -> Iterator[str]:
    chosen = study.evaluation
    items = "all held-out items" if chosen.limit is None else f"{chosen.limit} held-out items"
    items += f" behind the first {chosen.skip}" if chosen.skip else ""
    yield from ("## What is run", "")
    yield f"- student (M0): `{study.student}`; explained in training: {', '.join(study.tasks)}"
    yield f"- every unit is run on {items} of {', '.join(study.test or study.tasks)}, cases of seed {chosen.seed}"
    yield f"- seeds: {', '.join(map(str, study.seeds))}; training cases of seed {study.case_seed}"
    if study.settings:
        yield f"- every arm: {', '.join(f'{name}={value}' for name, value in study.settings.items())}"
    yield ""
    if study.written_down:
        yield from ("### Fixed before the first unit ran", "", "```yaml")
        yield yaml.safe_dump(study.written_down, sort_keys=False, allow_unicode=True).rstrip()
        yield from ("```", "")


def _table(rows: Sequence[Sequence[object]], heads: Sequence[str]) -> str:
    # Texts stay as they are: a number is written with its interval, or without a zero before its point.
    return tabulate(rows, headers=list(heads), tablefmt="github", disable_numparse=True)


def _task_names(done: Sequence[UnitResult]) -> list[str]:
    return list(dict.fromkeys(task.task for unit in done for task in unit.tasks))


def _task(study: Study, name: str, done: Sequence[UnitResult]) -> Iterator[str]:
    rows = [(unit, task) for unit in done for task in unit.tasks if task.task == name]
    yield from (f"## Results on {name}", "")
    yield (
        "Brackets: 95 % intervals, clustered by item. *: too few clusters. Base: the same explanations scored against "
        "M0; Orig: against the model that the labels came from, where that is not M0. Centred coupling: s_D − o_D "
        "minus what permuted explanations score."
    )
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
        used = [column for column in columns if any(column.of(task) is not None for _, task in rows)]
        if not used:
            continue
        body = [[unit.unit, *(_shown(column, task) for column in used)] for unit, task in rows]
        yield _table(body, ["unit", *(column.head for column in used)])
        yield ""
    floors = [
        [
            unit.unit,
            *(f"{above.floor}: {_number(above.floor_value)}" for above in (head.youden_j, head.exact_match)),
            "; ".join(head.reasons_against) or _NONE,
        ]
        for unit, task in rows
        for head in [task.own.headline]
    ]
    yield _table(floors, ["unit", "best floor, J", "best floor, exact", "against a headline"])
    yield ""


def _shown(column: _Column, task: TaskResult) -> str:
    estimate = column.of(task)
    return _NONE if estimate is None else cell(estimate, signed if column.signed else number).plain


def _number(value: float | None) -> str:
    return _NONE if value is None else number(value)


def _by_arm(rows: Sequence[_Row]) -> str:
    columns = (*_SCORES, *_VERDICTS[:4])
    used = [column for column in columns if any(column.of(task) is not None for _, task in rows)]
    body = []
    for arm, units in _arms(rows).items():
        body.append([arm, len(units), *(_spread(column, units) for column in used)])
    return _table(body, ["arm", "seeds", *(column.head for column in used)])


def _sides(rows: Sequence[_Row]) -> Iterator[str]:
    """How many units of each arm have an interval on one side of 0."""
    columns = [
        column
        for column in (*_SCORES, *_VERDICTS, *_TOKENS)
        if column.signed and any(column.of(task) for _, task in rows)
    ]
    if not columns:
        return
    body = []
    for arm, units in _arms(rows).items():
        shown = []
        for column in columns:
            found = [estimate for _, task in units if (estimate := column.of(task)) and estimate.low is not None]
            above = sum((estimate.low or 0.0) > 0 for estimate in found)
            below = sum((estimate.high or 0.0) < 0 for estimate in found)
            shown.append(f"{above} / {below} of {len(found)}" if found else _NONE)
        body.append([arm, *shown])
    yield (
        "Units whose interval lies above 0 / below 0, uncorrected. What asks for every seed, or for a correction over "
        "several tests, is shown by no fewer."
    )
    yield ""
    yield _table(body, ["arm", *(column.head for column in columns)])
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
        return _NONE
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
        words = (
            f"a gap of {_number(found)} and a centred coupling of {_number(coupling)} would be found with 80 % power"
        )
        place = f"d = {number(drift)} on {view.disagreements} cases that differ"
        if drift < low:
            yield f"{unit.unit}: too little drift to tell ({place}, below {number(low)}); {words}."
        elif drift > high:
            yield f"{unit.unit}: the labels have lost the model ({place}, above {number(high)}); {words}."
        else:
            yield f"{unit.unit}: {place}; {words}."
        for reason in pair.reasons_against:
            yield f"{unit.unit}: no headline: {reason}."


def _matrix(matrix: Matrix | None) -> Iterator[str]:
    yield from ("## Emitter × teacher", "")
    if matrix is None:
        yield from ("Not made yet: `introbench study report` with `--out` makes it from the units' runs.", "")
        return
    for task in matrix.tasks:
        yield f"{task.task}: exact match of a row's explanations with a column's labels, on {task.scored} cases."
        yield ""
        yield from (_cells(task), "")
        excess = [
            [
                " × ".join(each.models),
                each.disagreements,
                cell(each.raw, signed).plain,
                cell(each.centred, signed).plain,
            ]
            for each in task.excess
        ]
        yield "Diagonal excess of two models: how much better they fit themselves than each other, where they differ."
        yield ""
        yield _table(excess, ["models", "n_D", "raw", "centred"])
        yield ""


def _cells(task: TaskMatrix) -> str:
    found = {(one.emitter, one.teacher): one.exact_match.value for one in task.cells}
    body = [[emitter, *(_number(found[emitter, teacher]) for teacher in task.models)] for emitter in task.models]
    return _table(body, ["emitter", *task.models])


def _trajectories(done: Sequence[UnitResult]) -> Iterator[str]:
    names = ("self", "reference_score", "gap", "d", "centred_coupling", "verdict_j", "content_on_changed")
    body = [
        [unit.unit, row["step"], row["task"], row["role"], *(_point(row.get(name)) for name in names)]
        for unit in done
        for row in unit.trajectory
    ]
    yield from ("## Along the way", "")
    if not body:
        yield from ("No unit was run along the way (`evaluate_at` names no step).", "")
        return
    heads = [
        "unit",
        "step",
        "task",
        "against",
        *("Self", "Ref", "gap", "d", "centred coupling", "J"),
        "content on changed",
    ]
    yield _table(body, heads)
    yield ""


def _point(found: Mapping[str, float | None] | None) -> str:
    value = found.get("value") if found else None
    if found is None or value is None:
        return _NONE
    low, high = found.get("low"), found.get("high")
    return number(value) if low is None or high is None else f"{number(value)} [{number(low)}, {number(high)}]"


def _labels(done: Sequence[UnitResult]) -> Iterator[str]:
    body = []
    for unit in done:
        made = unit.trained_on
        if made is not None:
            origins = "; ".join(f"{origin.cases} of {origin.source}" for origin in made.origins)
            counts = ", ".join(f"{name}: {count}" for name, count in made.counts.items() if count)
            shares = [_NONE if share is None else f"{share:.1%}" for share in (made.agreement, made.change_rate)]
            body.append([unit.unit, made.explained, origins, *shares, counts, made.sha256[:12]])
    yield from ("## What they were trained on", "")
    heads = ["unit", "explanations", "labels", "agreement with M0", "changed", "what became of cases", "sha256"]
    yield _table(body, heads)
    yield ""


def _cost(study: Study, done: Sequence[UnitResult]) -> Iterator[str]:
    body, long = [], []
    for unit in done:
        cost = unit.cost
        if cost is not None:
            tokens = cost.training_tokens
            rate = _NONE if not tokens or not cost.step_seconds else f"{tokens / cost.step_seconds:,.0f}"
            shown = [f"{seconds:,.0f}" for seconds in (cost.label_seconds, cost.training, cost.evaluation_seconds)]
            body.append([unit.unit, *shown, cost.steps or _NONE, f"{tokens:,}" if tokens else _NONE, rate])
            if cost.seconds > 60 * study.minutes_per_unit:
                long.append(unit.unit)
    yield from ("## What it took", "", "Seconds of the wall; labels that units share are counted with the first.", "")
    heads = ["unit", "labels, s", "training, s", "last run, s", "steps", "tokens trained", "tokens/s"]
    yield _table(body, heads)
    yield ""
    if long:
        yield from (f"Longer than {study.minutes_per_unit:g} minutes: {', '.join(long)}.", "")


def _paper() -> Iterator[str]:
    yield from ("## What is reported elsewhere", "")
    yield "Of much larger models; relayed by readers of arXiv 2606.32038 and not checked against its tables."
    yield ""
    yield _table(REPORTED, ["experiment", "reported"])
    yield ""


def _commands(study: Study, path: str) -> Iterator[str]:
    yield from ("## Every command", "", "```")
    yield f"introbench study plan {path}"
    yield f"introbench study run {path} --out {study.name}"
    yield f"introbench study report {path} --out {study.name}"
    yield "```"
