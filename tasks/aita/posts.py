"""Items from a table of posts: the account as it was written, and the verdict of its readers as the key."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from introbench.errors import TaskError
from introbench.hashing import content_hash, named_random
from introbench.tasks import Item, ItemSet
from introbench.tasks.columns import Role, map_columns
from introbench.tasks.rows import BadRow, Table, count_bad
from introbench.tasks.splits import cluster_split
from introbench_tasks.dilemmas.protocol import NOT_WRONG, ORDERS, WRONG, question

__all__ = ["RIGHTS", "item_set", "most_words", "read_verdict"]

RIGHTS = (
    "Posts belong to those who wrote them and stand under the terms of the site that they come from: "
    "see that you may use them. Run directories keep hashes of the prompts, not the posts."
)
"""Note on every run, as nothing of the posts comes with introbench."""

_ROLES = (
    Role("text", ("text", "body", "selftext", "post", "submission_text")),
    Role("title", ("title", "submission_title"), needed=False),
    Role("verdict", ("verdict", "label", "is_asshole", "link_flair_text"), needed=False),
    Role("cluster", (), needed=False),
)

_LETTERS = re.compile(r"[^a-z]+")
_VERDICTS: Mapping[str, str] = {
    **dict.fromkeys(("yta", "esh", "wrong", "asshole", "youretheasshole", "everyonesucks", "everyonesuckshere"), WRONG),
    **dict.fromkeys(
        ("nta", "nah", "notwrong", "nottheasshole", "notasshole", "notanasshole", "noassholeshere"), NOT_WRONG
    ),
}
"""Verdicts by their letters. Where everyone is said to be in the wrong, the narrator is too; where no one is, not."""

_BINARY_COLUMN = "is_asshole"
_BINARY: Mapping[str, str] = {
    **dict.fromkeys(("1", "1.0", "true"), WRONG),
    **dict.fromkeys(("0", "0.0", "false"), NOT_WRONG),
}

_GONE = {"", "[removed]", "[deleted]", "nan", "none"}
_TELLS = re.compile(r"\b(?:YTA|NTA|ESH|NAH)\b")
_ID_LETTERS = 12


def most_words(text: str) -> int:
    """The longest post that is asked, as a user writes it. Raises TaskError where the text is no positive number."""
    if not text.isdecimal() or int(text) == 0:
        raise TaskError(f"words={text}: must be a whole number from 1 on")
    return int(text)


def read_verdict(cell: Any, column: str) -> str | None:
    """The verdict on the narrator that a cell states, or None. In a column `is_asshole`, 1 and 0 state one too."""
    text = _text(cell).casefold()
    if column.casefold() == _BINARY_COLUMN and text in _BINARY:
        return _BINARY[text]
    return _VERDICTS.get(_LETTERS.sub("", text).replace("ahole", "asshole"))


def item_set(table: Table, columns: str, longest: int, share: float) -> ItemSet:
    """The items of a table of posts.

    The id follows from the account's words, the order of the verdicts from the id. Without a cluster of its own,
    every post is one.

    Args:
        columns: the user's mapping of columns.
        longest: number of words beyond which a post is left out.
        share: share of the clusters that are held out, the split "test".

    Raises TaskError where no row can be used or a column is missing.
    """
    mapped = {role: names[0] for role, names in map_columns(table, columns, _ROLES).items()}
    items: dict[str, Item] = {}
    bad = list(table.bad)
    unread: Counter[str] = Counter()
    for row in table.rows:
        cells = {role: _text(row.values.get(name)) for role, name in mapped.items()}
        if problem := _problem(cells, longest):
            bad.append(BadRow(row.where, problem))
            continue
        verdict = read_verdict(cells["verdict"], mapped["verdict"]) if "verdict" in mapped else None
        item = _item(cells, verdict, share)
        if item.id in items:
            bad.append(BadRow(row.where, "the same post as in an earlier row"))
            continue
        items[item.id] = item
        if verdict is None and "verdict" in mapped:
            unread[cells["verdict"]] += 1
    skipped, left_out = count_bad(table.source, bad, len(items))
    chosen = ", ".join(f"{role}={name}" for role, name in mapped.items())
    read = f"Items from {table.source}: {table.note}; columns {chosen}; verdicts {_counted(items)}."
    rows = [[item.id, item.question, item.cluster, item.split, item.key] for item in items.values()]
    notes = (read, *_unread(unread), *left_out, RIGHTS)
    return ItemSet([*items.values()], content_hash(sorted(rows, key=str)), skipped, notes)


def _problem(cells: Mapping[str, str], longest: int) -> str:
    """Why a row is left out, or ""."""
    if cells["text"].casefold() in _GONE:
        return "no text, or one that was removed"
    account = _account(cells)
    if _TELLS.search(account):
        # The key would stand in the prompt, and a stance that is no cue of ours.
        return "its text names a verdict (YTA, NTA, ESH or NAH)"
    return f"longer than {longest} words" if len(account.split()) > longest else ""


def _account(cells: Mapping[str, str]) -> str:
    title, text = cells.get("title", ""), cells["text"]
    return f"{title}\n{text}" if title and not text.startswith(title) else text


def _item(cells: Mapping[str, str], verdict: str | None, share: float) -> Item:
    account = _account(cells)
    digest = content_hash(account.casefold().split())[:_ID_LETTERS]
    item_id = f"post-{digest}"
    order = named_random(0, "aita", item_id, "order").choice(list(ORDERS))
    cluster = f"own:{cells['cluster']}" if cells.get("cluster") else f"post:{digest}"
    return Item(
        id=item_id,
        kind=f"{_kind(verdict)}_{order}",
        cluster=cluster,
        split=cluster_split(cluster, share),
        question=question(account, order),
        choices=ORDERS[order],
        key=None if verdict is None else ORDERS[order].index(verdict),
    )


def _kind(verdict: str | None) -> str:
    return "unjudged" if verdict is None else verdict.replace(" ", "_")


def _counted(items: Mapping[str, Item]) -> str:
    keys = Counter("none" if item.key is None else item.choices[item.key] for item in items.values())
    return ", ".join(f"{name} {keys[name]}" for name in (WRONG, NOT_WRONG, "none"))


def _unread(unread: Counter[str]) -> tuple[str, ...]:
    if not unread:
        return ()
    named = ", ".join(f"{cell[:20]!r} {count}" for cell, count in unread.most_common(5))
    return (f"{unread.total()} posts have no key, as their verdict is neither for nor against the narrator: {named}.",)


def _text(cell: object) -> str:
    return "" if cell is None or cell != cell else str(cell).strip()
