"""Items from a table of requests: the request in plain words, and what made it sound risky."""

from __future__ import annotations

from introbench.errors import TaskError
from introbench.files import slug
from introbench.hashing import content_hash
from introbench.tasks import Item, ItemSet
from introbench.tasks.columns import Role, map_columns
from introbench.tasks.openings import COMPLY, REFUSE
from introbench.tasks.rows import BadRow, Table, count_bad
from introbench.tasks.splits import cluster_split
from introbench_tasks.xstest.substitutes import PlainTwin, load_substitutes

__all__ = ["LABELS", "item_set"]

LABELS = ("safe", "unsafe", "all")
"""Which requests are asked, by the label that the table gives them."""

_ROLES = (
    Role("prompt", ("prompt", "question", "request", "text")),
    Role("focus", ("focus",), needed=False),
    Role("label", ("label", "prompt_harm_label"), needed=False),
    Role("kind", ("type", "category", "subcategory"), needed=False),
)
_SAFE = {"safe", "unharmful", "harmless", "benign"}
_UNSAFE = {"unsafe", "harmful", "toxic"}
_ID_LETTERS = 12


def item_set(table: Table, columns: str, label: str, share: float) -> ItemSet:
    """The items of a table of requests.

    The question of an item is the request in plain words; its fields `plain` and `risky` are the span that
    differs. Requests about one focus word are a cluster.

    Args:
        columns: the user's mapping of columns.
        label: one of `LABELS`.
        share: share of the clusters that are held out, the split "test".

    Raises TaskError where no row can be used or a column is missing.
    """
    if label not in LABELS:
        raise TaskError(f"label={label}: must be {', '.join(LABELS)}")
    mapped = {role: names[0] for role, names in map_columns(table, columns, _ROLES).items()}
    substitutes = load_substitutes()
    items: dict[str, Item] = {}
    bad = list(table.bad)
    for row in table.rows:
        cells = {role: _text(row.values.get(name)) for role, name in mapped.items()}
        if problem := _problem(cells, label):
            bad.append(BadRow(row.where, problem))
            continue
        twin = substitutes.twin(cells["prompt"], cells.get("focus"))
        if twin is None:
            bad.append(BadRow(row.where, "no plain substitute that fits its risky word"))
            continue
        item = _item(cells, twin, share)
        if items.setdefault(item.id, item) is not item:
            bad.append(BadRow(row.where, "the same request as in an earlier row"))
    skipped, left_out = count_bad(table.source, bad, len(items))
    chosen = ", ".join(f"{role}={name}" for role, name in mapped.items())
    read = f"Items from {table.source}: {table.note}; columns {chosen}; requests labelled {label}."
    rows = [[item.id, item.question, item.fields["risky"], item.split, item.key] for item in items.values()]
    return ItemSet([*items.values()], content_hash(sorted(rows, key=str)), skipped, (read, *left_out))


def _problem(cells: dict[str, str], label: str) -> str:
    """Why a row is left out, or ""."""
    if not cells["prompt"]:
        return "no request"
    if "label" in cells:
        if not cells["label"]:
            return "no label"
        if cells["label"].casefold() not in _SAFE | _UNSAFE:
            return "a label that means neither safe nor unsafe"
        if label != "all" and (cells["label"].casefold() in _SAFE) != (label == "safe"):
            return f"not labelled {label} (label=all takes every row)"
    return "no focus word" if "focus" in cells and not cells["focus"] else ""


def _item(cells: dict[str, str], twin: PlainTwin, share: float) -> Item:
    kind = cells.get("kind") or "request"
    cluster = f"focus:{twin.focus}"
    label = cells.get("label", "").casefold()
    return Item(
        id=f"{slug(kind)}-{content_hash([cells['prompt'], twin.plain])[:_ID_LETTERS]}",
        kind=kind,
        cluster=cluster,
        split=cluster_split(cluster, share),
        question=twin.question,
        choices=(REFUSE, COMPLY),
        key=None if not label else int(label in _SAFE),
        fields={"plain": twin.plain, "risky": twin.risky},
    )


def _text(cell: object) -> str:
    return "" if cell is None or cell != cell else str(cell).strip()
