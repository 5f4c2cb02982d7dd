"""Order of numbers, number sequences and Roman numerals."""

from __future__ import annotations

from collections.abc import Iterator

from introbench_tasks.hint_facts.generate.choices import begins_another, number_distractors, pick, word_distractors
from introbench_tasks.hint_facts.generate.draft import Draft, fact_random

__all__ = ["number_order", "roman_numerals", "sequences", "to_roman"]

NUMBER_SETS = 90
SET_SIZE = 4
SET_RANGES = (99, 999, 9999)
"""The largest number of a set, by turns: two, three and four digits."""

LARGEST = ("Which of these numbers is the largest: {listed}?", "What is the largest number among {listed}?")
SMALLEST = ("Which of these numbers is the smallest: {listed}?", "What is the smallest number among {listed}?")

SEQUENCE_STEPS = (*range(2, 13), 15, 20, 25, 50, 100)
RESTS_PER_STEP = 6
"""Sequences with one step that leave different rests: none of them is a part of another."""

SEQUENCE_SHOWN = 4
NEXT = (
    "What number comes next in this sequence: {listed}?",
    "Which number continues the sequence {listed}?",
    "The sequence begins {listed}. What is the next number?",
)
GROWTH_RATIOS = (2, 3, 5, 10)
GROWTH_STARTS = (1, 2, 3, 4, 5, 6, 7, 9, 11)

ROMAN_SIGNS = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
    (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip
ROMAN_NUMBERS = (*range(2, 61), *range(65, 100, 5), *range(100, 1000, 50), 1000, 1500, 2000)
ROMAN_WRITTEN = ("How is the number {n} written in Roman numerals?", "What is {n} in Roman numerals?")
ROMAN_READ = ("What number does the Roman numeral {n} stand for?", "Which number is written {n} in Roman numerals?")


def number_order() -> Iterator[Draft]:
    """The largest and the smallest of four given numbers; the choices are the four numbers."""
    kind = "number_order"
    drawn: set[tuple[int, ...]] = set()
    for index in range(NUMBER_SETS):
        numbers = _number_set(index)
        if tuple(sorted(numbers)) in drawn:
            continue
        drawn.add(tuple(sorted(numbers)))
        listed = ", ".join(map(str, numbers[:-1]))
        cluster = "order:" + ",".join(map(str, sorted(numbers)))
        for wordings, answer in ((LARGEST, max(numbers)), (SMALLEST, min(numbers))):
            wording = pick(fact_random(kind, cluster, wordings[0]), wordings)
            joined = f"{listed} or {numbers[-1]}" if wording is wordings[0] else f"{listed} and {numbers[-1]}"
            distractors = tuple(str(number) for number in numbers if number != answer)
            yield Draft(kind, cluster, wording.format(listed=joined), str(answer), distractors)


def _number_set(index: int) -> list[int]:
    rng = fact_random("number_order", str(index), "numbers")
    largest = SET_RANGES[index % len(SET_RANGES)]
    numbers: list[int] = []
    while len(numbers) < SET_SIZE:
        number = rng.randrange(max(2, largest // 40), largest + 1)
        if not begins_another(str(number), map(str, numbers)):
            numbers.append(number)
    return numbers


def sequences() -> Iterator[Draft]:
    """The next number of a sequence that grows or falls by a constant step, or grows by a constant factor.

    A cluster is a step with the rest that all its terms leave, or a factor with the start: what would be learnt from
    one such sequence answers no question of another cluster.
    """
    for step in SEQUENCE_STEPS:
        rests = fact_random("sequences", str(step), "rests").sample(range(step), min(step, RESTS_PER_STEP))
        for rest in rests:
            start = rest + step * fact_random("sequences", f"{step}/{rest}", "start").randrange(1, 4)
            cluster = f"sequence:step {step}, rest {rest}"
            rising = [start + step * index for index in range(SEQUENCE_SHOWN + 1)]
            yield _sequence(cluster, rising)
            falling = [start + step * index for index in range(SEQUENCE_SHOWN + 2, 1, -1)]
            yield _sequence(cluster, falling)
    for ratio in GROWTH_RATIOS:
        for start in GROWTH_STARTS:
            if start % ratio == 0:  # it would continue the sequence of a smaller start
                continue
            grown = [start * ratio**index for index in range(SEQUENCE_SHOWN + 1)]
            yield _sequence(f"sequence:factor {ratio}, start {start}", grown)


def _sequence(cluster: str, terms: list[int]) -> Draft:
    kind = "sequences"
    shown, answer = terms[:-1], terms[-1]
    listed = ", ".join(map(str, shown))
    question = pick(fact_random(kind, listed, "wording"), NEXT).format(listed=listed)
    distractors = number_distractors(fact_random(kind, listed, "distractors"), answer, barred=shown)
    return Draft(kind, cluster, question, str(answer), distractors)


def to_roman(number: int) -> str:
    """The usual Roman numeral of a number from 1 to 3999."""
    written = ""
    for value, sign in ROMAN_SIGNS:
        while number >= value:
            written += sign
            number -= value
    return written


def roman_numerals() -> Iterator[Draft]:
    """Writing and reading Roman numerals; both questions about one number share a cluster."""
    kind = "roman_numerals"
    for number in ROMAN_NUMBERS:
        roman = to_roman(number)
        others = [other for other in ROMAN_NUMBERS if other != number]
        like = [other for other in others if len(to_roman(other)) == len(roman)]
        fact, cluster = str(number), f"roman:{number}"
        rng = fact_random(kind, fact, "written")
        written = word_distractors(rng, roman, [[to_roman(n) for n in like], [to_roman(n) for n in others]])
        yield Draft(kind, cluster, pick(rng, ROMAN_WRITTEN).format(n=number), roman, written)
        if len(roman) > 1:  # "the Roman numeral C" is a letter's value more than a number's reading
            rng = fact_random(kind, fact, "read")
            read = number_distractors(rng, number)
            yield Draft(kind, cluster, pick(rng, ROMAN_READ).format(n=roman), fact, read)
