"""A task plugin: a folder with what it declares, its items and its templates."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from introbench.errors import TaskError
from introbench.hashing import file_hash
from introbench.tasks.types import Item, Split, TaskInfo

if TYPE_CHECKING:
    from introbench.tasks.templates import Templates

__all__ = ["Task", "check_file", "read_items"]

_ITEM_FIELDS = {"id", "kind", "cluster", "split", "question", "choices", "key"}


@dataclass(frozen=True, slots=True)
class Task:
    """A task as registered by its plugin; nothing is read before it is asked for.

    Attributes:
        info: what the task declares about itself.
        folder: where `items.jsonl`, `templates.yaml` and, if bundled, `labels.json` lie.
    """

    info: TaskInfo
    folder: Path

    def templates(self) -> Templates:
        """The wordings. Raises TaskError where the file breaks the contract."""
        # Listing tasks must not pay for the schema library that reading templates takes.
        from introbench.tasks.templates import load_templates

        return load_templates(self.folder / "templates.yaml")

    def items(self) -> list[Item]:
        """All frozen items, in file order. Raises TaskError on a wrong checksum or a bad row."""
        path = self.folder / "items.jsonl"
        check_file(path, self.info.sha256)
        items = read_items(path)
        if len(items) != self.info.count:
            raise TaskError(f"{path}: {len(items)} items, the task declares {self.info.count}")
        return items


def check_file(path: Path, sha256: str) -> None:
    """Raise TaskError where a frozen file is absent or is not the one that the task declares."""
    try:
        found = file_hash(str(path))
    except OSError as error:
        raise TaskError(f"{path}: cannot be read ({error.strerror})") from error
    if found != sha256:
        raise TaskError(
            f"{path}: sha256 is {found[:12]}…, the task declares {sha256[:12]}…; "
            "reinstall the package, or raise the task's version and write the new sha256"
        )


def read_items(path: Path) -> list[Item]:
    """Read an item file: one JSON object a line with the fields of `Item`.

    Raises TaskError that names the file, the line and the problem: not JSON, a missing or unknown
    field, a duplicate id, fewer than two or equal choices, a key out of range, an empty file, or a
    cluster that stands in both splits.
    """
    items: list[Item] = []
    lines: dict[str, int] = {}
    splits: dict[str, str] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            item = _item(f"{path}:{number}", line)
            if item.id in lines:
                raise TaskError(f"{path}:{number}: id {item.id!r} stands on line {lines[item.id]} already")
            lines[item.id] = number
            if splits.setdefault(item.cluster, item.split) != item.split:
                raise TaskError(f"{path}:{number}: cluster {item.cluster!r} is in both train and test")
            items.append(item)
    if not items:
        raise TaskError(f"{path}: holds no items")
    return items


def _item(where: str, line: bytes) -> Item:
    try:
        row: Any = json.loads(line)
    except ValueError as error:
        raise TaskError(f"{where}: not JSON in UTF-8 ({error})") from error
    if not isinstance(row, dict):
        raise TaskError(f"{where}: not a JSON object")
    if missing := sorted(_ITEM_FIELDS - row.keys()):
        raise TaskError(f"{where}: lacks the field {missing[0]!r}")
    if unknown := sorted(row.keys() - _ITEM_FIELDS):
        raise TaskError(f"{where}: unknown field {unknown[0]!r}; known: {', '.join(sorted(_ITEM_FIELDS))}")
    for name in ("id", "kind", "cluster", "question"):
        if not isinstance(row[name], str) or not row[name].strip():
            raise TaskError(f"{where}: {name!r} must be a text that is not empty")
    if row["split"] not in get_args(Split):
        raise TaskError(f"{where}: split {row['split']!r} is neither train nor test")
    choices = row["choices"]
    if not isinstance(choices, list) or not all(isinstance(choice, str) and choice.strip() for choice in choices):
        raise TaskError(f"{where}: choices must be a list of texts, none of them empty")
    if len(choices) < 2 or len({choice.casefold() for choice in choices}) < len(choices):
        raise TaskError(f"{where}: needs two or more choices, all different")
    key = row["key"]
    if key is not None and (type(key) is not int or not 0 <= key < len(choices)):
        raise TaskError(f"{where}: key {key!r} is no index of the {len(choices)} choices")
    return Item(**{**row, "choices": tuple(choices)})
