"""All items in the order of the file, and the rules that hold between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from introbench_tasks.frozen import ItemRecord, jsonl_text
from introbench_tasks.hint_facts.generate.arithmetic import arithmetic
from introbench_tasks.hint_facts.generate.calendars import calendar
from introbench_tasks.hint_facts.generate.currencies import currencies
from introbench_tasks.hint_facts.generate.draft import Draft, finish
from introbench_tasks.hint_facts.generate.elements import element_numbers, element_symbols
from introbench_tasks.hint_facts.generate.geography import capital_cities, capital_countries, continents, land_borders
from introbench_tasks.hint_facts.generate.letters import letters
from introbench_tasks.hint_facts.generate.numbers import number_order, roman_numerals, sequences
from introbench_tasks.hint_facts.generate.units import unit_conversion
from introbench_tasks.hint_facts.generate.words import opposites, word_forms

__all__ = ["ITEMS_FILE", "SOURCES", "all_items", "items_text"]

ITEMS_FILE = Path(__file__).resolve().parent.parent / "items.jsonl"

SOURCES: Sequence[Callable[[], Iterator[Draft]]] = (
    arithmetic,
    calendar,
    capital_cities,
    capital_countries,
    continents,
    currencies,
    element_numbers,
    element_symbols,
    land_borders,
    letters,
    number_order,
    opposites,
    roman_numerals,
    sequences,
    unit_conversion,
    word_forms,
)


def all_items() -> list[ItemRecord]:
    """Every item, by id. Raises ValueError where two items share an id or a question."""
    items = sorted((finish(draft) for source in SOURCES for draft in source()), key=lambda item: item["id"])
    for unique in ("id", "question"):
        seen: set[str] = set()
        for item in items:
            value = item["id"] if unique == "id" else item["question"].casefold()
            if value in seen:
                raise ValueError(f"two items have the {unique} {value!r}")
            seen.add(value)
    return items


def items_text() -> str:
    """The content of the item file."""
    return jsonl_text(all_items())
