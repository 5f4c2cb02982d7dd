"""The page of a study, from the results that are present; whatever is not there yet is said to be missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from introbench.metrics.contrast import Contrast, Difference
from introbench.metrics.matrix import Matrix, TaskMatrix
from introbench.report.cells import cell, p_cell
from introbench.report.sentences import number, signed
from introbench.runs.config import Skip
from introbench.texts import inert
from introbench.train.study.across import Across
from introbench.train.study.config import Study, Unit
from introbench.train.study.results import UnitResult
from introbench.train.study.runner import PlannedUnit
from introbench.train.study.task_tables import NONE, shown_number, table, task_section

__all__ = ["HEADING", "REPORTED", "heading", "study_page"]

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


def study_page(
    study: Study,
    planned: Sequence[PlannedUnit],
    results: Mapping[str, UnitResult],
    across: Across,
    path: str,
    page: str = "",
) -> str:
    """The page as Markdown.

    Args:
        results: by unit id, those that are present.
        across: what some units are against each other.
        path: of the study's file, as commands name it, and what else all of them are given.
        page: of the page, likewise; empty where commands leave it out.
    """
    asked = f"{path} --page {page}" if page else path
    done = [results[each.unit.id] for each in planned if each.state == "done"]
    parts = [
        *_head(study, planned, results, asked),
        *_fixed(study, [each.unit for each in planned]),
        *(line for name in _task_names(done) for line in task_section(study, name, done)),
        *_contrasts(across.contrasts),
        *_matrix(across.matrix, [each.unit.id for each in planned]),
        *_trajectories(done),
        *_labels(done),
        *_cost(study, done),
        *_paper(),
        *_commands(study, path, asked),
    ]
    return inert("\n".join(parts), lines=True) + "\n"


def heading(study: Study) -> str:
    """First line of its page."""
    return f"{HEADING}`{study.name}`"


def _head(study: Study, planned: Sequence[PlannedUnit], results: Mapping[str, UnitResult], asked: str) -> Iterator[str]:
    yield from (heading(study), "", study.summary, "")
    yield f"Written by `introbench study report {asked}` from the results that are present; no number is typed by hand."
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


def _fixed(study: Study, units: Sequence[Unit]) -> Iterator[str]:
    chosen = study.evaluation
    items = "all held-out items" if chosen.limit is None else f"{chosen.limit} held-out items"
    yield from ("## What is run", "")
    usual, who = study.test or study.tasks, "every unit is"
    skips = {", ".join(unit.test): unit.evaluation.skip for unit in units}
    passed = skips.get(", ".join(usual), 0)
    items += _behind(passed)
    explained = _apart(study.tasks, {unit.id: unit.tasks for unit in units})
    if tested := _apart(usual, {unit.id: unit.test for unit in units}):
        who = "units are"
    yield f"- student (M0): `{study.student}`; explained in training: {', '.join(study.tasks)}"
    yield from (f"- explained in training by {ids}: {tasks}" for tasks, ids in explained.items())
    yield f"- {who} run on {items} of {', '.join(usual)}, cases of seed {chosen.seed}"
    for tasks, ids in tested.items():
        apart = "" if skips[tasks] == passed else _behind(skips[tasks]) or ", from the first item on"
        yield f"- run likewise on {tasks} instead{apart}: {ids}"
    yield f"- seeds: {', '.join(map(str, study.seeds))}; training cases of seed {study.case_seed}"
    if study.settings:
        yield f"- every arm: {', '.join(f'{name}={value}' for name, value in study.settings.items())}"
    yield ""
    if study.written_down:
        yield from ("### Fixed before the first unit ran", "", "```yaml")
        yield yaml.safe_dump(study.written_down, sort_keys=False, allow_unicode=True).rstrip()
        yield from ("```", "")


def _behind(skip: Skip) -> str:
    """Which held-out items are passed over first; nothing where none are."""
    if isinstance(skip, int):
        return f" behind the first {skip}" if skip else ""
    return f" behind the first {' and '.join(f'{count} of {task}' for task, count in skip.items())}"


def _apart(usual: tuple[str, ...], tasks: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The units whose tasks are not the study's, by those tasks."""
    found: dict[str, list[str]] = {}
    for unit, names in tasks.items():
        if names != usual:
            found.setdefault(", ".join(names), []).append(unit)
    return {names: ", ".join(units) for names, units in found.items()}


def _task_names(done: Sequence[UnitResult]) -> list[str]:
    return list(dict.fromkeys(task.task for unit in done for task in unit.tasks))


def _contrasts(contrasts: Sequence[Contrast]) -> Iterator[str]:
    if not contrasts:
        return
    yield from ("## The first arm against M0 and the others", "")
    yield (
        "First − second, paired by case and clustered by item: Self (exact match), J of the verdict, and the gap "
        "Self − Base. p is two-sided, of Holm over the rows of its column; detectable: the difference that would be "
        "told from 0 with 80 % power."
    )
    yield ""
    body = [
        [
            f"{each.first} − {each.second}",
            each.task,
            *(text for found in (each.exact_match, each.verdict_j, each.gap) for text in _difference(found)),
            shown_number(each.gap.test.detectable),
        ]
        for each in contrasts
    ]
    yield table(body, ["pair", "task", "Self", "p", "J of verdict", "p", "gap", "p", "detectable gap"])
    yield ""


