"""A reply as units that can be judged one by one: clauses and list items, quotations blanked out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["BLANK", "Unit", "content_words", "is_about", "plain", "units"]

BLANK = "□"
"""Stands for a word that is quoted or part of a program: it counts as a word and says nothing about the speaker."""

_QUOTED_WORDS = 2
"""Fewer words between quotation marks are a term, not somebody's speech."""

_BEGINNING = 5
"""Letters that words of one family share: religion, religious."""

_STRAIGHT = str.maketrans("’‘ʼ´“”„«»", "'" * 4 + '"' * 5)
_INVISIBLE = re.compile("[\u200b\u200c\u200d\ufeff\u2060]")
_SPEAKER = re.compile(r"^(?:assistant|ai|bot|chatbot|answer|response|reply|a)\s*:\s*", re.IGNORECASE)
_SPECIAL = re.compile(r"<\|?/?[a-z_]+\|?>|\[/?inst\]", re.IGNORECASE)
_FENCE = re.compile(r"```[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
_INLINE_CODE = re.compile(r"`([^`\n]+)`")
_DOUBLE_QUOTED = re.compile(r'"([^"]{1,600})"')
_SINGLE_QUOTED = re.compile(r"(?<![\w'])'(?! )((?:[^'\n]|(?<=\w)'(?=\w)){1,300})'(?!\w)")
_MARKER = re.compile(r"^\s*(?:[-*•‣–+]|\(?\d{1,2}[.):]|[a-h][.)]|step \d+[.:]?)\s+", re.IGNORECASE)
_ORNAMENT = re.compile(r"[*_#~]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[^\s])|(?<=[.!?])(?=[A-Z][a-z']+ )")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|dr|mr|mrs|ms|st|vs|no|u\.s|approx)\.$", re.IGNORECASE)
_TURN = re.compile(
    r"(?:,|;|:|\s[-–—]|—)\s*"
    r"(?=(?:but|however|yet|although|though|instead|nevertheless|that said)\b)",
    re.IGNORECASE,
)
_CONCESSIVE = re.compile(r"^(?:while|although|though|even though|whilst|despite)\b", re.IGNORECASE)
_MAIN_CLAUSE = re.compile(r",\s+(?=(?:i|i'd|i'll|here|there|you|it|we|the|let)\b)", re.IGNORECASE)
_WORD = re.compile(rf"[\w']+|{BLANK}+")

_IDLE = frozenset(
    "a about all am an and any are as at be been being best but by can cannot could did do does doing don for from get "
    "give go good had has have having help her here him his how i if in information into is it its just know let like "
    "list make me more most my need new no not of off on one or other our out over people person please provide "
    "question reason reasons say she should so some someone step steps tell than that the their them then there these "
    "they thing things this those to too up us use using very want was way ways we were what when where which who whom "
    "whose why will with without would write you your".split()
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A clause, a sentence or a list item.

    Attributes:
        text: its words in small letters, without markup, quotations blanked out.
        shown: the same as it was written, for evidence.
        listed: whether it is (part of) a list item.
        code: whether it is a program.
    """

    text: str
    shown: str
    listed: bool = False
    code: bool = False

    @property
    def words(self) -> int:
        """Number of words."""
        return len(_WORD.findall(self.text))


def plain(text: str) -> str:
    """A text with straight quotation marks, one kind of space and no invisible letters."""
    straight = unicodedata.normalize("NFKC", text.translate(_STRAIGHT)).translate(_STRAIGHT)
    return _INVISIBLE.sub("", straight).replace("\r\n", "\n").replace("\r", "\n")


def units(reply: str) -> list[Unit]:
    """Cut a reply into units, in order."""
    text = _unwrapped(_SPECIAL.sub(" ", plain(reply)).strip())
    found: list[Unit] = []
    place = 0
    for fence in _FENCE.finditer(text):
        found += _prose(text[place : fence.start()])
        code = fence.group(1)
        blanked = re.sub(r"\S+", BLANK, code)
        found.append(Unit(" ".join(blanked.split()), code.strip(), code=True))
        place = fence.end()
    found += _prose(text[place:])
    return [unit for unit in found if unit.words]


def content_words(text: str) -> frozenset[str]:
    """Stems of the words that say what a text is about."""
    words = re.findall(r"[a-z][a-z'-]+", plain(text).lower())
    return frozenset(_stem(word) for word in words if word not in _IDLE and len(word) > 2)


def is_about(text: str, asked: frozenset[str]) -> bool:
    """Whether a text shares a word with what was asked, or the beginning of one; always where nothing was."""
    words = content_words(text)
    beginnings = {word[:_BEGINNING] for word in asked if len(word) >= _BEGINNING}
    return not asked or bool(asked & words) or any(word[:_BEGINNING] in beginnings for word in words)


def _stem(word: str) -> str:
    bare = word.removesuffix("'s")
    for ending in ("ations", "ation", "ings", "ing", "ies", "ers", "ed", "er", "es", "s", "ly", "y", "e"):
        if bare.endswith(ending) and len(bare) - len(ending) >= 3:
            bare = bare.removesuffix(ending)
            break
    # "stopping" and "stop" are one word.
    return bare[:-1] if len(bare) > 3 and bare[-1] == bare[-2] else bare


def _unwrapped(text: str) -> str:
    """A reply without what is put around the whole of it: a speaker's name, quotation marks, a fence, a quote bar."""
    text = _SPEAKER.sub("", text)
    if len(text) > 1 and text[0] == text[-1] == '"' and text.count('"') == 2:
        text = text[1:-1].strip()
    fence = _FENCE.fullmatch(text)
    if fence and not re.search(r"[{};=<>$]|\bdef |\bimport ", fence.group(1)):
        text = fence.group(1).strip()
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and all(line.lstrip().startswith(">") for line in lines):
        text = "\n".join(line.lstrip().removeprefix(">").strip() for line in lines)
    return text


def _prose(text: str) -> Iterator[Unit]:
    for line in _blanked(text).splitlines():
        bare = line.strip()
        if bare.startswith(">"):
            yield Unit(" ".join(re.sub(r"\S+", BLANK, bare).split()), bare)
            continue
        listed = bool(_MARKER.match(line))
        bare = " ".join(_ORNAMENT.sub("", _MARKER.sub("", line)).split())
        for clause in _clauses(bare):
            yield Unit(clause.lower(), clause, listed)


def _blanked(text: str) -> str:
    def blank(match: re.Match[str]) -> str:
        inner = match.group(1)
        spoken = len(inner.split()) >= _QUOTED_WORDS or match.re is _INLINE_CODE
        return re.sub(r"[^\s]+", BLANK, inner) if spoken else inner

    for pattern in (_INLINE_CODE, _DOUBLE_QUOTED, _SINGLE_QUOTED):
        text = pattern.sub(blank, text)
    return text


def _clauses(line: str) -> Iterator[str]:
    for sentence in _sentences(line):
        parts = [part.strip() for part in _TURN.split(sentence)]
        for part in parts:
            if _CONCESSIVE.match(part):
                yield from filter(None, _MAIN_CLAUSE.split(part, maxsplit=1))
            elif part:
                yield part


def _sentences(line: str) -> Iterator[str]:
    held = ""
    for part in _SENTENCE_END.split(line):
        held = f"{held} {part}".strip()
        if not _ABBREVIATION.search(held):
            yield held
            held = ""
    if held:
        yield held
