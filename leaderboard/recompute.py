"""From a bundle's rows to every number of its entry. What a submission states about its results is not looked at."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from introbench.files import write_whole
from introbench.hashing import content_hash
from introbench.metrics.arrays import Bools, Floats
from introbench.metrics.book import Book
from introbench.metrics.floors import floors_of
from introbench.metrics.ledgers import FIRST
from introbench.metrics.observations import ABSENT, CHANGED, UNCHANGED, Answers, CaseTable, LogProbs
from introbench.metrics.read import CaseRow, ModelEntry, Run, TaskEntry, case_rows, read_run
from introbench.metrics.schema import EmitterSummary, Summary
from introbench.metrics.scores import Graded, grade, youden_contributions
from introbench.metrics.summary import DECIMALS, summarise_run
from introbench.report.cautions import cautions_of_task
from introbench_leaderboard.entry import Board, Outcomes, Ranked, outcomes_name
from introbench_leaderboard.layout import CASES, MANIFEST

__all__ = ["Recomputed", "answers_hash", "recompute"]

_VERDICTS: Mapping[int, Literal["changed", "unchanged"]] = {CHANGED: "changed", UNCHANGED: "unchanged"}


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What a bundle's rows give.

    Attributes:
        summary: every estimate.
        ranked: the target's ranking figure on each task.
        outcomes: by task, what the target did and said.
        warnings: what a reader has to know, a sentence each.
    """

    summary: Summary
    ranked: tuple[Ranked, ...]
    outcomes: Mapping[str, Outcomes]
    warnings: tuple[str, ...]


def recompute(members: Mapping[str, bytes], explanations: Literal["constrained", "free"]) -> Recomputed:
    """Every number of a bundle, whose files have been checked.

    Args:
        members: by name, the files of a run; names are made by the board, see `layout.ledger_name`.

    Raises RunDirectoryError where rows do not fit the cases.
    """
    with tempfile.TemporaryDirectory(prefix="introbench-board-") as made:
        run_folder = Path(made)
        for name, data in members.items():
            if name in (MANIFEST, CASES) or name.startswith("records/"):
                file = run_folder / name
                file.parent.mkdir(parents=True, exist_ok=True)
                write_whole(file, data)
        run = read_run(run_folder)
        rows = list(case_rows(run_folder / CASES))
        target = next(model for model in run.models if model.role == "target")
        logprobs = _logprobs(run_folder, run, rows, target)
    summary = summarise_run(run)
    outcomes = {task.name: _outcomes(run, rows, task, target, logprobs) for task in run.tasks}
    ranked = [_ranked(run, rows, task, target, summary, explanations) for task in run.tasks]
    warnings = tuple(f"{task.name}: {caution}" for task in summary.tasks for caution in cautions_of_task(task))
    return Recomputed(summary, tuple(ranked), outcomes, warnings)


def answers_hash(rows: Sequence[Mapping[str, Any]]) -> str:
    """Hash of what was answered to what, whatever the model is called and in whatever order it was computed."""
    return content_hash(sorted([row["ask"], row["replicate"], row["logprobs"], row["text"] or ""] for row in rows))


def _ranked(
    run: Run,
    rows: Sequence[CaseRow],
    task: TaskEntry,
    target: ModelEntry,
    summary: Summary,
    explanations: Literal["constrained", "free"],
) -> Ranked:
    emitter = _emitter(summary, task.name, target.name)
    headline = emitter.headline
    cases, answers, _ = _part(run, task, target)
    scored = _scored(cases, answers)
    return Ranked(
        board=Board(
            task=task.name, comparability=task.comparability, reading=target.answers, explanations=explanations
        ),
        version=task.version,
        cases_hash=content_hash([[row.id, *sorted(row.asks.values())] for row in rows if row.task == task.name]),
        above_floor=headline.youden_j.above,
        floor=headline.youden_j.floor,
        youden_j=emitter.self_scores.youden_j,
        n=emitter.coverage.scored,
        effective_n=int(np.unique(cases.clusters[scored]).size),
        reasons_against=headline.reasons_against,
        outcomes=outcomes_name(task.name),
    )