def _difference(found: Difference) -> tuple[str, str]:
    return cell(found.estimate, signed).plain, p_cell(found.test.p_holm).plain


def _matrix(matrix: Matrix | None, units: Sequence[str]) -> Iterator[str]:
    yield from ("## Emitter × teacher", "")
    if matrix is None:
        yield from ("Not made yet: `introbench study report` with `--out` makes it from the units' runs.", "")
        return
    for task in matrix.tasks:
        others = [name for name in task.models if name not in units]
        # Its spec is long, and named at the head of the page; where several are run, specs tell them apart.
        shown = {name: "M0" if [name] == others else name for name in task.models}
        yield f"{task.task}: exact match of a row's explanations with a column's labels, on {task.scored} cases."
        yield ""
        yield from (_cells(task, shown), "")
        excess = [
            [
                " × ".join(shown[name] for name in each.models),
                each.disagreements,
                cell(each.raw, signed).plain,
                cell(each.centred, signed).plain,
            ]
            for each in task.excess
        ]
        yield "Diagonal excess of two models: how much better they fit themselves than each other, where they differ."
        yield ""
        yield table(excess, ["models", "n_D", "raw", "centred"])
        yield ""


def _cells(task: TaskMatrix, shown: Mapping[str, str]) -> str:
    found = {(one.emitter, one.teacher): one.exact_match.value for one in task.cells}
    body = [[name, *(shown_number(found[emitter, teacher]) for teacher in shown)] for emitter, name in shown.items()]
    return table(body, ["emitter", *shown.values()])


def _trajectories(done: Sequence[UnitResult]) -> Iterator[str]:
    names = ("self", "reference_score", "gap", "d", "centred_coupling", "verdict_j", "content_on_changed")
    body = [
        [unit.unit, row["step"], row["task"], row["role"], *(_point(row.get(name)) for name in names)]
        for unit in done
        for row in unit.trajectory
    ]
    yield from ("## Along the way", "")
    if not body:
        yield from ("No unit that is done was run along the way (`evaluate_at` names the steps).", "")
        return
    heads = [
        "unit",
        "step",
        "task",
        "against",
        *("Self", "Ref", "gap", "d", "centred coupling", "J"),
        "content on changed",
    ]
    yield table(body, heads)
    yield ""


def _point(found: Mapping[str, Any] | None) -> str:
    value = found.get("value") if found else None
    if found is None or value is None:
        return NONE
    # Rows of before say nothing of their clusters.
    few = "*" if found.get("status") == "too few" else ""
    low, high = found.get("low"), found.get("high")
    interval = "" if low is None or high is None else f" [{number(low)}, {number(high)}]"
    return f"{number(value)}{few}{interval}"


def _labels(done: Sequence[UnitResult]) -> Iterator[str]:
    body = []
    for unit in done:
        made = unit.trained_on
        if made is not None:
            origins = "; ".join(f"{origin.cases} of {origin.source}" for origin in made.origins)
            counts = ", ".join(f"{name}: {count}" for name, count in made.counts.items() if count)
            shares = [NONE if share is None else f"{share:.1%}" for share in (made.agreement, made.change_rate)]
            body.append([unit.unit, made.explained, origins, *shares, counts, made.sha256[:12]])
    yield from ("## What they were trained on", "")
    heads = ["unit", "explanations", "labels", "agreement with M0", "changed", "what became of cases", "sha256"]
    yield table(body, heads)
    yield ""


def _cost(study: Study, done: Sequence[UnitResult]) -> Iterator[str]:
    body, long = [], []
    for unit in done:
        cost = unit.cost
        if cost is not None:
            tokens = cost.training_tokens
            rate = NONE if not tokens or not cost.step_seconds else f"{tokens / cost.step_seconds:,.0f}"
            shown = [f"{seconds:,.0f}" for seconds in (cost.label_seconds, cost.training, cost.evaluation_seconds)]
            body.append([unit.unit, *shown, cost.steps or NONE, f"{tokens:,}" if tokens else NONE, rate])
            if cost.seconds > 60 * study.minutes_per_unit:
                long.append(unit.unit)
    yield from ("## What it took", "", "Seconds of the wall; labels that units share are counted with the first.", "")
    heads = ["unit", "labels, s", "training, s", "last run, s", "steps", "tokens trained", "tokens/s"]
    yield table(body, heads)
    yield ""
    if long:
        yield from (f"Longer than {study.minutes_per_unit:g} minutes: {', '.join(long)}.", "")


def _paper() -> Iterator[str]:
    yield from ("## What is reported elsewhere", "")
    yield "Of much larger models; relayed by readers of arXiv 2606.32038 and not checked against its tables."
    yield ""
    yield table(REPORTED, ["experiment", "reported"])
    yield ""


def _commands(study: Study, path: str, asked: str) -> Iterator[str]:
    yield from ("## Every command", "", "```")
    yield f"introbench study plan {path}"
    yield f"introbench study run {path} --out {study.name}"
    yield f"introbench study report {asked} --out {study.name}"
    yield "```"
