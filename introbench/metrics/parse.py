"""Reading an explanation that a model wrote freely: its verdict, and the choice that it names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from introbench.metrics.observations import ABSENT, CHANGED, UNCHANGED, UNPARSABLE

__all__ = [
    "Wording",
    "named_choice",
    "parse_choice",
    "parse_explanation",
    "phrased",
    "plain_text",
    "stated",
    "without_thought",
]

_UNCHANGED = (
    r"\bno,? changes?\b|\bunchanged\b|(?:\bnot|\bnever|n't)(?: have| has| be| been)* (?:change[sd]?|different)\b"
    r"|\b(?:remain|stay)s? the same\b|\bsame answer\b"
)
_CHANGED = r"\bchange[sd]?\b|\bwould be different\b|\bdifferent answer\b"
_THOUGHT = re.compile(r"\A.*?</think>|\A\s*<think>.*\Z", re.DOTALL)
"""What a model writes before its reply: up to the end of its thinking, or all where its tokens ended before it."""

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

    The first line with a verdict counts. The verdict is what the wording puts before the choice, where the line
    begins so; else a common phrase, "unchanged" before "changed" as most ways of saying it contain the word. The
    choice is what follows, whole; else the one choice that occurs behind the verdict, the longest where one is part
    of another. Choices of one letter are looked for as capitals, as small letters are words.

    Args:
        choices: texts that may be named, letters where the task is read by letters.

    Returns CHANGED, UNCHANGED or UNPARSABLE, and the index of the choice, ABSENT where none or several are named.
    """
    for line in without_thought(text).splitlines():
        plain = plain_text(line)
        if found := stated(plain, wording) or phrased(plain):
            said, rest = found
            return said, named_choice(rest, [plain_text(choice) for choice in choices])
    return UNPARSABLE, ABSENT


def parse_choice(text: str, choices: Sequence[str]) -> int:
    """Index of the choice that a reply is, or else of the one that it names; ABSENT where it names none or several."""
    return named_choice(plain_text(without_thought(text)), [plain_text(choice) for choice in choices])


def without_thought(text: str) -> str:
    """What a model replied, without what it thought before."""
    return _THOUGHT.sub("", text)


def plain_text(text: str) -> str:
    """A text on one line, without ornaments and final punctuation, in the compatibility form of Unicode."""
    bare = _ORNAMENT.sub("", unicodedata.normalize("NFKC", text).replace("’", "'"))
    return " ".join(bare.split()).strip(_ENDING)


def stated(line: str, wording: Wording) -> tuple[int, str] | None:
    """The verdict of a plain line that begins as the wording does, and what stands behind it."""
    for said, template in ((UNCHANGED, wording.unchanged), (CHANGED, wording.changed)):
        opening = plain_text(template.partition("{choice}")[0])
        if opening and re.match(rf"{re.escape(opening)}\b", line, re.IGNORECASE):
            return said, line[len(opening) :].strip(_ENDING)
    return None


def phrased(line: str) -> tuple[int, str] | None:
    """The verdict of a plain line that holds a common phrase, and what stands behind it."""
    for said, phrases in ((UNCHANGED, _UNCHANGED), (CHANGED, _CHANGED)):
        if match := re.search(phrases, line, re.IGNORECASE):
            return said, line[match.end() :].strip(_ENDING)
    return None


def named_choice(rest: str, choices: Sequence[str]) -> int:
    """The one plain choice that a plain text is, else the one that occurs in it; ABSENT where none or several do."""
    whole = [number for number, choice in enumerate(choices) if choice.casefold() == rest.casefold()]
    if len(whole) == 1:
        return whole[0]
    found = [number for number, choice in enumerate(choices) if _occurs(choice, rest)]
    longest = [
        number
        for number in found
        if not any(other != number and choices[number].casefold() in choices[other].casefold() for other in found)
    ]
    return longest[0] if len(longest) == 1 else ABSENT


def _occurs(choice: str, text: str) -> bool:
    """Whether a choice stands in a text as a word or number of its own."""
    letter = len(choice) == 1 and choice.isalpha()
    pattern = rf"(?<![\w-])(?<!\d[.,]){re.escape(choice)}(?!\w|[.,]\d)"
    return re.search(pattern, text, 0 if letter else re.IGNORECASE) is not None
