"""Why a submission is not taken: every reason at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from introbench.texts import inert, shortened

__all__ = ["MOST_OF_A_KIND", "Reason", "few_of", "reason", "shape_reasons"]

MOST_OF_A_KIND = 10
"""Reasons of one code in one place that are listed; the rest is counted."""

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason.

    Attributes:
        code: short and stable, for programs and for tests.
        where: file of the bundle, and the place in it; inert.
        text: what is wrong with it, in words; inert.
    """

    code: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text} [{self.code}]"


def reason(code: str, where: str, text: str) -> Reason:
    """A reason whose texts, which may come from the submission, are short and inert."""
    return Reason(code, inert(shortened(where, _LONGEST)), inert(shortened(text, _LONGEST)))


def few_of(found: Iterable[Reason]) -> Iterator[Reason]:
    """The first reasons of each kind and file, then how many more there are."""
    seen: dict[tuple[str, str], int] = {}
    for each in found:
        kind = each.code, each.where.partition(",")[0]
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= MOST_OF_A_KIND:
            yield each
    for (code, file), count in seen.items():
        if count > MOST_OF_A_KIND:
            yield Reason(code, file, f"and {count - MOST_OF_A_KIND} more like these")


def shape_reasons(file: str, error: ValidationError) -> Iterator[Reason]:
    """Everything that is wrong with the shape of a file."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    for problem in problems[: 2 * MOST_OF_A_KIND]:
        place = ".".join(map(str, problem["loc"]))
        yield reason("schema", f"{file}, {place}", problem["msg"])
