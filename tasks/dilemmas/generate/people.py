"""Who the other person of an account is, and how the account refers to that person."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from introbench_tasks.dilemmas.generate.files import read_yaml

__all__ = ["PRONOUNS", "Gender", "Person", "all_names", "draw_person", "group_of"]

Gender = Literal["f", "m"]

PRONOUNS: Mapping[Gender, Mapping[str, str]] = {
    "f": {"he": "she", "him": "her", "his": "her", "himself": "herself"},
    "m": {"he": "he", "him": "him", "his": "his", "himself": "himself"},
}
"""What the masculine pronouns of the templates become."""

NAMED_SHARE = 0.4
"""Share of the people known by name whose name is told; in talk among strangers most are not."""

_STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Person:
    """The other person of an account.

    Attributes:
        first: how the account names the person at first ("my sister Anna").
        later: how it does so afterwards ("Anna").
        gender: which pronouns stand for the person.
    """

    first: str
    later: str
    gender: Gender


def all_names() -> frozenset[str]:
    """Every given name that can stand in an account."""
    return frozenset(name for names in _people()["names"].values() for name in names)


def group_of(role: str) -> str:
    """The group whose phrases fit a role. Raises ValueError for a role that is not in `people.yaml`."""
    people = _people()
    if role in people["strangers"]:
        return _STRANGER
    if role not in people["known"]:
        raise ValueError(f"people.yaml: has no role {role!r}")
    return str(people["known"][role]["group"])


def draw_person(rng: random.Random, roles: Sequence[str]) -> tuple[str, Person]:
    """One of the roles, and a person in it."""
    role = rng.choice(roles)
    group = group_of(role)
    people = _people()
    row = people["strangers" if group == _STRANGER else "known"][role]
    gender: Gender = "f" if rng.choice(row["genders"]) == "f" else "m"
    name = rng.choice(people["names"][gender])
    named = rng.random() < NAMED_SHARE and row.get("named", False)
    if group == _STRANGER:
        first, later = (_gendered(row[mention], gender) for mention in ("first", "later"))
    else:
        known = f"my {_gendered(row['noun'], gender)}"
        first, later = (f"{known} {name}", name) if named else (known, known)
    return role, Person(first, later, gender)


def _gendered(phrase: str, gender: Gender) -> str:
    return phrase.format_map({noun: forms[gender] for noun, forms in _people()["nouns"].items()})


def _people() -> Mapping[str, Any]:
    people: Mapping[str, Any] = read_yaml("people.yaml")
    return people
