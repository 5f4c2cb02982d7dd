"""Reading the key of a question: a letter, an index from 0 or from 1, or the text of a choice."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from introbench.errors import TaskError

__all__ = ["AUTO", "READINGS", "key_reading", "read_key"]

AUTO = "auto"
"""The reading that fits the table, where only one does."""

_LETTER = re.compile(r"\(?([A-Za-z])[).:]?")
_WHOLE = re.compile(r"(\d{1,4})(?:\.0)?")


def _letter(cell: Any, choices: Sequence[str]) -> int | None:
    found = _LETTER.fullmatch(str(cell).strip())
    return _place(ord(found[1].upper()) - ord("A"), choices) if found else None


def _index0(cell: Any, choices: Sequence[str]) -> int | None:
    found = _WHOLE.fullmatch(str(cell).strip())
    return _place(int(found[1]), choices) if found else None


def _index1(cell: Any, choices: Sequence[str]) -> int | None:
    found = _WHOLE.fullmatch(str(cell).strip())
    return _place(int(found[1]) - 1, choices) if found else None


def _text(cell: Any, choices: Sequence[str]) -> int | None:
    text = str(cell).strip()
    same = [place for place, choice in enumerate(choices) if choice == text]
    alike = same or [place for place, choice in enumerate(choices) if choice.casefold() == text.casefold()]
    return alike[0] if len(alike) == 1 else None


def _place(number: int, choices: Sequence[str]) -> int | None:
    return number if 0 <= number < len(choices) else None


READINGS: Mapping[str, Callable[[Any, Sequence[str]], int | None]] = {
    "letter": _letter,
    "index0": _index0,
    "index1": _index1,
    "text": _text,
}
"""What a cell says is the key's place among the choices, by name of the reading; None where it says nothing."""


def read_key(cell: Any, choices: Sequence[str], readings: Sequence[str]) -> int | None:
    """Place of the key among the choices by the first of some readings that fits, or None."""
    found = (READINGS[name](cell, choices) for name in readings)
    return next((place for place in found if place is not None), None)


def key_reading(source: str, keyed: Sequence[tuple[Any, Sequence[str]]]) -> str:
    """The reading that fits every row of a table that any reading fits.

    Args:
        source: the table, for messages.
        keyed: by row, the cell that holds the key, and the choices.

    Raises TaskError where no reading does, or where several do and disagree.
    """
    fits = {name: [read(*row) for row in keyed] for name, read in READINGS.items()}
    readable = [number for number in range(len(keyed)) if any(places[number] is not None for places in fits.values())]
    if not readable:
        shown = f"; the first is {str(keyed[0][0])!r}" if keyed else ""
        raise TaskError(f"{source}: its keys are no letters, indices or texts of choices{shown}")
    whole = [name for name, places in fits.items() if all(places[number] is not None for number in readable)]
    if not whole:
        counts = ", ".join(f"{name} {sum(place is not None for place in places)}" for name, places in fits.items())
        raise TaskError(
            f"{source}: no one reading fits all keys (of {len(readable)} rows: {counts}); say which one holds: key=NAME"
        )
    if any(len({fits[name][number] for name in whole}) > 1 for number in readable):
        raise TaskError(f"{source}: its keys can be read as {' or '.join(whole)}; say which: key={whole[0]}")
    return whole[0]
