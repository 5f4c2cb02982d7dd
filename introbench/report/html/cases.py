"""Every case of a report as compact columns, for the browser of cases in page.js.

Texts stand once in a table and are named by their place in it; probabilities are whole per mille. Texts are inert, and
the whole is compressed and in base64, so that nothing in it can be taken for markup.
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

import numpy as np

from introbench.metrics.ledgers import Record, Records
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
_PIECE = 1 << 20
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
    tables = {"strings": texts.strings, "lists": texts.lists, "contexts": texts.contexts}
    members = [(name, _json(table.values)) for name, table in tables.items()]
    packed = _compressed(_object([*members, ("blocks", f"[{','.join(blocks)}]")]))
    return base64.b64encode(packed).decode(), texts.cut


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _object(members: Iterable[tuple[str, str]]) -> str:
    """A JSON object of names and values that are JSON already: as text, numbers take a tenth of their room."""
    return "{" + ",".join(f"{_json(name)}:{value}" for name, value in members) + "}"


def _compressed(text: str) -> bytes:
    """ASCII under zlib, fed in pieces: no second copy of the whole."""
    packer, packed = zlib.compressobj(9), bytearray()
    for start in range(0, len(text), _PIECE):
        packed += packer.compress(text[start : start + _PIECE].encode())
    return bytes(packed + packer.flush())


class _Column:
    """A JSON list that is written entry by entry."""

    def __init__(self) -> None:
        self._file = StringIO()

    def add(self, value: Any) -> None:
        self._file.write("," if self._file.tell() else "[")
        self._file.write(_json(value))

    @property
    def text(self) -> str:
        """The list."""
        return f"{self._file.getvalue() or '['}]"


def _block(run: ReportedRun, task: TaskEntry, summary: TaskSummary, texts: _Texts) -> str:
    """One task of one run, as JSON."""
    chosen = np.flatnonzero(run.run.cases.tasks == task.name)
    places = chosen.tolist()
    prompts = run.texts.get(task.name, TaskTexts({}, len(places), "manifest.json does not name the task"))
    collapsed = {emitter.model: emitter.saying.collapsed for emitter in summary.emitters}
    facts: dict[str, Any] = {
        "run": inert(run.name),
        "task": inert(task.name),
        "wording": [inert(task.wording.unchanged), inert(task.wording.changed)],
        "missing": prompts.missing,
        "reason": inert(prompts.reason),
    }
    members = [(name, _json(value)) for name, value in facts.items()]
    members += _case_columns(run, places, texts)
    shown = _Column()
    for row in run.rows.some(places):
        shown.add(_text(prompts.texts.get(row["id"]), texts))
    members.append(("text", shown.text))
    models = []
    for model in _targets_first(run.run.models):
        said = _SAID.get(collapsed.get(model.name) or "")
        about = {"name": inert(model.name), "role": model.role, "collapsed": said}
        answers = run.run.answers[model.name].take(chosen)
        columns = _answers(run.rows.some(places), answers, run.replies[model.name], texts)
        models.append(_object([*((name, _json(value)) for name, value in about.items()), *columns]))
    members.append(("models", f"[{','.join(models)}]"))
    return _object(members)


def _case_columns(run: ReportedRun, places: Sequence[int], texts: _Texts) -> Iterator[tuple[str, str]]:
    """What the cases of a block are, column by column, so that texts stand in the table in that order."""
    derived = all(row["id"] == f"{row['task']}/{row['item']}/{row.get('cue')}" for row in run.rows.some(places))
    yield "ids", _json(None if derived else [inert(row["id"]) for row in run.rows.some(places)])
    names = {"item": "item", "kind": "item_kind", "cue": "cue", "cueKind": "cue_kind", "split": "cue_split"}
    values: dict[str, list[str]] = {name: [] for name in names}
    choices: list[tuple[str, ...]] = []
    known: dict[Any, Any] = {}
    marks: dict[str, list[int]] = {"hint": [], "key": []}
    for row in run.rows.some(places):
        for name, field in names.items():
            value = str(row.get(field, ""))
            values[name].append(known.setdefault(value, value))
        listed = tuple(row["choices"])
        choices.append(known.setdefault(listed, listed))
        for name, found in marks.items():
            found.append(-1 if row[name] is None else row[name])
    for name, column in values.items():
        yield name, _json([texts.text(value) for value in column])
    yield "choices", _json([texts.choices(each) for each in choices])
    for name, found in marks.items():
        yield name, _json(found)


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
    rows: Iterable[Mapping[str, Any]], answers: Answers, replies: Records, texts: _Texts
) -> Iterator[tuple[str, str]]:
    """What one model decided, and the probabilities or the text behind it, column by column."""
    yield "uncued", _json(answers.uncued.tolist())
    yield "cued", _json(answers.cued.tolist())
    yield "said", _json(np.where(answers.explained, answers.said, _NOT_ANSWERED).tolist())
    yield "content", _json(answers.content.tolist())
    yield "changed", _json([-1 if math.isnan(p) else round(1000 * p) for p in answers.p_changed.tolist()])
    shares = {"uncued": _Column(), "cued": _Column(), "explanation": _Column()}
    written = _Column()
    for row in rows:
        found = {part: replies.get(row["asks"][part]) for part in shares}
        for part, column in shares.items():
            column.add(_per_mille(found[part]))
        written.add(_written(found["explanation"], texts))
    for name, part in (("pUncued", "uncued"), ("pCued", "cued"), ("pSaid", "explanation")):
        yield name, shares[part].text
    yield "written", written.text


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
