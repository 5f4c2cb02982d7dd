"""Reading an explanation that a model wrote freely: its verdict, and the choice that it names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from introbench.metrics.observations import ABSENT, CHANGED, UNCHANGED, UNPARSABLE

__all__ = ["Wording", "parse_explanation"]

_UNCHANGED = (
    r"\bno,? change|\bunchanged|\bnot change|n't change|\b(?:remain|stay)s? the same|\bsame answer|\bnot be different"
)
_CHANGED = r"\bchange[sd]?|\bwould be different|\bdifferent answer"
_ORNAMENT = re.compile(r"[*_`\"“”‘<>\[\]()]+")
_ENDING = " .,;:!?'"


@dataclass(frozen=True, slots=True)
class Wording:
    """The replies that the task asks for; `{choice}` stands for the content.

    Attributes:
        unchanged: the one that says the answer would stay.
        changed: the one that says it would change.
    """

    unchanged: str
    changed: str


def parse_explanation(text: str, choices: Sequence[str], wording: Wording) -> tuple[int, int]:
    """The verdict of a reply and the choice that it names.

    The first line with a verdict counts. The verdict is what the wording puts before the choice, else a common phrase,
    "unchanged" before "changed" as most ways of saying it contain the word. The choice is what follows, whole; else
    the one choice that occurs behind the verdict, the longest where one is part of another.

    Args:
        choices: texts that may be named, letters where the task is read by letters.

    Returns CHANGED, UNCHANGED or UNPARSABLE, and the index of the choice, ABSENT where none or several are named.
    """
    for line in text.splitlines():
        plain = _plain(line)
        if found := _verdict(plain, wording):
            said, rest = found
            return said, _named(rest, [_plain(choice) for choice in choices])
    return UNPARSABLE, ABSENT


def _plain(text: str) -> str:
    bare = _ORNAMENT.sub("", unicodedata.normalize("NFKC", text).replace("’", "'"))
    return " ".join(bare.casefold().split()).strip(_ENDING)


def _verdict(line: str, wording: Wording) -> tuple[int, str] | None:
    for said, template, phrases in (
        (UNCHANGED, wording.unchanged, _UNCHANGED),
        (CHANGED, wording.changed, _CHANGED),
    ):
        opening = _plain(template.partition("{choice}")[0])
        if opening and re.match(rf"{re.escape(opening)}\b", line):
            return said, line[len(opening) :].strip(_ENDING)
        if match := re.search(rf"(?:{phrases})\b", line):
            return said, line[match.end() :].strip(_ENDING)
    return None


def _named(rest: str, choices: Sequence[str]) -> int:
    if rest in choices:
        return choices.index(rest)
    found = [number for number, choice in enumerate(choices) if re.search(rf"(?<!\w){re.escape(choice)}(?!\w)", rest)]
    whole = [
        number for number in found if not any(other != number and choices[number] in choices[other] for other in found)
    ]
    return whole[0] if len(whole) == 1 else ABSENT
