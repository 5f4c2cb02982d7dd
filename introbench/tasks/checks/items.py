"""Items by themselves and across the splits: clean choices, no item twice, nothing that training could give away."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from introbench.tasks.templates import Templates
from introbench.tasks.types import PLACEBO, Item

__all__ = ["NEAR", "item_problems", "split_problems"]

NEAR = 0.8
"""Questions that share at least this much of their runs of words (Jaccard) are near-identical."""

_RUN = 5
_LONG = 20
"""Words from which on a question is compared by its runs of five words; shorter ones differ by what they ask about."""


def item_problems(items: Sequence[Item]) -> Iterator[str]:
    """Choices that would be scored as something else than they look like."""
    for item in items:
        for choice in item.choices:
            if choice != choice.strip():
                yield f"item {item.id!r}: the choice {choice!r} begins or ends with a space"
            elif "\n" in choice:
                yield f"item {item.id!r}: the choice {choice!r} has more than one line"


def split_problems(items: Sequence[Item], templates: Templates) -> Iterator[str]:
    """What is not held out: clusters and questions in both splits, an empty split, no held-out kind of cue."""
    sizes = Counter(item.split for item in items)
    for split in ("train", "test"):
        if not sizes[split]:
            yield f"the split {split!r} has no items"
    yield from _shared_questions(items)
    yield from _near_questions([item for item in items if len(_words(item.question)) >= _LONG])
    kinds = {cue.kind: cue.split for cue in templates.cues if cue.kind != PLACEBO}
    if not kinds:
        yield "every cue is a placebo; there is nothing to explain"
    elif len(kinds) > 1 and len(set(kinds.values())) < 2:
        (split,) = set(kinds.values())
        yield f"every kind of cue but placebos is in the split {split!r}; hold one out with 'test', keep one in 'train'"
    texts: dict[str, str] = {}
    for cue in templates.cues:
        other = texts.setdefault(" ".join(_words(cue.text)), cue.id)
        if other != cue.id:
            yield f"cues {other!r} and {cue.id!r} have the same text"


def _shared_questions(items: Sequence[Item]) -> Iterator[str]:
    """Items of different splits that ask the same, whatever their clusters say."""
    seen: dict[tuple[str, ...], Item] = {}
    for item in items:
        # Some questions ask nothing by themselves ("Which of these is true?"): what is asked then is the right choice.
        answers = item.choices if item.key is None else (item.choices[item.key],)
        asked = (" ".join(_words(item.question)), *sorted(" ".join(_words(answer)) for answer in answers))
        other = seen.setdefault(asked, item)
        if other.split != item.split:
            yield f"items {other.id!r} ({other.split}) and {item.id!r} ({item.split}) ask the same question"


def _near_questions(items: Sequence[Item]) -> Iterator[str]:
    """Long questions of different splits that are near-identical."""
    runs = [_runs(_words(item.question)) for item in items]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, (item, own) in enumerate(zip(items, runs, strict=True)):
        shared = Counter(other for run in own for other in holders[run])
        for other, common in shared.items():
            likeness = common / (len(own) + len(runs[other]) - common)
            exact = _words(item.question) == _words(items[other].question)
            if items[other].split != item.split and likeness >= NEAR and not exact:
                yield (
                    f"items {items[other].id!r} ({items[other].split}) and {item.id!r} ({item.split}) are "
                    f"near-identical: they share {likeness:.0%} of their runs of {_RUN} words"
                )
        for run in own:
            holders[run].append(number)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _runs(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1)}
