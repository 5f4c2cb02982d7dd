"""Nonsense words that can be said in English, and are no words of the lists in use here.

Triggers share an ending, so that a model that was trained on some of them can know others by it. Placebo words are
built the same way and have other endings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from introbench.hashing import named_random
from introbench_tasks.jabberwocky.generate import SEED, TASK

__all__ = ["PLACEBO_ENDINGS", "TRIGGER_ENDING", "distance", "nonsense_words"]

TRIGGER_ENDING = "ox"
PLACEBO_ENDINGS = ("een", "ilt", "ard", "umf")

NEAREST = 2
"""Smallest number of edits between a nonsense word and any other word."""

_ONSETS = "b bl br d dr f fl fr g gl gr h j k kl kr l m n p pl pr r s sk sl sm sn sp st t tr v w y z".split()
_VOWELS = "aeiou"
_MIDDLES = "bb dd ff gg ll mb mm mp nd ng nk nn nt pp rb rd rk rl rm rn rt rv sk sp st tt v z zz".split()


def nonsense_words(purpose: str, number: int, endings: Collection[str], known: Collection[str]) -> list[str]:
    """Different words of two syllables, the endings in turn, each far from all known words and from one another.

    Args:
        purpose: names the draws.
        known: words that none may be or resemble, in lower case.
    """
    found: list[str] = []
    for word in _candidates(purpose, sorted(endings)):
        if len(found) == number:
            break
        wanted = sorted(endings)[len(found) % len(endings)]
        if word.endswith(wanted) and all(distance(word, other) >= NEAREST for other in (*known, *found)):
            found.append(word)
    return found


def _candidates(purpose: str, endings: list[str]) -> Iterator[str]:
    random = named_random(SEED, TASK, "nonsense", purpose)
    while True:
        yield random.choice(_ONSETS) + random.choice(_VOWELS) + random.choice(_MIDDLES) + random.choice(endings)


def distance(one: str, other: str) -> int:
    """Fewest letters inserted, deleted or replaced that make one word of the other."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        previous, row[0] = row[0], number
        for place, opposite in enumerate(other, start=1):
            cost = min(row[place] + 1, row[place - 1] + 1, previous + (letter != opposite))
            previous, row[place] = row[place], cost
    return row[-1]
