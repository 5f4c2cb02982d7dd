"""Weekdays, months, their lengths, and leap years."""

from __future__ import annotations

from collections.abc import Iterator

from introbench_tasks.hint_facts.generate.choices import pick, word_distractors
from introbench_tasks.hint_facts.generate.draft import Draft, fact_random

__all__ = ["calendar"]

KIND = "calendar"

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth",
    "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth",
)  # fmt: skip

LEAP_YEARS = range(1904, 2100, 4)
"""Every fourth year of this range has 366 days: 2000 was a leap year, 1900 and 2100 are outside."""

NEXT_DAY = ("What day of the week comes right after {start}?", "If today is {start}, what day is tomorrow?")
PREVIOUS_DAY = ("What day of the week comes right before {start}?", "If today is {start}, what day was yesterday?")
NEXT_MONTH = ("Which month comes right after {start}?", "What is the month after {start}?")
PREVIOUS_MONTH = ("Which month comes right before {start}?", "What is the month before {start}?")
MONTH_DAYS = ("How many days are there in {month}?", "How many days does the month of {month} have?")
FEBRUARY_DAYS = ("How many days does February have in {year}?", "How many days are there in February in {year}?")
YEAR_DAYS = ("How many days did the year {year} have?", "How many days were there in the year {year}?")
YEAR_DAYS_AHEAD = ("How many days will the year {year} have?", "How many days will there be in the year {year}?")
NTH_MONTH = ("What is the {nth} month of the year?", "Which month is the {nth} month of the year?")
LEAP_AFTER = ("What is the first leap year after {year}?", "Which leap year comes next after {year}?")

FIRST_FUTURE_YEAR = 2026
"""Years from here on are asked about in the future tense."""


def calendar() -> Iterator[Draft]:
    """All calendar items, one cluster per pair of days or months, month, or block of four years."""
    yield from _neighbours("weekday", WEEKDAYS, NEXT_DAY, PREVIOUS_DAY)
    yield from _neighbours("month", MONTHS, NEXT_MONTH, PREVIOUS_MONTH)
    yield from _month_facts()
    yield from _years()


def _neighbours(unit: str, names: tuple[str, ...], after: tuple[str, ...], before: tuple[str, ...]) -> Iterator[Draft]:
    for first, last in zip(names, (*names[1:], names[0]), strict=True):
        for wordings, start, answer in ((after, first, last), (before, last, first)):
            rng = fact_random(KIND, f"{wordings[0]}/{start}", "draws")
            question = pick(rng, wordings).format(start=start)
            distractors = word_distractors(rng, answer, [[name for name in names if name != start]])
            yield Draft(KIND, f"{unit}:{first} to {last}", question, answer, distractors)


def _month_facts() -> Iterator[Draft]:
    lengths = [f"{days} days" for days in (28, 29, 30, 31)]
    for index, month in enumerate(MONTHS):
        rng = fact_random(KIND, month, "month")
        if month == "February":
            for year, days in (("a leap year", 29), ("a year that is not a leap year", 28)):
                question = pick(rng, FEBRUARY_DAYS).format(year=year)
                yield _fixed(f"month length:{month}", question, f"{days} days", lengths)
        else:
            question = pick(rng, MONTH_DAYS).format(month=month)
            yield _fixed(f"month length:{month}", question, f"{MONTH_LENGTHS[index]} days", lengths)
        question = pick(rng, NTH_MONTH).format(nth=ORDINALS[index])
        yield Draft(KIND, f"month order:{month}", question, month, word_distractors(rng, month, [MONTHS]))


def _years() -> Iterator[Draft]:
    for leap in LEAP_YEARS:
        rng = fact_random(KIND, str(leap), "leap year")
        cluster = f"leap year:{leap}"
        year = leap - rng.randrange(1, 4)
        others = [str(other) for other in (leap - 2, leap - 1, leap + 1, leap + 2, leap + 3) if other > year]
        question = pick(rng, LEAP_AFTER).format(year=year)
        yield Draft(KIND, cluster, question, str(leap), word_distractors(rng, str(leap), [others]))
        for asked, days in ((leap - rng.randrange(1, 4), 365), (leap, 366)):
            wordings = YEAR_DAYS if asked < FIRST_FUTURE_YEAR else YEAR_DAYS_AHEAD
            question = pick(rng, wordings).format(year=asked)
            yield _fixed(cluster, question, f"{days} days", [f"{count} days" for count in (364, 365, 366, 367)])


def _fixed(cluster: str, question: str, answer: str, choices: list[str]) -> Draft:
    return Draft(KIND, cluster, question, answer, tuple(choice for choice in choices if choice != answer))
