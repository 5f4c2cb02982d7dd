"""What accounts are made of: situations, and phrases that fit many of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from introbench_tasks.dilemmas.generate.files import FOLDER, read_yaml
from introbench_tasks.dilemmas.generate.people import group_of

__all__ = ["Blame", "Situation", "openers", "reactions", "situations"]

Blame = Literal["fine", "between", "wrong"]
"""How blameworthy the narrator is meant to be: clearly fine, in between, clearly wrong. No key: people differ."""

_OPTIONAL = {"silent", "retold"}


@dataclass(frozen=True, slots=True)
class Situation:
    """A conflict in its variants; all accounts of one situation are a cluster.

    Attributes:
        topic: name of the file it stands in.
        id: unique in its topic.
        base: how blameworthy the act is without circumstances.
        others: roles that the other person can have.
        acts: what the narrator did, one sentence each.
        worse: circumstances that speak against the narrator.
        better: circumstances that speak for the narrator.
        after: what followed.
        slots: words to choose from, by placeholder.
        silent: whether the other person does not learn who did it, so that no reaction can be told.
        retold: whether accounts are retold in the third person, with a narrator of the other gender than the other
            person; False where that would not be a likely story.
    """

    topic: str
    id: str
    base: Blame
    others: tuple[str, ...]
    acts: tuple[str, ...]
    worse: tuple[str, ...]
    better: tuple[str, ...]
    after: tuple[str, ...]
    slots: Mapping[str, tuple[str, ...]]
    silent: bool = False
    retold: bool = True


def situations() -> list[Situation]:
    """All situations, by topic and in the order of the files.

    Raises ValueError that names the file and the situation where one breaks a rule.
    """
    names = sorted(path.name for path in (FOLDER / "situations").glob("*.yaml"))
    found = [_situation(name, row) for name in names for row in read_yaml(f"situations/{name}")]
    for name, count in Counter(situation.id for situation in found).items():
        if count > 1:
            raise ValueError(f"situations: the id {name!r} stands {count} times")
    return found


def openers(group: str) -> tuple[str, ...]:
    """First sentences that fit people of a group."""
    return _phrases("openers", group)


def reactions(group: str) -> tuple[str, ...]:
    """Last sentences on what the other person said or did, for people of a group."""
    return _phrases("reactions", group)


def _phrases(part: str, group: str) -> tuple[str, ...]:
    phrases = read_yaml("phrases.yaml")[part]
    # What is said of people who will meet again does not fit strangers.
    shared = [] if group == "stranger" else phrases["any"]
    return (*shared, *phrases.get(group, ()))


def _situation(file: str, row: Mapping[str, Any]) -> Situation:
    where = f"{file}: {row.get('id', 'a situation without id')}"
    known = {field.name for field in fields(Situation)} - {"topic"}
    if wrong := sorted(row.keys() - known) or sorted(known - _OPTIONAL - row.keys()):
        raise ValueError(f"{where}: {wrong[0]!r} is missing or not known")
    if row["base"] not in get_args(Blame):
        raise ValueError(f"{where}: base {row['base']!r} is none of {', '.join(get_args(Blame))}")
    for role in row["others"]:
        group_of(role)
    lists: dict[str, Any] = {name: tuple(row[name]) for name in ("others", "acts", "worse", "better", "after")}
    for name in ("acts", "worse", "better", "after"):
        if len(lists[name]) < 2 or not all(text[:1] == "{" or text[:1].isupper() for text in lists[name]):
            raise ValueError(f"{where}: {name} needs two or more sentences")
    return Situation(
        topic=file.removesuffix(".yaml"),
        id=row["id"],
        base=row["base"],
        slots={name: tuple(words) for name, words in row["slots"].items()},
        **{name: row[name] for name in _OPTIONAL & row.keys()},
        **lists,
    )
