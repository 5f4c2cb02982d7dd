"""Sums, differences, products and divisions without remainder."""

from __future__ import annotations

from collections.abc import Iterator

from introbench_tasks.hint_facts.generate.choices import number_distractors, pick
from introbench_tasks.hint_facts.generate.draft import Draft, fact_random

__all__ = ["arithmetic"]

KIND = "arithmetic"

LARGEST_FACTOR = 12
"""Times tables as they are learnt at school."""

LARGEST_ADDEND = 30
SUM_PAIRS = 200
"""Pairs of addends beside those of the times tables."""

ADDED = ("What is {a} plus {b}?", "What is {a} + {b}?", "How much is {a} plus {b}?")
TAKEN = ("What is {a} minus {b}?", "What is {a} - {b}?", "How much is {a} minus {b}?")
MULTIPLIED = ("What is {a} times {b}?", "What is {a} multiplied by {b}?", "How much is {a} times {b}?")
DIVIDED = (
    "What is {a} divided by {b}?",
    "How much is {a} divided by {b}?",
    "What do you get if you divide {a} by {b}?",
)

Pair = tuple[int, int]


def arithmetic() -> Iterator[Draft]:
    """One cluster per pair of numbers: a + b, (a + b) - a, and for small pairs a × b and ab ÷ a.

    No pair of operands is asked about in two clusters: 12 - 3 and 12 ÷ 3 come from different base pairs, and only
    the first of them is kept.
    """
    tables = [(a, b) for a in range(2, LARGEST_FACTOR + 1) for b in range(a, LARGEST_FACTOR + 1)]
    sums = _sum_pairs(set(tables))
    owner = {pair: pair for pair in [*tables, *sums]}
    for base in tables:
        yield from _products(base, owner)
    for base in sums:
        yield from _sums(base, owner)


def _sum_pairs(tables: set[Pair]) -> list[Pair]:
    candidates = [(a, b) for a in range(2, LARGEST_ADDEND + 1) for b in range(a, LARGEST_ADDEND + 1)]
    candidates = [pair for pair in candidates if pair not in tables]
    return sorted(fact_random(KIND, "sums", "pairs").sample(candidates, SUM_PAIRS))


def _products(base: Pair, owner: dict[Pair, Pair]) -> Iterator[Draft]:
    a, b = _ordered(base)
    product = a * b
    yield _draft(base, MULTIPLIED, a, b, product)
    if owner.setdefault((min(a, product), product), base) == base:
        yield _draft(base, DIVIDED, product, a, b)
    yield from _sums(base, owner)


def _sums(base: Pair, owner: dict[Pair, Pair]) -> Iterator[Draft]:
    a, b = _ordered(base)
    total = a + b
    yield _draft(base, ADDED, a, b, total)
    if owner.setdefault((min(a, total), total), base) == base:
        yield _draft(base, TAKEN, total, a, b)


def _ordered(base: Pair) -> Pair:
    a, b = base
    return (a, b) if fact_random(KIND, f"{a},{b}", "order").random() < 0.5 else (b, a)


def _draft(base: Pair, wordings: tuple[str, ...], a: int, b: int, result: int) -> Draft:
    fact = f"{wordings[0].format(a=a, b=b)}"
    question = pick(fact_random(KIND, fact, "wording"), wordings).format(a=a, b=b)
    distractors = number_distractors(fact_random(KIND, fact, "distractors"), result)
    return Draft(KIND, f"numbers:{base[0]},{base[1]}", question, str(result), distractors)
