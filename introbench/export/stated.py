"""What one model of a stored run stated about every case of a task, as other tools keep it: asked, said, scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from introbench.metrics.ledgers import Record
from introbench.metrics.observations import CHANGED, UNPARSABLE, Answers
from introbench.metrics.parse import Wording
from introbench.metrics.read import ModelEntry, TaskEntry
from introbench.report.gather import ReportedRun
from introbench.report.prompts import TaskTexts
from introbench.runs.ledger import ledger_rows
from introbench.tasks.types import Message

__all__ = ["Stated", "config_of", "span_of", "stated_in", "version_of", "without_prompts"]


@dataclass(frozen=True, slots=True)
class Stated:
    """One explanation of one case.

    Attributes:
        row: the case, as cases.jsonl has it.
        prompt: the conversation that ends with the explanation question; empty where this version of the task makes
            other prompts than the run asked.
        candidates: the 2k explanations that the wording allows, unchanged ones first.
        expected: the true one of these, by the model's own behaviour; empty where it did not answer both prompts.
        reply: what the model wrote, or the candidate that its probabilities decide for; None where it did not explain.
        said: "changed", "unchanged" or "unparsable"; None where it did not explain.
        content: the choice that the explanation names; None where it names none.
        uncued: the model's choice without the cue; None where it did not answer.
        cued: its choice with the cue.
        p_changed: probability of "changed" among the candidates, 0 to 1; None where the explanation was written.
        scored: whether the case is part of the model's scores.
        verdict_right: whether the verdict is that of the own label.
        content_right: whether the content is.
    """

    row: Mapping[str, Any]
    prompt: tuple[Message, ...]
    candidates: tuple[str, ...]
    expected: str
    reply: str | None
    said: str | None
    content: str | None
    uncued: str | None
    cued: str | None
    p_changed: float | None
    scored: bool
    verdict_right: bool
    content_right: bool

    @property
    def exact(self) -> bool:
        """Whether the explanation states the own label, verdict and content."""
        return self.verdict_right and self.content_right

    @property
    def facts(self) -> dict[str, str]:
        """What is known of the case and of the model's behaviour on it, as texts; what is not known is left out."""
        row, choices = self.row, self.row["choices"]
        values = {
            **{
                name: row.get(name)
                for name in ("item", "cluster", "cue", "cue_kind", "cue_split", "item_split", "edit")
            },
            "hint": None if row["hint"] is None else choices[row["hint"]],
            "key": None if row["key"] is None else choices[row["key"]],
            "choice_without_cue": self.uncued,
            "choice_with_cue": self.cued,
            "stated_verdict": self.said,
            "stated_content": self.content,
            "p_changed": None if self.p_changed is None else f"{self.p_changed:.6f}",
            "scored": "yes" if self.scored else "no",
        }
        return {name: str(value) for name, value in values.items() if value is not None}


def stated_in(run: ReportedRun, task: TaskEntry, model: ModelEntry) -> Iterator[Stated]:
    """Every case of a task in the order of the run, placebos and rewrites too, which no score is made of."""
    places = np.flatnonzero(run.run.cases.tasks == task.name)
    answers, headline = run.run.answers[model.name], run.run.cases.headline
    replies = run.replies[model.name]
    texts = run.texts.get(task.name, TaskTexts({}, 0, ""))
    for place in places.tolist():
        row = run.rows[place]
        found = texts.texts.get(row["id"])
        prompt = () if found is None else found.explanation
        record = replies.get(row["asks"]["explanation"])
        yield _stated(row, prompt, task.wording, answers, place, record, headline=bool(headline[place]))


def _stated(
    row: Mapping[str, Any],
    prompt: tuple[Message, ...],
    wording: Wording,
    answers: Answers,
    place: int,
    record: Record | None,
    *,
    headline: bool,
) -> Stated:
    choices: Sequence[str] = row["choices"]
    uncued, cued, said, content = (
        int(column[place]) for column in (answers.uncued, answers.cued, answers.said, answers.content)
    )
    behaved, explained = bool(answers.behaved[place]), bool(answers.explained[place])
    changed, p_changed = uncued != cued, float(answers.p_changed[place])
    parsed = explained and said != UNPARSABLE
    reply = None
    if explained:
        written = record.text if record else None
        decided = _worded(wording, choices[content], said == CHANGED) if parsed and content >= 0 else ""
        reply = decided if written is None else str(written)
    return Stated(
        row=row,
        prompt=prompt,
        candidates=tuple(_worded(wording, choice, says) for says in (False, True) for choice in choices),
        expected=_worded(wording, choices[uncued], changed) if behaved else "",
        reply=reply,
        said=None if not explained else "unparsable" if not parsed else "changed" if said == CHANGED else "unchanged",
        content=choices[content] if parsed and content >= 0 else None,
        uncued=choices[uncued] if uncued >= 0 else None,
        cued=choices[cued] if cued >= 0 else None,
        p_changed=p_changed if explained and np.isfinite(p_changed) else None,
        scored=headline and behaved and explained,
        verdict_right=parsed and behaved and (said == CHANGED) == changed,
        content_right=parsed and behaved and content == uncued,
    )


def _worded(wording: Wording, choice: str, changed: bool) -> str:
    return (wording.changed if changed else wording.unchanged).replace("{choice}", choice)


def without_prompts(run: ReportedRun, task: TaskEntry) -> tuple[int, str]:
    """How many cases of a task have no prompt here, and why."""
    texts = run.texts.get(task.name)
    return (texts.missing, texts.reason) if texts else (0, "")


def span_of(path: Path, model: ModelEntry) -> tuple[float, float]:
    """When the first and the last row of a model's ledger were written, in seconds since the epoch; 0 without rows."""
    times = [
        float(row.get("time") or 0)
        for file in sorted((path / "records" / model.folder).glob("*.jsonl"))
        for row in ledger_rows(file)
    ]
    return min(times, default=0.0), max(times, default=0.0)


def config_of(run: ReportedRun) -> Mapping[str, Any]:
    """The configuration of a run; empty where its manifest does not hold one."""
    found = run.manifest.get("config")
    return found if isinstance(found, dict) else {}


def version_of(run: ReportedRun) -> str:
    """The version of introbench that made a run."""
    found = run.manifest.get("versions")
    return str(found.get("introbench", "unknown")) if isinstance(found, dict) else "unknown"
