"""The cases of a board as shards: what was asked once for all runs that were asked it, what each run answered apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from introbench.hashing import content_hash
from introbench.report.prompts import CaseText, TaskTexts, rebuilt_texts
from introbench.tasks.types import Message
from introbench.texts import inert
from introbench_leaderboard.archive import ArchiveError, unpack
from introbench_leaderboard.entry import BUNDLE, Outcomes
from introbench_leaderboard.layout import CASES, MANIFEST
from introbench_leaderboard.site.listing import Placed
from introbench_leaderboard.site.shards import parts

__all__ = ["Book", "Cases"]

_HASH_LETTERS = 16
_ABSENT = -1
_SAID = {None: -2, "unparsable": -1, "unchanged": 0, "changed": 1}
"""What cases.js reads."""

Write = Callable[[str, bytes], None]
"""Writes `data/<name>.js`."""


@dataclass(frozen=True, slots=True)
class Book:
    """What was asked, for all runs that were asked the same.

    Attributes:
        parts: number of files with its cases.
        texts: place of the first case of every file with prompts.
        reason: why prompts are missing; empty where none are.
    """

    parts: int
    texts: tuple[int, ...]
    reason: str


@dataclass(slots=True)
class Cases:
    """The shards that have been written so far.

    Attributes:
        write: writes one.
        books: by name, what was asked.
        answers: by name, the number of files with what a run answered.
    """

    write: Write
    books: dict[str, Book] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)

    def add(self, placed: Placed, outcomes: Outcomes) -> tuple[str, str]:
        """Write what is not yet written of an entry on a board: names of its book and of its answers."""
        book = placed.ranked.cases_hash[:_HASH_LETTERS]
        if book not in self.books:
            self.books[book] = self._book(book, placed, outcomes)
        columns = _answers(outcomes)
        # Runs that answered alike share their files.
        name = content_hash([book, columns])[:_HASH_LETTERS]
        if name not in self.answers:
            self.answers[name] = self._written(f"cases/{name}", columns)
        return book, name

    def _written(self, stem: str, columns: Mapping[str, list[Any]]) -> int:
        def rows(start: int, end: int) -> dict[str, list[Any]]:
            return {column: values[start:end] for column, values in columns.items()}

        count = 0
        for _, name, data in parts(stem, len(next(iter(columns.values()))), rows):
            self.write(name, data)
            count += 1
        return count

    def _book(self, name: str, placed: Placed, outcomes: Outcomes) -> Book:
        facts = _facts(outcomes)
        count = 0
        for _, file, data in parts(f"books/{name}", len(outcomes.cases), lambda start, end: _listed(facts, start, end)):
            self.write(file, data)
            count += 1
        found = _prompts(placed)
        if not found.texts:
            return Book(count, (), inert(found.reason))
        texts = [found.texts.get(case) for case in outcomes.cases]
        starts = []
        for start, file, data in parts(f"texts/{name}", len(texts), lambda start, end: _texts(texts[start:end])):
            self.write(file, data)
            starts.append(start)
        return Book(count, tuple(starts), inert(found.reason))


def _facts(outcomes: Outcomes) -> dict[str, list[Any]]:
    """What every run that was asked the same has in common."""
    return {
        "id": [inert(each) for each in outcomes.cases],
        "cue": [inert(each) for each in outcomes.cues],
        "kind": [inert(each) for each in outcomes.cue_kinds],
        "headline": outcomes.headline,
        "hint": _places(outcomes.hints),
        "key": _places(outcomes.keys),
        "choices": [[inert(choice) for choice in choices] for choices in outcomes.choices],
    }


def _listed(facts: Mapping[str, list[Any]], start: int, end: int) -> dict[str, list[Any]]:
    """Some cases, with every list of choices once."""
    lists: dict[tuple[str, ...], int] = {}
    rows = {column: values[start:end] for column, values in facts.items()}
    rows["choices"] = [lists.setdefault(tuple(choices), len(lists)) for choices in rows["choices"]]
    return {**rows, "lists": [list(choices) for choices in lists]}


def _answers(outcomes: Outcomes) -> dict[str, list[Any]]:
    return {
        "uncued": _places(outcomes.uncued),
        "cued": _places(outcomes.cued),
        "said": [_SAID[said] for said in outcomes.said],
        "named": _places(outcomes.named),
        # Whole per mille, as on the page of a report.
        "changed": [_ABSENT if p is None else round(1000 * p) for p in outcomes.p_changed],
        "pUncued": [p or 0 for p in outcomes.p_uncued],
        "pCued": [p or 0 for p in outcomes.p_cued],
    }


def _places(values: list[int | None]) -> list[int]:
    return [_ABSENT if value is None else value for value in values]


def _prompts(placed: Placed) -> TaskTexts:
    """The prompts of a board's cases, rebuilt by the task that is installed, where their hashes are the bundle's."""
    file = placed.listed.folder / BUNDLE
    try:
        members = unpack(file.read_bytes())
        manifest = json.loads(members[MANIFEST])
        rows = [json.loads(line) for line in members[CASES].splitlines()]
    except (OSError, ArchiveError, KeyError, ValueError):
        return TaskTexts({}, 0, "the bundle that says what was asked cannot be read")
    task = placed.ranked.board.task
    tasks = [each for each in manifest["tasks"] if each["name"] == task]
    return rebuilt_texts({**manifest, "tasks": tasks}, rows)[task]


def _texts(cases: list[CaseText | None]) -> dict[str, Any]:
    """Prompts as cases.js reads them: every text and every list of turns once, named by its place."""
    strings: dict[str, int] = {}
    contexts: dict[tuple[Message, ...], int] = {}

    def text(value: str) -> int:
        return strings.setdefault(inert(value, lines=True), len(strings))

    def spans(case: CaseText) -> Iterator[int]:
        for turns in (case.before, case.before_explanation):
            yield contexts.setdefault(turns, len(contexts))
        for value in (case.prefix, case.cued, case.uncued, case.suffix, case.question):
            yield text(value)

    rows = [None if case is None else list(spans(case)) for case in cases]
    turned = [[[inert(turn.role), text(turn.content)] for turn in turns] for turns in contexts]
    return {"strings": list(strings), "contexts": turned, "text": rows}
