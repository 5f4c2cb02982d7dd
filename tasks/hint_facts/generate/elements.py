"""Chemical elements: symbols and atomic numbers, from periodictable."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import periodictable

from introbench_tasks.hint_facts.generate.choices import number_distractors, pick, word_distractors
from introbench_tasks.hint_facts.generate.draft import Draft, fact_random

__all__ = ["Element", "element_numbers", "element_symbols", "elements"]

LAST_NUMBER = 118
LAST_ASKED_NUMBER = 72
"""Atomic numbers are asked up to hafnium; small models know next to none of the later ones."""

LIKE_LENGTH = 1
"""Names that differ by so many letters are about as likely as texts, whatever they name."""

SYMBOL_OF = (
    "What is the chemical symbol for {name}?",
    "What is the symbol of the element {name}?",
    "Which chemical symbol stands for {name}?",
)
NAMED_BY_SYMBOL = (
    "Which chemical element has the symbol {symbol}?",
    "What element does the chemical symbol {symbol} stand for?",
    "Which element is written {symbol} in the periodic table?",
)
NUMBER_OF = (
    "What is the atomic number of {name}?",
    "Which atomic number does the element {name} have?",
    "How many protons are in an atom of {name}?",
)
NAMED_BY_NUMBER = (
    "Which chemical element has the atomic number {number}?",
    "What is the name of the element with atomic number {number}?",
    "Which element has {number} protons in each atom?",
)
HYDROGEN_PROTONS = "Which element has one proton in each atom?"


@dataclass(frozen=True, slots=True)
class Element:
    """A chemical element: its atomic number, its symbol and its name in small letters (American spelling)."""

    number: int
    symbol: str
    name: str

    @property
    def cluster(self) -> str:
        """The cluster of all facts about the element."""
        return f"element:{self.name}"


def elements() -> tuple[Element, ...]:
    """Every element by atomic number. Isotopes that periodictable names apart (the neutron) are left out."""
    table = periodictable.elements
    found = [Element(int(entry.number), str(entry.symbol), str(entry.name)) for entry in table]
    return tuple(element for element in found if 1 <= element.number <= LAST_NUMBER)


def element_symbols() -> Iterator[Draft]:
    """The symbol of an element and the element of a symbol."""
    kind = "element_symbols"
    table = elements()
    for element in table:
        rng = fact_random(kind, element.name, "symbol")
        question = pick(rng, SYMBOL_OF).format(name=element.name)
        alike = [e.symbol for e in table if e.name[0] == element.name[0] and e is not element]
        alike += [e.symbol for e in table if e.symbol[0] == element.symbol[0] and e is not element]
        others = [e.symbol for e in table if e is not element]
        distractors = word_distractors(rng, element.symbol, [alike, others])
        yield Draft(kind, element.cluster, question, element.symbol, distractors)

        rng = fact_random(kind, element.name, "name")
        question = pick(rng, NAMED_BY_SYMBOL).format(symbol=element.symbol)
        yield _named(kind, element, question, _other_names(rng, element, table))


def element_numbers() -> Iterator[Draft]:
    """The atomic number of an element and the element of an atomic number."""
    kind = "element_numbers"
    table = elements()
    for element in table[:LAST_ASKED_NUMBER]:
        rng = fact_random(kind, element.name, "number")
        question = pick(rng, NUMBER_OF).format(name=element.name)
        distractors = number_distractors(rng, element.number, barred=range(LAST_NUMBER + 1, 1000))
        yield Draft(kind, element.cluster, question, str(element.number), distractors)

        rng = fact_random(kind, element.name, "name")
        wording = pick(rng, NAMED_BY_NUMBER)
        if element.number == 1 and wording == NAMED_BY_NUMBER[-1]:
            wording = HYDROGEN_PROTONS  # "1 protons" is no English
        question = wording.format(number=element.number)
        yield _named(kind, element, question, _other_names(rng, element, table))


def _other_names(rng: random.Random, element: Element, table: Sequence[Element]) -> tuple[str, ...]:
    others = [other.name for other in table if other is not element]
    like = [name for name in others if abs(len(name) - len(element.name)) <= LIKE_LENGTH]
    return word_distractors(rng, element.name, [like, others])


def _named(kind: str, element: Element, question: str, wrong: tuple[str, ...]) -> Draft:
    """The name as a reply of one word starts with a capital letter, like a model's reply would."""
    answer, *distractors = (name.capitalize() for name in (element.name, *wrong))
    return Draft(kind, element.cluster, question, answer, tuple(distractors))
