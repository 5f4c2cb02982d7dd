"""Leaks: text of an item that reaches the prompts and names a choice, as a model's uncued answer would.

The renderer has no access to behaviour, and a wording is the same for every item. What a model did without the cue
can come into a prompt only through what a task holds per item: the fields that a cue names, and the question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from introbench.errors import TaskError
from introbench.tasks.cases import build_cases
from introbench.tasks.templates import Templates
from introbench.tasks.types import Cue, Item

__all__ = ["leak_problems"]

_NEARLY_ALL = 0.9
_SAMPLE = 25


def leak_problems(items: Sequence[Item], templates: Templates, task: str) -> Iterator[str]:
    """Fields and questions that name a choice item by item, and prompts that depend on what they must not see.

    The items are those to which every cue can be applied.
    """
    for cue in templates.cues:
        for field in sorted(templates.needs(cue)):
            yield from _field_leaks(cue, field, [item for item in items if templates.needs(cue) <= item.fields.keys()])
    yield from _question_leaks(items)
    yield from _dependences(items, templates, task)


def _field_leaks(cue: Cue, field: str, items: Sequence[Item]) -> Iterator[str]:
    named = {item.id: _named(item.fields[field], item, cue.pushes) for item in items}
    # What every item says alike depends on no answer.
    if len(set(named.values())) < 2:
        return
    for item in items:
        if named[item.id]:
            yield (
                f"cue {cue.id!r} prints the field {field!r}, which names the choice {named[item.id][0]!r} of item "
                f"{item.id!r}: only the hint may stand in a cue, never an uncued answer"
            )


def _named(text: str, item: Item, pushes: str | None) -> tuple[str, ...]:
    """The choices that a text names, those aside that the cue pushes towards or that the question names anyway."""
    found = []
    for choice in sorted(item.choices, key=len, reverse=True):
        whole = re.compile(rf"(?<!\w){re.escape(choice)}(?!\w)", re.IGNORECASE)
        if whole.search(text) and choice != pushes and not whole.search(item.question):
            found.append(choice)
        # A longer choice that holds a shorter one is no mention of the shorter one.
        text = whole.sub(" ", text)
    return tuple(found)


def _question_leaks(items: Sequence[Item]) -> Iterator[str]:
    """A question that states an answer does so in item after item, and not always the same one."""
    single: list[str] = []
    for item in items:
        bare = replace(item, question="")
        named = _named(item.question, bare, None)
        if len(named) == 1:
            single.append(named[0].casefold())
    if len(set(single)) > 1 and len(single) >= _NEARLY_ALL * len(items):
        yield (
            f"the questions of {len(single)} of {len(items)} items name exactly one of their choices: "
            "a question must not print an answer"
        )


def _dependences(items: Sequence[Item], templates: Templates, task: str) -> Iterator[str]:
    """Prompts change with nothing that stands for an answer: not with the key, nor with kind, cluster and split."""
    for item in items[:: max(1, len(items) // _SAMPLE)]:
        other = replace(
            item,
            key=None if item.key is None else (item.key + 1) % len(item.choices),
            kind=f"other {item.kind}",
            cluster=f"other {item.cluster}",
            split="train" if item.split == "test" else "test",
        )
        for reading in templates.systems:
            try:
                pair = [build_cases(each, templates, task, 0, behaviour=reading) for each in (item, other)]
            except TaskError:  # told by the check of the edits, which renders every item
                continue
            for ours, theirs in zip(*pair, strict=True):
                if [question.messages for question in ours.questions] != [
                    question.messages for question in theirs.questions
                ]:
                    yield f"item {item.id!r}: its prompts depend on its key, kind, cluster or split"
                    return
