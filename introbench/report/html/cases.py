"""Every case of a report as compact columns, for the browser of cases in page.js.

Texts stand once in a table and are named by their place in it; probabilities are whole per mille. Texts are inert, and
the whole is compressed and in base64, so that nothing in it can be taken for markup.
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from introbench.metrics.ledgers import Record
from introbench.metrics.observations import UNPARSABLE, Answers
from introbench.metrics.read import ModelEntry, TaskEntry
from introbench.metrics.schema import TaskSummary
from introbench.report.gather import ReportedRun
from introbench.report.prompts import CaseText, TaskTexts
from introbench.tasks.types import Message
from introbench.texts import inert, shortened

__all__ = ["packed_cases"]

_NOT_ANSWERED = -2
"""Stands beside the verdicts of `observations`."""
_SAID = {"changed": 1, "unchanged": 0, "unparsable": UNPARSABLE}


class _Table:
    """Values that stand once, by the place where they were first put."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[Any, int] = {}

    def place(self, key: Any, made: Callable[[], Any] | None = None) -> int:
        """Where a value stands; `made` makes what is stored where that is not the key itself."""
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(key if made is None else made())
        return self._places[key]


class _Texts:
    """The tables that all blocks share.

    Attributes:
        strings: texts.
        lists: lists of choices, as places of strings.
        contexts: turns before a question, as pairs of role and place of a string.
    """

    def __init__(self, longest: int) -> None:
        self.strings, self.lists, self.contexts = _Table(), _Table(), _Table()
        self.longest = longest
        self.cut = 0

    def text(self, text: str) -> int:
        return self.strings.place(inert(text, lines=True))

    def written(self, text: str) -> int:
        """A text that a model wrote, cut where it is longer than anybody reads."""
        self.cut += len(text) > self.longest
        return self.text(shortened(text, self.longest))

    def choices(self, choices: Sequence[str]) -> int:
        return self.lists.place(tuple(self.text(choice) for choice in choices))

    def context(self, turns: tuple[Message, ...]) -> int:
        return self.contexts.place(turns, lambda: [[turn.role, self.text(turn.content)] for turn in turns])


def packed_cases(runs: Sequence[ReportedRun], longest: int) -> tuple[str, int]:
    """All cases of all runs in base64 of zlib of JSON, and how many explanations were cut.

    Args:
        longest: characters of a written explanation that are kept.
    """
    texts = _Texts(longest)
    blocks = [
        _block(run, task, summary, texts)
        for run in runs
        for task, summary in zip(run.run.tasks, run.summary.tasks, strict=True)
    ]
    data = {
        "strings": texts.strings.values,
        "lists": texts.lists.values,
        "contexts": texts.contexts.values,
        "blocks": blocks,
    }
    packed = zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 9)
    return base64.b64encode(packed).decode(), texts.cut


def _block(run: ReportedRun, task: TaskEntry, summary: TaskSummary, texts: _Texts) -> dict[str, Any]:
    """One task of one run."""
    chosen = np.flatnonzero(run.run.cases.tasks == task.name)
    rows = [run.rows[index] for index in chosen.tolist()]
    derived = all(row["id"] == f"{row['task']}/{row['item']}/{row.get('cue')}" for row in rows)
    prompts = run.texts.get(task.name, TaskTexts({}, len(rows), "manifest.json does not name the task"))
    collapsed = {emitter.model: emitter.saying.collapsed for emitter in summary.emitters}
    return {
        "run": inert(run.name),
        "task": inert(task.name),
        "wording": [inert(task.wording.unchanged), inert(task.wording.changed)],
        "missing": prompts.missing,
        "reason": inert(prompts.reason),
        "ids": None if derived else [inert(row["id"]) for row in rows],
        "item": [texts.text(row["item"]) for row in rows],
        "kind": [texts.text(str(row.get("item_kind", ""))) for row in rows],
        "cue": [texts.text(str(row.get("cue", ""))) for row in rows],
        "cueKind": [texts.text(row["cue_kind"]) for row in rows],
        "split": [texts.text(row["cue_split"]) for row in rows],
        "choices": [texts.choices(row["choices"]) for row in rows],
        "hint": [-1 if row["hint"] is None else row["hint"] for row in rows],
        "key": [-1 if row["key"] is None else row["key"] for row in rows],
        "text": [_text(prompts.texts.get(row["id"]), texts) for row in rows],
        "models": [
            {
                "name": inert(model.name),
                "role": model.role,
                "collapsed": _SAID.get(collapsed.get(model.name) or ""),
                **_answers(rows, run.run.answers[model.name].take(chosen), run.replies[model.name], texts),
            }
            for model in _targets_first(run.run.models)
        ],
    }


def _targets_first(models: Iterable[ModelEntry]) -> list[ModelEntry]:
    return sorted(models, key=lambda model: model.role != "target")


def _text(found: CaseText | None, texts: _Texts) -> list[int] | int:
    """The places of a case's texts, or 0."""
    if found is None:
        return 0
    spans = (found.prefix, found.cued, found.uncued, found.suffix, found.question)
    contexts = [texts.context(found.before), texts.context(found.before_explanation)]
    return [*contexts, *(texts.text(span) for span in spans)]


def _answers(
    rows: Sequence[Mapping[str, Any]], answers: Answers, replies: Mapping[str, Record], texts: _Texts
) -> dict[str, Any]:
    """What one model decided, and the probabilities or the text behind it."""
    found = {part: [replies.get(row["asks"][part]) for row in rows] for part in ("uncued", "cued", "explanation")}
    said = np.where(answers.explained, answers.said, _NOT_ANSWERED)
    return {
        "uncued": answers.uncued.tolist(),
        "cued": answers.cued.tolist(),
        "said": said.tolist(),
        "content": answers.content.tolist(),
        "changed": [-1 if math.isnan(p) else round(1000 * p) for p in answers.p_changed.tolist()],
        "pUncued": [_per_mille(reply) for reply in found["uncued"]],
        "pCued": [_per_mille(reply) for reply in found["cued"]],
        "pSaid": [_per_mille(reply) for reply in found["explanation"]],
        "written": [_written(reply, texts) for reply in found["explanation"]],
    }


def _per_mille(reply: Record | None) -> list[int] | int:
    """Probabilities among what could be answered, or 0 where nothing was scored."""
    if reply is None or not reply.logprobs:
        return 0
    logprobs = reply.logprobs
    most = max(logprobs)
    weights = [math.exp(each - most) for each in logprobs]
    total = sum(weights)
    return [round(1000 * weight / total) for weight in weights]


def _written(reply: Record | None, texts: _Texts) -> int:
    text = reply.text if reply else None
    return -1 if text is None else texts.written(str(text))
