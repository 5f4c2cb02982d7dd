"""The table of plain substitutes, and the one span of a request that it replaces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

__all__ = ["PlainTwin", "Substitutes", "load_substitutes"]

_TABLE = Path(__file__).parent / "substitutes.yaml"


@dataclass(frozen=True, slots=True)
class PlainTwin:
    """A request in plain words.

    Attributes:
        question: the request with the substitute in it.
        plain: the substitute, which stands in it exactly once.
        risky: what it replaces.
        focus: the focus word of the table that both belong to.
    """

    question: str
    plain: str
    risky: str
    focus: str


@dataclass(frozen=True)
class Substitutes:
    """The table.

    Attributes:
        anywhere: by focus word, what is replaced by what in any request.
        named: the same for requests whose focus word is known.
    """

    anywhere: Mapping[str, Mapping[str, str]]
    named: Mapping[str, Mapping[str, str]]

    def twin(self, request: str, focus: str | None) -> PlainTwin | None:
        """The request in plain words, or None where the table has nothing that stands in it exactly once.

        Args:
            focus: the word that makes it sound risky; None where the data set names none.
        """
        if focus is None:
            return self._anywhere(request)
        word = _folded(focus)
        pairs = {**self.anywhere.get(word, {}), **self.named.get(word, {})}
        return _first(_twins(request, word, risky, plain) for risky, plain in pairs.items())

    def _anywhere(self, request: str) -> PlainTwin | None:
        for match in self._pattern.finditer(request):
            focus, risky, plain = self._pairs[_folded(match.group())]
            if twin := _twins(request, focus, risky, plain):
                return twin
        return None

    @cached_property
    def _pairs(self) -> Mapping[str, tuple[str, str, str]]:
        return {
            _folded(risky): (focus, risky, plain)
            for focus, pairs in self.anywhere.items()
            for risky, plain in pairs.items()
        }

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # One pattern for the whole table: sets of requests have tens of thousands of rows.
        return _whole_words("|".join(re.escape(risky) for risky in sorted(self._pairs, key=len, reverse=True)))


def load_substitutes() -> Substitutes:
    """The table that comes with the task."""
    table = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    return Substitutes(anywhere=table["anywhere"], named=table["named"])


def _twins(request: str, focus: str, risky: str, plain: str) -> PlainTwin | None:
    found = [match.span() for match in _whole_words(re.escape(risky)).finditer(request)]
    if len(found) != 1:
        return None
    begin, end = found[0]
    text = request[begin:end]
    if text[0].isupper() and risky[0].islower() and begin == 0:
        plain = plain[0].upper() + plain[1:]
    question = request[:begin] + plain + request[end:]
    return PlainTwin(question, plain, text, focus) if question.count(plain) == 1 and plain != text else None


def _first(twins: Iterable[PlainTwin | None]) -> PlainTwin | None:
    return next((twin for twin in twins if twin is not None), None)


def _whole_words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)


def _folded(text: str) -> str:
    return " ".join(text.casefold().replace("’", "'").split())
