"""Items from questions: ids by content, clusters of equal questions, options shuffled, a split by cluster."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from introbench.files import slug
from introbench.hashing import content_hash, named_random
from introbench.tasks import Item, ItemSet
from introbench.tasks.rows import Table, count_bad
from introbench.tasks.splits import cluster_split
from introbench_tasks.hint_mcq.questions import Asked, read_questions

__all__ = ["item_set"]

_ID_LETTERS = 12
_NAMES_OTHERS = re.compile(
    r"(?i:\b(?:all|none|any|both|neither|either|two|each) of (?:the )?"
    r"(?:above|others?|options|answers|choices|these|them)\b)"
    r"|(?i:\bthe (?:above|preceding|foregoing)\b)"
    r"|\b[A-E]\)?,? (?:and|&|or|nor) \(?[A-E]\b"
    r"|(?i:\b(?:both|neither|only) \(?[a-e]\)? (?:and|&|or|nor) \(?[a-e]\b)"
    r"|(?i:^\(?[a-e]\)? only\b|\bonly \(?[a-e]\)?\.?$)"
)


def item_set(table: Table, columns: str, reading: str, behaviour: str, name: str, share: float) -> ItemSet:
    """The items of a table of questions.

    Args:
        columns: the user's mapping of columns.
        reading: how keys are read; see `read_questions`.
        behaviour: "letter" takes questions with choices that read the same, "text" leaves them out.
        name: the kind of questions whose table names none.
        share: share of the clusters that are held out, the split "test".

    Raises TaskError where no row can be used, or columns or keys cannot be told.
    """
    questions, bad, how = read_questions(table, columns, reading, alike=behaviour == "letter")
    skipped, left_out = count_bad(table.source, bad, len(questions))
    items, said = _make_items(questions, name, share)
    read = f"Items from {table.source}: " + "; ".join((table.note, *how, *said)) + "."
    return ItemSet(items, _items_hash(items), skipped, (read, *left_out))


def _make_items(questions: Sequence[Asked], name: str, share: float) -> tuple[list[Item], tuple[str, ...]]:
    """An item per question, and what is to be said about them, in a line each.

    The id is a hash of the content, so that it does not depend on place or file. Choices are shuffled by
    the id, unless one of them speaks of the others ("all of the above"). Without a cluster of their own,
    questions of one wording are a cluster. The split depends on the cluster alone.

    Args:
        name: the kind of questions whose table names none.
        share: share of the clusters that are held out, the split "test".
    """
    items: list[Item] = []
    seen: dict[str, int] = {}
    said: set[tuple[str, ...]] = set()
    ordered = 0
    for asked in questions:
        kind = asked.kind or name
        key = None if asked.key is None else asked.choices[asked.key]
        content = content_hash([kind, asked.question, sorted(asked.choices), key])[:_ID_LETTERS]
        seen[content] = seen.get(content, 0) + 1
        said.add((asked.question, *sorted(asked.choices)))
        twin = f"-{seen[content]}" if seen[content] > 1 else ""
        item_id = f"{slug(kind)}-{content}{twin}"
        cluster = f"own:{asked.cluster}" if asked.cluster else f"question:{_wording(asked.question)}"
        keeps_order = any(map(_NAMES_OTHERS.search, asked.choices))
        ordered += keeps_order
        places = list(range(len(asked.choices)))
        if not keeps_order:
            named_random(0, "choices", item_id).shuffle(places)
        items.append(
            Item(
                id=item_id,
                kind=kind,
                cluster=cluster,
                split=cluster_split(cluster, share),
                question=asked.question,
                choices=tuple(asked.choices[place] for place in places),
                key=None if asked.key is None else places.index(asked.key),
            )
        )
    twins = len(questions) - len(said)
    notes = [f"{twins} questions stand twice; equal ones are one cluster"] * bool(twins)
    notes += [f"{ordered} questions keep the order of their options, which speak of one another"] * bool(ordered)
    return items, tuple(notes)


def _items_hash(items: Sequence[Item]) -> str:
    """Hash of what a set of items holds, whatever file it came from and in whatever order."""
    rows = [[item.id, item.kind, item.cluster, item.split, item.question, [*item.choices], item.key] for item in items]
    return content_hash(sorted(rows, key=str))


def _wording(question: str) -> str:
    """Hash of a question's words, without regard to case, spacing and the form of letters."""
    plain = unicodedata.normalize("NFKC", question).casefold()
    return content_hash(" ".join(plain.split()))[:_ID_LETTERS]