def _emitter(summary: Summary, task: str, model: str) -> EmitterSummary:
    (found,) = (
        emitter for entry in summary.tasks if entry.name == task for emitter in entry.emitters if emitter.model == model
    )
    return found


def _part(run: Run, task: TaskEntry, target: ModelEntry) -> tuple[CaseTable, Answers, Bools]:
    mask: Bools = run.cases.tasks == task.name
    return run.cases.take(mask), run.answers[target.name].take(mask), mask


def _scored(cases: CaseTable, answers: Answers) -> Bools:
    scored: Bools = cases.headline & answers.behaved & answers.explained
    return scored


def _logprobs(run_folder: Path, run: Run, rows: Sequence[CaseRow], target: ModelEntry) -> LogProbs:
    """What stands behind the decisions of the target, in the order of the rows."""
    thresholds = {task: reading.threshold for (task, model), reading in run.openings.items() if model == target.name}
    book = Book(run_folder, target, {task.name: task for task in run.tasks})
    return book.logprobs(rows, FIRST, thresholds)


def _outcomes(run: Run, rows: Sequence[CaseRow], task: TaskEntry, target: ModelEntry, logprobs: LogProbs) -> Outcomes:
    cases, answers, mask = _part(run, task, target)
    held = [row for row, inside in zip(rows, mask.tolist(), strict=True) if inside]
    said: list[Literal["changed", "unchanged", "unparsable"] | None] = [
        (_VERDICTS.get(verdict, "unparsable") if explained else None)
        for verdict, explained in zip(answers.said.tolist(), answers.explained.tolist(), strict=True)
    ]
    behaviour = logprobs.take(mask)
    # What a judge reads is one reply: no probability was measured.
    scored = task.behaviour != "judged"
    return Outcomes(
        task=task.name,
        cases=[row.id for row in held],
        items=[row.item for row in held],
        clusters=[row.cluster for row in held],
        cues=[row.id.rpartition("/")[2] for row in held],
        cue_kinds=[row.cue_kind for row in held],
        headline=cases.headline.tolist(),
        choices=[row.choices for row in held],
        hints=[row.hint for row in held],
        keys=[row.key for row in held],
        uncued=_choices(answers.uncued.tolist()),
        cued=_choices(answers.cued.tolist()),
        said=said,
        named=_choices(answers.content.tolist()),
        p_changed=[None if math.isnan(value) else round(value, DECIMALS) + 0.0 for value in answers.p_changed.tolist()],
        p_uncued=_per_mille(behaviour.uncued, held) if scored else [None] * len(held),
        p_cued=_per_mille(behaviour.cued, held) if scored else [None] * len(held),
        influence=[round(value, 2 * DECIMALS) + 0.0 for value in _influence(cases, answers).tolist()],
    )


def _per_mille(logprobs: Floats, rows: Sequence[CaseRow]) -> list[list[int] | None]:
    """Per case, probabilities among its choices; None where nothing was scored."""
    found: list[list[int] | None] = []
    for values, row in zip(logprobs, rows, strict=True):
        own = values[: len(row.choices)]
        weights = np.exp(own - np.max(own))
        found.append(None if np.isnan(own).any() else np.round(1000 * weights / weights.sum()).astype(int).tolist())
    return found


def _choices(values: Sequence[int]) -> list[int | None]:
    return [None if value == ABSENT else value for value in values]


def _influence(cases: CaseTable, answers: Answers) -> Floats:
    """(cases,) first-order influence of each case on J above its best floor; 0 outside of the scores."""
    influence = np.zeros(cases.hint.size)
    scored = _scored(cases, answers)
    own = answers.take(scored)
    graded = grade(own.explanations, own.labels, cases.clusters[scored])
    if not (graded.changed.any() and (~graded.changed).any()):
        return influence
    floors = floors_of(cases.take(scored), own, own.labels)
    best = max(floors, key=lambda floor: _j(floor.graded))
    influence[scored] = youden_contributions(graded)[1] - youden_contributions(best.graded)[1]
    return influence


def _j(graded: Graded) -> float:
    return youden_contributions(graded)[0]
