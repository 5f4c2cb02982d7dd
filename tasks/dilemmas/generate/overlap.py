"""How much two texts have in common: the share of word 5-grams, with names masked."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence, Set

from introbench_tasks.dilemmas.generate.people import all_names

__all__ = ["grams", "jaccard", "most_alike"]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_LENGTH = 5
_MASK = "name"


def grams(text: str, names: Set[str] | None = None) -> frozenset[tuple[str, ...]]:
    """All runs of five words of a text, letter case aside and names masked; a shorter text is one run."""
    masked = all_names() if names is None else names
    # "Anna's" is the masked name with its ending.
    words = [_masked(word, masked) for word in _WORD.findall(text)]
    return frozenset(tuple(words[start : start + _LENGTH]) for start in range(max(1, len(words) - _LENGTH + 1)))


def jaccard(one: Set[tuple[str, ...]], other: Set[tuple[str, ...]]) -> float:
    """Size of what two sets share, as a part of all that is in either; 0 to 1."""
    return len(one & other) / len(one | other)


def most_alike(texts: Sequence[str]) -> tuple[float, int, int]:
    """The largest Jaccard index of any two texts, exact, and their positions.

    Only pairs that share a run are looked at; all others have the index 0.
    """
    names = all_names()
    sets = [grams(text, names) for text in texts]
    holders: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    best = (0.0, 0, 0)
    for number, found in enumerate(sets):
        shared = Counter(other for gram in found for other in holders[gram])
        for other, common in shared.items():
            best = max(best, (common / (len(found) + len(sets[other]) - common), other, number))
        for gram in found:
            holders[gram].append(number)
    return best


def _masked(word: str, names: Set[str]) -> str:
    name, apostrophe, ending = word.partition("'")
    return (_MASK if name in names else name.lower()) + apostrophe + ending
