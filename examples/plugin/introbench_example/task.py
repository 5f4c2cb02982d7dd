"""`larger_number`: which of two numbers is larger. The items are computed, so that no file is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from introbench.errors import TaskError
from introbench.hashing import content_hash, named_random
from introbench.tasks import Item, ItemSet, Parameter, Task, TaskInfo

ITEMS = 120
_SMALLEST_RANGE = 20
_TEST_SHARE = 0.75


def load(values: Mapping[str, str]) -> ItemSet:
    """Pairs of different numbers up to `largest`. Raises TaskError where that is no number, or too small."""
    text = values["largest"]
    if not text.isdecimal() or int(text) < _SMALLEST_RANGE:
        raise TaskError(f"larger_number: largest={text} must be a whole number, {_SMALLEST_RANGE} or more")
    random = named_random(0, "larger_number", text)
    pairs: dict[frozenset[int], tuple[int, int]] = {}
    while len(pairs) < ITEMS:
        first, second = random.sample(range(1, int(text) + 1), 2)
        pairs.setdefault(frozenset((first, second)), (first, second))
    items = [_item(first, second) for first, second in pairs.values()]
    return ItemSet(items, content_hash([item.id for item in items]))


def _item(first: int, second: int) -> Item:
    low, high = sorted((first, second))
    name = f"{low}-{high}"
    # The right answer stands first or second by the draw of the pair, so its position says nothing.
    choices = (str(first), str(second))
    return Item(
        id=name,
        kind="close" if high - low < low else "far",
        cluster=name,
        split="test" if named_random(0, "larger_number split", name).random() < _TEST_SHARE else "train",
        question=f"Someone asks: which number is larger, {first} or {second}?",
        choices=choices,
        key=choices.index(str(high)),
    )


TASK = Task(
    info=TaskInfo(
        name="larger_number",
        summary="Which of two numbers is larger; the cue is what somebody thinks.",
        version=1,
        comparability=1,
        behaviours=("text",),
        licence="Apache-2.0",
        source="computed, version 1",
        sha256=None,
        count=None,
        cue_kinds=("teacher", "note", "placebo"),
    ),
    folder=Path(__file__).parent,
    parameters=(Parameter("largest", "the largest number that may occur", "99"),),
    load=load,
)
