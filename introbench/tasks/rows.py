"""Rows of a table that a user brings, each with the place that it came from, and those that cannot be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from introbench.errors import TaskError

__all__ = ["BadRow", "Row", "Table", "count_bad"]

_NAMED_PLACES = 3


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was read.

    Attributes:
        where: file and line on which the record begins ("questions.csv:12"), or data set and row.
        values: cell by column; texts where the file knows nothing else.
    """

    where: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used.

    Attributes:
        where: as in `Row`.
        reason: what is wrong, in words that rows with the same fault share.
    """

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table as read.

    Attributes:
        source: file or data set, as messages name it.
        columns: names of the columns in their order.
        rows: the rows that could be read, in their order.
        bad: those that could not.
        note: how it was read ("CSV, delimiter ';', encoding cp1252"), or which revision it is.
    """

    source: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    bad: tuple[BadRow, ...]
    note: str


def count_bad(source: str, bad: Sequence[BadRow], used: int) -> tuple[dict[str, int], tuple[str, ...]]:
    """Rows that are left out: their number by reason, most frequent first, and a line per reason that names some.

    Args:
        source: what the rows came from, for messages.
        used: number of rows that can be used.

    Raises TaskError where none can.
    """
    places: dict[str, list[str]] = {}
    for row in bad:
        places.setdefault(row.reason, []).append(row.where)
    ordered = sorted(places.items(), key=lambda entry: -len(entry[1]))
    lines = tuple(f"Left out, {reason}: {_listed(found)}" for reason, found in ordered)
    if not used:
        raise TaskError(f"{source}: no row can be used: " + ("; ".join(lines) or "it has none"))
    return {reason: len(found) for reason, found in ordered}, lines


def _listed(places: Sequence[str]) -> str:
    more = len(places) - _NAMED_PLACES
    return ", ".join(places[:_NAMED_PLACES]) + (f" and {more} more" if more > 0 else "")
