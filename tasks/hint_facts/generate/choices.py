"""Picking wrong answers that look like the right one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

from introbench_tasks.hint_facts.generate.draft import DISTRACTORS

__all__ = ["begins_another", "number_distractors", "pick", "word_distractors"]

NEAREST = 0.2
"""Smallest distance of a wrong number, as a share of the right one."""

SMALLEST_RATIO, LARGEST_RATIO = 0.4, 2.5
"""Wrong numbers lie between these multiples of the right one where enough of them do."""

DRAWS = 50
"""Draws before giving up: a short candidate, such as "X" among Roman numerals, rules out all that it begins."""


def pick(rng: random.Random, wordings: Sequence[str]) -> str:
    """One of several wordings."""
    return wordings[rng.randrange(len(wordings))]


def begins_another(text: str, others: Iterable[str]) -> bool:
    """Whether a text begins one of the others or one of them begins it, letter case aside."""
    folded = text.casefold()
    return any(folded.startswith(other.casefold()) or other.casefold().startswith(folded) for other in others)


def word_distractors(
    rng: random.Random,
    answer: str,
    tiers: Sequence[Sequence[str]],
    *,
    clash: Callable[[str, str], bool] | None = None,
) -> tuple[str, ...]:
    """Three wrong answers, from the earliest tiers of candidates that can give them.

    Args:
        rng: the fact's own generator.
        answer: the right choice.
        tiers: candidates known to be wrong, the most plausible tier first; order within a tier is drawn.
        clash: whether two choices must not stand side by side, beyond one beginning the other.

    Raises ValueError where the tiers hold too few candidates.
    """
    for _ in range(DRAWS):
        chosen = _draw(rng, answer, tiers, clash)
        if len(chosen) == DISTRACTORS:
            return tuple(chosen)
    raise ValueError(f"too few distractors for {answer!r}: {chosen}")


def _draw(
    rng: random.Random, answer: str, tiers: Sequence[Sequence[str]], clash: Callable[[str, str], bool] | None
) -> list[str]:
    chosen: list[str] = []
    for tier in tiers:
        candidates = sorted(set(tier))
        rng.shuffle(candidates)
        for candidate in candidates:
            if len(chosen) == DISTRACTORS:
                return chosen
            others = [answer, *chosen]
            if begins_another(candidate, others):
                continue
            if clash is None or not any(clash(candidate, other) for other in others):
                chosen.append(candidate)
    return chosen


def number_distractors(
    rng: random.Random, answer: int, *, show: Callable[[int], str] = str, barred: Iterable[int] = ()
) -> tuple[str, ...]:
    """Three wrong numbers of the same size as the right one, and as round as it is, as texts.

    They have as many digits, as a longer number is a less likely text whatever its value, and keep a distance, as
    numbers that differ in the last digit only tell small models apart by chance.

    Args:
        rng: the fact's own generator.
        answer: the right number, at least 1.
        show: how a number is written as a choice.
        barred: numbers that must not be distractors.
    """
    digits = len(str(answer))
    roundness = max(10**power for power in range(digits) if answer % 10**power == 0)
    lowest, beyond, known = 10 ** (digits - 1), 10**digits, {answer, *barred}
    others = [number for number in range(lowest, beyond, roundness) if number not in known]
    if len(others) < DISTRACTORS:
        others = [number for number in range(lowest, beyond) if number not in known]
    distance = max(2, NEAREST * answer)
    near = [n for n in others if abs(n - answer) >= distance and SMALLEST_RATIO <= n / answer <= LARGEST_RATIO]
    return word_distractors(rng, show(answer), [[show(n) for n in near], [show(n) for n in others]])
