"""Which columns of a table mean what: `question=…,choices=…,answer=…`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from introbench.errors import TaskError
from introbench.tasks.rows import Table

__all__ = ["Role", "map_columns"]

_ONE_EACH = "|"
_ALL_THAT_BEGIN = "*"


@dataclass(frozen=True, slots=True)
class Role:
    """What a column can be for a task.

    Attributes:
        name: as users write it before "=".
        usual: columns that are taken where the user names none, the first that is there; each written as users may.
        needed: whether a table without it cannot be used.
    """

    name: str
    usual: tuple[str, ...]
    needed: bool = True


def map_columns(table: Table, asked: str, roles: Sequence[Role]) -> dict[str, tuple[str, ...]]:
    """The columns of each role, by the role's name; roles that are not needed may be absent.

    Args:
        asked: what the user wrote: `role=column` with commas between; `a|b|c` names several columns for one
            role, `choice*` all that begin so, in the table's order, and `role=` none.

    Raises TaskError that names the columns of the table where one is missing.
    """
    wanted = _asked(table, asked, roles)
    found: dict[str, tuple[str, ...]] = {}
    for role in roles:
        if role.name in wanted:
            columns = _columns(table, wanted[role.name])
            if wanted[role.name] and not columns:
                raise TaskError(f"{table.source}: has no column {wanted[role.name]!r} ({role.name}); {_has(table)}")
        else:
            columns = next(filter(None, (_columns(table, name) for name in role.usual)), ())
        if columns:
            found[role.name] = columns
        elif role.needed:
            way_out = f"name it: --columns {role.name}=COLUMN"
            raise TaskError(f"{table.source}: no column for {role.name!r}; {way_out}; {_has(table)}")
    return found


def _asked(table: Table, asked: str, roles: Sequence[Role]) -> Mapping[str, str]:
    known = [role.name for role in roles]
    wanted: dict[str, str] = {}
    for part in filter(None, asked.split(",")):
        name, equals, column = (text.strip() for text in part.partition("="))
        if not equals or name not in known:
            raise TaskError(f"columns: {part!r} must be ROLE=COLUMN with a role of {', '.join(known)}; {_has(table)}")
        if name in wanted:
            raise TaskError(f"columns: {name!r} is given twice")
        wanted[name] = column
    return wanted


def _columns(table: Table, text: str) -> tuple[str, ...]:
    """The columns that a text names; none where one of them is not there."""
    if text in table.columns:
        return (text,)
    if text.endswith(_ALL_THAT_BEGIN):
        # "choice*" is choice0, choice_b, choice C, and not "choices" or "choice_count".
        pattern = re.compile(re.escape(text.removesuffix(_ALL_THAT_BEGIN)) + r"[ _-]?(?:\d+|[A-Za-z])")
        return tuple(name for name in table.columns if pattern.fullmatch(name))
    parts = tuple(part.strip() for part in text.split(_ONE_EACH))
    return parts if all(part in table.columns for part in parts) else ()


def _has(table: Table) -> str:
    return f"it has: {', '.join(table.columns)}"
