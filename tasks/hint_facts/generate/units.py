"""Unit conversion. No relation between units follows from two others of the list, so that none can be worked out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from introbench_tasks.hint_facts.generate.choices import number_distractors, pick
from introbench_tasks.hint_facts.generate.draft import Draft, fact_random

__all__ = ["unit_conversion"]

KIND = "units"


@dataclass(frozen=True, slots=True)
class Relation:
    """So many of a small unit make one large unit.

    Attributes:
        large: the larger unit, in the singular.
        larges: its plural.
        small: the smaller unit, in the singular.
        smalls: its plural.
        factor: number of small units in one large one.
        counts: numbers of large units that are asked about.
        article: the article before the singular of the larger unit.
    """

    large: str
    larges: str
    small: str
    smalls: str
    factor: int
    counts: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 8, 10)
    article: str = "a"

    @property
    def cluster(self) -> str:
        """The cluster of all conversions between the two units."""
        return f"units:{self.large} and {self.small}"


FEW = (1, 2, 3, 4, 5, 10)
"""For large factors: their multiples stay easy to write."""

RELATIONS = (
    Relation("minute", "minutes", "second", "seconds", 60, FEW),
    Relation("hour", "hours", "minute", "minutes", 60, FEW, "an"),
    Relation("day", "days", "hour", "hours", 24, FEW),
    Relation("week", "weeks", "day", "days", 7),
    Relation("year", "years", "month", "months", 12),
    Relation("decade", "decades", "year", "years", 10),
    Relation("century", "centuries", "decade", "decades", 10, FEW),
    Relation("millennium", "millennia", "century", "centuries", 10, FEW),
    Relation("foot", "feet", "inch", "inches", 12),
    Relation("yard", "yards", "foot", "feet", 3),
    Relation("fathom", "fathoms", "foot", "feet", 6, FEW),
    Relation("mile", "miles", "yard", "yards", 1760, (1, 2)),
    Relation("pound", "pounds", "ounce", "ounces", 16, FEW),
    Relation("stone", "stone", "pound", "pounds", 14, FEW),
    Relation("US ton", "US tons", "pound", "pounds", 2000, FEW),
    Relation("gallon", "gallons", "quart", "quarts", 4),
    Relation("quart", "quarts", "pint", "pints", 2),
    Relation("pint", "pints", "cup", "cups", 2, FEW),
    Relation("US tablespoon", "US tablespoons", "teaspoon", "teaspoons", 3, FEW),
    Relation("centimeter", "centimeters", "millimeter", "millimeters", 10),
    Relation("meter", "meters", "centimeter", "centimeters", 100),
    Relation("kilometer", "kilometers", "meter", "meters", 1000),
    Relation("kilogram", "kilograms", "gram", "grams", 1000),
    Relation("gram", "grams", "milligram", "milligrams", 1000, FEW),
    Relation("metric ton", "metric tons", "kilogram", "kilograms", 1000, FEW),
    Relation("liter", "liters", "milliliter", "milliliters", 1000),
    Relation("hectare", "hectares", "square meter", "square meters", 10_000, (1, 2, 3)),
    Relation("kilowatt", "kilowatts", "watt", "watts", 1000, FEW),
    Relation("dollar", "dollars", "cent", "cents", 100, FEW),
    Relation("nickel", "nickels", "cent", "cents", 5),
    Relation("dime", "dimes", "cent", "cents", 10),
    Relation("quarter", "quarters", "cent", "cents", 25, FEW),
    Relation("byte", "bytes", "bit", "bits", 8),
    Relation("full circle", "full circles", "degree", "degrees", 360, (1, 2)),
    Relation("gross", "gross", "dozen", "dozen", 12, (1, 2)),
)

WORDINGS = (
    "How many {smalls} are in {amount}?",
    "How many {smalls} are there in {amount}?",
    "How many {smalls} make {amount}?",
)

GROUPED_FROM = 10_000
"""Numbers from here on are written with a comma, as is usual in English."""


def unit_conversion() -> Iterator[Draft]:
    """Small units in some large ones. All conversions between two units follow from one fact, hence one cluster."""
    for relation in RELATIONS:
        for count in relation.counts:
            yield _conversion(relation, count)


def _conversion(relation: Relation, count: int) -> Draft:
    def show(number: int) -> str:
        return _amount(number, relation.small, relation.smalls)

    one = f"{relation.article} {relation.large}"
    amount = one if count == 1 else _amount(count, relation.large, relation.larges)
    rng = fact_random(KIND, f"{amount} in {relation.smalls}", "draws")
    question = pick(rng, WORDINGS).format(smalls=relation.smalls, amount=amount)
    total = count * relation.factor
    distractors = number_distractors(rng, total, show=show)
    return Draft(KIND, relation.cluster, question, show(total), distractors)


def _amount(number: int, singular: str, plural: str) -> str:
    digits = f"{number:,}" if number >= GROUPED_FROM else str(number)
    return f"{digits} {singular if number == 1 else plural}"
