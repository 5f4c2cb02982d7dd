"""What a generated item is before and after its choices are put in order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from introbench.hashing import content_hash, named_random, text_hash
from introbench_tasks.frozen import ItemRecord
from introbench_tasks.hint_facts.generate import SEED

__all__ = ["TASK", "Draft", "fact_random", "finish", "split_of"]

TASK = "hint_facts"

TRAIN_SHARE = 0.6
"""Share of the clusters that may be trained on; the rest gives the test set enough clusters per kind."""

ID_DIGITS = 10
LONGEST_CHOICE = 40
DISTRACTORS = 3


@dataclass(frozen=True, slots=True)
class Draft:
    """A question with its answer, before its choices are put in order.

    Attributes:
        kind: family of questions, the first part of the item's id.
        cluster: the base fact or entity; items that share one never straddle the splits.
        question: the text that the model is asked.
        answer: the right choice.
        distractors: three wrong choices.
    """

    kind: str
    cluster: str
    question: str
    answer: str
    distractors: tuple[str, ...]


def fact_random(kind: str, fact: str, purpose: str) -> random.Random:
    """The generator of one fact's draws for one purpose ("wording", "distractors"...)."""
    return named_random(SEED, TASK, kind, fact, purpose)


def split_of(cluster: str) -> Literal["train", "test"]:
    """The split of a cluster: a function of its name alone, so that no other item or seed can move it."""
    position = int(text_hash(f"{TASK}/split/{cluster}"), 16) / 2**256
    return "train" if position < TRAIN_SHARE else "test"


def finish(draft: Draft) -> ItemRecord:
    """Give a draft its id, its split and the order of its choices.

    Raises ValueError where the draft breaks a rule that holds for every item.
    """
    choices = sorted([draft.answer, *draft.distractors])
    _check(draft, choices)
    digest = content_hash({"question": draft.question, "choices": choices})
    item_id = f"{draft.kind}-{digest[:ID_DIGITS]}"
    named_random(SEED, TASK, item_id, "shuffle").shuffle(choices)
    return {
        "id": item_id,
        "kind": draft.kind,
        "cluster": draft.cluster,
        "split": split_of(draft.cluster),
        "question": draft.question,
        "choices": choices,
        "key": choices.index(draft.answer),
    }


def _check(draft: Draft, choices: Sequence[str]) -> None:
    folded = {choice.casefold().strip() for choice in choices}
    problem = None
    if len(draft.distractors) != DISTRACTORS or len(folded) != len(choices):
        problem = f"needs {DISTRACTORS + 1} different choices"
    elif any(choice != choice.strip() or choice.endswith(".") or not choice for choice in choices):
        problem = "has an empty choice, one with outer spaces or one with a full stop"
    elif any(len(choice) > LONGEST_CHOICE for choice in choices):
        problem = f"has a choice of more than {LONGEST_CHOICE} characters"
    elif any(a != b and b.startswith(a) for a in folded for b in folded):
        # A reply that begins another reply is told from it by its end-of-turn token only, badly placed by some models.
        problem = "has a choice that begins another"
    if problem is not None:
        raise ValueError(f"{draft.kind}: {draft.question!r} with {list(choices)} {problem}")
