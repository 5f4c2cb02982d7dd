"""Explanations that somebody else produced: a JSON object per line, and how each one is read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from introbench.errors import UsageError
from introbench.files import disk_errors
from introbench.metrics.observations import ABSENT, CHANGED, UNCHANGED, UNPARSABLE
from introbench.metrics.parse import Wording, named_choice, phrased, plain_text, stated

__all__ = ["ExternalRow", "Form", "Reading", "read_explanation", "read_rows"]

Form = Literal["bracket", "wording", "phrase", "given", "unparsable"]
"""How an explanation was read: by `<<<…>>>`, by "No change: …" and "Change: …", by a common phrase, as given in the
fields verdict and content, or not at all."""

WORDING = Wording("No change: {choice}", "Change: {choice}")

_BRACKET = re.compile(r"<<<([^<>]*)>>>")
_PREFIX = re.compile(r"^\s*answer\s*:", re.IGNORECASE)
_CHANGES_TO = re.compile(r"\bchanges? to\W*$", re.IGNORECASE)
_UNCHANGED_FROM = re.compile(r"\bunchanged from\W*$", re.IGNORECASE)
_NEAR = 60
"""Characters in front of a bracket in which "change to" and "unchanged from" are looked for."""
_AROUND = 2000
"""Characters on either side of the first bracket in which any other phrase is looked for."""


class ExternalRow(BaseModel):
    """One explanation and the behaviour that it is about. Other fields of a row are nobody's business."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", use_attribute_docstrings=True, coerce_numbers_to_str=True, allow_inf_nan=False
    )

    id: str
    """Unique in the file."""
    cued: str = Field(min_length=1)
    """The explaining model's choice with the cue."""
    uncued: str = Field(min_length=1)
    """Its choice without the cue."""
    explanation: str | None = None
    """What it says; or `verdict` and `content` instead."""
    verdict: Literal["changed", "unchanged"] | None = None
    """What it says, already read."""
    content: str | None = None
    """The choice that it names as the uncued one, already read."""
    item: str | None = None
    """Base question: rows of one item are one cluster. Each row is its own where left out."""
    ref_cued: str | None = None
    """A reference model's choice with the cue."""
    ref_uncued: str | None = None
    """The reference model's choice without the cue."""
    choices: list[str] | None = Field(default=None, min_length=2)
    """All choices of the case."""
    hint: str | None = None
    """The choice that the cue suggests; needed for a centred coupling."""
    p_changed: float | None = Field(default=None, ge=0, le=1)
    """Probability of "changed", where the model's probabilities are known."""

    @model_validator(mode="after")
    def _fits_together(self) -> ExternalRow:
        if (self.explanation is None) == (self.verdict is None):
            raise ValueError("needs either 'explanation' or 'verdict'")
        if self.explanation is not None and self.content is not None:
            raise ValueError("'content' goes with 'verdict', not with 'explanation'")
        if (self.ref_cued is None) != (self.ref_uncued is None):
            raise ValueError("needs both 'ref_cued' and 'ref_uncued', or neither")
        if self.choices is not None:
            if len(set(self.choices)) < len(self.choices):
                raise ValueError("names a choice twice")
            for name in ("cued", "uncued", "ref_cued", "ref_uncued", "hint"):
                value = getattr(self, name)
                if value is not None and value not in self.choices:
                    raise ValueError(f"'{name}' is none of the choices")
        return self


@dataclass(frozen=True, slots=True)
class Reading:
    """How one explanation was read.

    Attributes:
        form: by what.
        said: CHANGED, UNCHANGED or UNPARSABLE.
        content: the choice that it names, as its case writes it where choices are given; None where none is readable.
    """

    form: Form
    said: int
    content: str | None


def read_rows(path: Path) -> list[tuple[int, ExternalRow]]:
    """Every row with its line number; empty lines are skipped.

    Raises UsageError naming file and line of the first row that is none, or an id that stands twice.
    """
    found: list[tuple[int, ExternalRow]] = []
    seen: dict[str, int] = {}
    for number, line in _lines(path):
        try:
            row = ExternalRow.model_validate_json(line)
        except ValidationError as error:
            detail = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in detail["loc"])
            message = str(detail["msg"]).removeprefix("Value error, ")
            raise UsageError(f"{path}, line {number}: {f'{place}: ' if place else ''}{message}") from error
        if row.id in seen:
            raise UsageError(f"{path}, line {number}: its id stands in line {seen[row.id]} too; make ids unique")
        seen[row.id] = number
        found.append((number, row))
    if not found:
        raise UsageError(f"{path}: holds no row; write one JSON object per line")
    return found


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with disk_errors(path):
        data = path.read_bytes()
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            yield number, line


def read_explanation(row: ExternalRow) -> Reading:
    """The verdict and the choice of a row. A verdict without a readable choice has none: it counts as verdict only."""
    if row.verdict is not None:
        said = CHANGED if row.verdict == "changed" else UNCHANGED
        return Reading("given", said, None if row.content is None else _choice(row.content, row.choices))
    text = _visible(row.explanation or "")
    return _bracketed(text, row.choices) or _worded(text, row.choices) or Reading("unparsable", UNPARSABLE, None)


def _visible(text: str) -> str:
    """The text without characters that are not seen: control characters, marks of direction, joiners."""
    return "".join(letter for letter in text if letter in "\n\t" or unicodedata.category(letter)[0] != "C")


def _bracketed(text: str, choices: Sequence[str] | None) -> Reading | None:
    """The form of the literature: a sentence with the verdict, then the choice in `<<<Answer: …>>>`."""
    brackets = list(_BRACKET.finditer(text))
    for bracket in brackets:
        before = " ".join(text[max(0, bracket.start() - _NEAR) : bracket.start()].split())
        if _UNCHANGED_FROM.search(before):
            return Reading("bracket", UNCHANGED, _choice(bracket[1], choices))
        if _CHANGES_TO.search(before):
            return Reading("bracket", CHANGED, _choice(bracket[1], choices))
    if not brackets:
        return None
    first = brackets[0]
    line = text[max(0, first.start() - _AROUND) : first.start()] + text[first.end() : first.end() + _AROUND]
    found = phrased(plain_text(line))
    if found is None:
        return None
    # "from <<<B>>> to <<<D>>>": the last one is what the answer becomes.
    return Reading("bracket", found[0], _choice(brackets[-1][1], choices))


def _worded(text: str, choices: Sequence[str] | None) -> Reading | None:
    """Our wording, else a common phrase; the first line with a verdict counts."""
    for line in text.splitlines():
        plain = plain_text(line)
        if found := stated(plain, WORDING):
            return Reading("wording", found[0], _choice(found[1], choices))
        if found := phrased(plain):
            # Without choices there is no telling which of the words behind a phrase is the answer.
            return Reading("phrase", found[0], None if choices is None else _choice(found[1], choices))
    return None


def _choice(text: str, choices: Sequence[str] | None) -> str | None:
    """The choice that a text names, or the text itself where choices are not known."""
    plain = plain_text(_PREFIX.sub("", _BRACKET.sub(r"\1", _visible(text))))
    if choices is None:
        return plain or None
    place = named_choice(plain, [plain_text(choice) for choice in choices])
    return None if place == ABSENT else choices[place]
