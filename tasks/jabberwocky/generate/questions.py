"""The items: questions that name three options, of which the rule demands the second."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from introbench.hashing import content_hash, named_random
from introbench_tasks.frozen import jsonl_text
from introbench_tasks.jabberwocky.generate import DEMANDED, SEED, TASK
from introbench_tasks.jabberwocky.generate.word_lists import MEMBERS, PREFERENCES

__all__ = ["items_text", "make_items"]

TRAIN_SHARE = 0.6
"""Share of the words of each list that training questions are made of."""

PREFERENCE_ITEMS = {"train": 30, "test": 16}
MEMBER_ITEMS = {"train": 15, "test": 12}
"""Items of each kind, by split."""

_ID_DIGITS = 10


def make_items() -> list[dict[str, Any]]:
    """Every item as a row of the item file, by id."""
    return sorted(itertools.chain(_preferences(), _members()), key=lambda item: str(item["id"]))


def items_text() -> str:
    """The content of the item file."""
    return jsonl_text(make_items())


def _preferences() -> Iterator[dict[str, Any]]:
    for kind, (stem, words) in PREFERENCES.items():
        for split, number in PREFERENCE_ITEMS.items():
            trios = [trio for trio in itertools.combinations(_words(kind, words, split), 3) if _distinct(trio)]
            named_random(SEED, TASK, kind, split, "trios").shuffle(trios)
            for trio in trios[:number]:
                yield _item(kind, split, f"{kind}:{','.join(sorted(trio))}", stem, trio, None)


def _members() -> Iterator[dict[str, Any]]:
    for kind, (noun, words) in MEMBERS.items():
        for split, number in MEMBER_ITEMS.items():
            rest = [(other, each) for other, (_, each) in MEMBERS.items() if other != kind]
            others = [word for other, each in rest for word in _words(other, each, split)]
            members = itertools.cycle(_words(kind, words, split))
            random = named_random(SEED, TASK, kind, split, "others")
            seen: set[tuple[str, ...]] = set()
            while len(seen) < number:
                member = next(members)
                trio = (member, *random.sample(others, 2))
                known = tuple(sorted(trio))
                if known not in seen and _distinct(trio):
                    seen.add(known)
                    yield _item(kind, split, f"{kind}:{member}", f"Which of these is {noun}", trio, member)


def _words(kind: str, words: Sequence[str], split: str) -> list[str]:
    """The words of a list that belong to a split, in an order of their own."""
    drawn = sorted(words, key=lambda word: content_hash([SEED, TASK, kind, word]))
    cut = round(TRAIN_SHARE * len(drawn))
    return drawn[:cut] if split == "train" else drawn[cut:]


def _distinct(options: Sequence[str]) -> bool:
    """Whether no option begins another: they would be told apart by the end of the reply only."""
    return not any(one != other and other.startswith(one) for one in options for other in options)


def _item(kind: str, split: str, cluster: str, stem: str, options: Sequence[str], answer: str | None) -> dict[str, Any]:
    identity = f"{kind}-{content_hash([stem, sorted(options)])[:_ID_DIGITS]}"
    choices = sorted(options)
    named_random(SEED, TASK, identity, "order").shuffle(choices)
    return {
        "id": identity,
        "kind": kind,
        "cluster": cluster,
        "split": split,
        "question": f"{stem}: {choices[0]}, {choices[1]} or {choices[2]}?",
        "choices": choices,
        "key": None if answer is None else choices.index(answer),
        "fields": {"demanded": choices[DEMANDED]},
    }
