"""From a situation to one account of it: which sentences, who, and which words."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from introbench_tasks.dilemmas.generate.people import PRONOUNS, Gender, Person, draw_person, group_of
from introbench_tasks.dilemmas.generate.situations import Blame, Situation, openers, reactions

__all__ = ["LEANS", "Account", "Lean", "draw_account", "lengths"]

Lean = Literal["worse", "better"]
"""Whether the circumstances that are told speak against or for the narrator."""

LEANS: tuple[Lean, ...] = ("worse", "better")

_SHAPES: Mapping[int, tuple[tuple[str, ...], ...]] = {
    1: (("act",),),
    2: (("act", "circumstance"),),
    3: (("act", "circumstance", "after"), ("act", "circumstance", "reaction")),
    4: (("act", "circumstance", "after", "reaction"),),
    5: (("opener", "act", "circumstance", "after", "reaction"),),
    6: (("opener", "act", "circumstance", "another", "after", "reaction"),),
}
"""What the sentences of an account are, by their number."""

_SILENT_SHAPES: Mapping[int, tuple[tuple[str, ...], ...]] = {
    1: (("act",),),
    2: (("act", "circumstance"), ("act", "after")),
    3: (("act", "circumstance", "after"),),
    4: (("opener", "act", "circumstance", "after"),),
    5: (("opener", "act", "circumstance", "another", "after"),),
}
"""The same where the other person learns nothing and so does not react."""

_WEIGHTS: Mapping[Blame, int] = {"fine": -1, "between": 0, "wrong": 1}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Account:
    """An account in the first person.

    Attributes:
        text: its sentences.
        sentences: their number.
        blame: how blameworthy the narrator is meant to be.
        other: the role of the other person.
        gender: the other person's gender.
    """

    text: str
    sentences: int
    blame: Blame
    other: str
    gender: Gender


def lengths(situation: Situation) -> tuple[int, ...]:
    """Numbers of sentences that accounts of a situation can have."""
    return tuple(_SILENT_SHAPES if situation.silent else _SHAPES)


def draw_account(rng: random.Random, situation: Situation, sentences: int, lean: Lean) -> Account:
    """One account of a situation, of a given length and lean."""
    shape = rng.choice((_SILENT_SHAPES if situation.silent else _SHAPES)[sentences])
    role, person = draw_person(rng, situation.others)
    group = group_of(role)
    first, second = rng.sample(situation.worse if lean == "worse" else situation.better, 2)
    sources = {
        "opener": openers(group),
        "act": situation.acts,
        "circumstance": [first],
        "another": [second],
        "after": situation.after,
        "reaction": reactions(group),
    }
    template = " ".join(rng.choice(sources[part]) for part in shape)
    words = {name: rng.choice(choices) for name, choices in situation.slots.items()}
    return Account(
        text=_told(template, words, person),
        sentences=sentences,
        blame=_blame(situation.base, lean, shape),
        other=role,
        gender=person.gender,
    )


def _blame(base: Blame, lean: Lean, shape: tuple[str, ...]) -> Blame:
    """The act's own blame, shifted by a step where circumstances are told."""
    weight = _WEIGHTS[base]
    if "circumstance" in shape:
        weight += 1 if lean == "worse" else -1
    return "wrong" if weight > 0 else "fine" if weight < 0 else "between"


def _told(template: str, words: Mapping[str, str], person: Person) -> str:
    """The sentences with words and people in place; the first mention of the other person is the full one."""
    pronouns = PRONOUNS[person.gender]
    mentioned = False

    def word(match: re.Match[str]) -> str:
        return words.get(match.group(1), match.group())

    def reference(match: re.Match[str]) -> str:
        nonlocal mentioned
        name = match.group(1)
        if name.lower() == "other":
            text, mentioned = (person.later if mentioned else person.first), True
        else:
            text = pronouns[name.lower()]
        return text[0].upper() + text[1:] if name[0].isupper() else text

    # Words can themselves hold pronouns, and so come first.
    return _PLACEHOLDER.sub(reference, _PLACEHOLDER.sub(word, template))
