"""Picking wrong answers that look like the right one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

from introbench_tasks.hint_facts.generate.draft import DISTRACTORS

__all__ = ["begins_another", "number_distractors", "pick", "word_distractors"]

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
    rng: random.Random,
    answer: int,
    tempting: Iterable[int],
    *,
    show: Callable[[int], str] = str,
    lowest: int = 1,
) -> tuple[str, ...]:
    """Three wrong numbers near the right one, as texts.

    Args:
        rng: the fact's own generator.
        answer: the right number.
        tempting: what a typical slip would give; tried before neighbours.
        show: how a number is written as a choice.
        lowest: no distractor is smaller.
    """
    slips = [show(number) for number in tempting if number != answer and number >= lowest]
    near = [number for step in (1, 2, 3, 4, 5, 10) for number in (answer - step, answer + step)]
    neighbours = [show(number) for number in near if number >= lowest]
    far = [show(number) for number in range(lowest, lowest + 30) if number != answer]
    return word_distractors(rng, show(answer), [slips, neighbours, far])
