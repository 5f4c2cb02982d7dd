"""Multiple-choice questions from the rows of a table."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from introbench.errors import TaskError
from introbench.tasks.columns import Role, map_columns
from introbench.tasks.rows import BadRow, Row, Table
from introbench_tasks.hint_mcq.keys import AUTO, READINGS, key_reading, read_key

__all__ = ["ROLES", "Asked", "read_questions"]

_LETTERED = tuple("|".join(letters[:number]) for number in range(8, 1, -1) for letters in ("ABCDEFGH", "abcdefgh"))

ROLES = (
    Role("question", ("question", "prompt", "query")),
    Role("choices", ("choices", "options", "choice*", "option*", *_LETTERED)),
    Role("answer", ("answer", "answer_key", "answerKey", "key", "label", "correct"), needed=False),
    Role("kind", ("subject", "category", "kind"), needed=False),
    Role("cluster", (), needed=False),
)
"""What the columns of a table of questions can be."""

_MAX_CHOICES = 26
_LITERAL = re.compile(r"""[bu]?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", re.DOTALL)
_NUMBERS = re.compile(r"[\s,]*[-+.\w]+(?:[\s,]+[-+.\w]+)*[\s,]*")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the table has it.

    Attributes:
        where: its place in the table.
        question: its text.
        choices: their texts in the order of the table.
        key: place of the right choice, or None where the table has no key.
        kind: what the table says about its subject, or "".
        cluster: what the table says about its cluster, or "".
    """

    where: str
    question: str
    choices: tuple[str, ...]
    key: int | None
    kind: str
    cluster: str


@dataclass(frozen=True, slots=True)
class _Choices:
    texts: tuple[str, ...]
    labels: tuple[str, ...] = ()


def read_questions(
    table: Table, asked: str, reading: str, *, alike: bool
) -> tuple[list[Asked], list[BadRow], tuple[str, ...]]:
    """The questions of a table, the rows that are none, and how it was read, in a line each.

    Args:
        asked: the user's mapping of columns.
        reading: how keys are read: one of `READINGS`, several with "|" between (the first that fits a row),
            or "auto".
        alike: whether choices may be equal but for case, as they may where letters stand for them.

    Raises TaskError where a column is missing or keys cannot be read for certain.
    """
    columns = map_columns(table, asked, ROLES)
    readings = [] if reading == AUTO else reading.split("|")
    if unknown := [name for name in readings if name not in READINGS]:
        raise TaskError(f"key={unknown[0]}: must be {AUTO} or one of {', '.join(READINGS)}")
    found: list[tuple[Asked, _Choices, Any]] = []
    bad = list(table.bad)
    for row in table.rows:
        read = _read(row, columns, alike=alike)
        if isinstance(read, BadRow):
            bad.append(read)
        else:
            found.append(read)
    if "answer" not in columns:
        return [question for question, _, _ in found], bad, (_mapping(columns), "the table has no key")
    named = any(choices.labels for _, choices, _ in found)
    if reading == AUTO and not named and found:
        readings = [key_reading(table.source, [(cell, choices.texts) for _, choices, cell in found])]
    questions = []
    for question, choices, cell in found:
        label = str(cell).strip()
        place = choices.labels.index(label) if label in choices.labels else None
        if place is None and not choices.labels:
            place = read_key(cell, choices.texts, readings)
        if place is None:
            bad.append(BadRow(question.where, "its key is none of its choices"))
        else:
            questions.append(replace(question, key=place))
    return questions, bad, (_mapping(columns), f"keys read by {'label' if named else ' or '.join(readings)}")


def _read(row: Row, columns: Mapping[str, tuple[str, ...]], *, alike: bool) -> tuple[Asked, _Choices, Any] | BadRow:
    cells = {role: row.values.get(names[0]) for role, names in columns.items()}
    question = _text(cells["question"])
    if not question:
        return BadRow(row.where, "no question")
    choices = _choices(row, columns["choices"])
    if isinstance(choices, str):
        return BadRow(row.where, choices)
    if not alike and len({text.casefold() for text in choices.texts}) < len(choices.texts):
        return BadRow(row.where, "choices that read the same (behaviour=letter takes them)")
    for role, name in (("answer", "key"), ("cluster", "cluster")):
        if role in cells and not _text(cells[role]):
            return BadRow(row.where, f"no {name}")
    kind, cluster = _text(cells.get("kind")), _text(cells.get("cluster"))
    return Asked(row.where, question, choices.texts, None, kind, cluster), choices, cells.get("answer")


def _choices(row: Row, columns: Sequence[str]) -> _Choices | str:
    """The choices of a row, or what is wrong with them."""
    cells = [row.values.get(name) for name in columns]
    found = _listed(cells[0]) if len(cells) == 1 else _Choices(tuple(map(_text, cells)))
    if found is None:
        return "its choices are no list"
    # Questions with fewer choices than the table has columns leave the last ones empty.
    texts = found.texts
    while len(columns) > 1 and texts and not texts[-1]:
        texts = texts[:-1]
    if any(not text for text in texts):
        return "an empty choice"
    if not 2 <= len(texts) <= _MAX_CHOICES:
        return f"fewer than 2 or more than {_MAX_CHOICES} choices"
    if found.labels and len(found.labels) != len(texts):
        return "not as many labels as choices"
    return replace(found, texts=texts)


def _listed(cell: Any) -> _Choices | None:
    """The choices in one cell: a list, {"text": [...], "label": [...]}, or either written as text."""
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except ValueError:
            return _Choices(texts) if (texts := _written_list(cell.strip())) else None
    if isinstance(cell, Mapping) and isinstance(cell.get("text"), list):
        labels = cell.get("label", cell.get("labels", ()))
        return _Choices(tuple(map(_text, cell["text"])), tuple(map(_text, labels)))
    if isinstance(cell, list) and not any(isinstance(entry, list | dict) for entry in cell):
        return _Choices(tuple(map(_text, cell)))
    return None


def _written_list(text: str) -> tuple[str, ...]:
    """A list as Python or numpy prints it: ['a', 'b'], ['a' 'b'], [1 2]; nothing where it is none."""
    text = text.removeprefix("array(").strip()
    if not text.startswith("[") or "]" not in text:
        return ()
    inner = text[1 : text.rindex("]")]
    if not _LITERAL.search(inner):
        return tuple(inner.replace(",", " ").split()) if _NUMBERS.fullmatch(inner) else ()
    if _LITERAL.sub("", inner).strip(" \t\r\n,"):
        return ()
    # One by one: Python would join neighbours without a comma into one text.
    return tuple(str(ast.literal_eval(found[1])).strip() for found in _LITERAL.finditer(inner))


def _text(cell: Any) -> str:
    # A float that is no number is what pandas makes of an empty cell.
    if cell is None or isinstance(cell, list | dict) or cell != cell:
        return ""
    return str(cell).strip()


def _mapping(columns: Mapping[str, tuple[str, ...]]) -> str:
    return "columns " + ", ".join(f"{role}={'|'.join(names)}" for role, names in columns.items())
