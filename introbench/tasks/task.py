"""A task plugin: a folder with what it declares, its templates, and its items or a way to load them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from introbench.errors import TaskError
from introbench.hashing import file_hash
from introbench.tasks.types import FIELD_NAME, RESERVED_NAMES, BehaviourReading, Item, Split, TaskInfo

if TYPE_CHECKING:
    from introbench.tasks.templates import Templates

__all__ = [
    "ItemSet",
    "Parameter",
    "Task",
    "as_item",
    "as_row",
    "check_file",
    "read_items",
    "read_rows",
    "row_problem",
    "scan_items",
]

_NEEDED = {"id", "kind", "cluster", "split", "question", "choices", "key"}
_ITEM_FIELDS = {*_NEEDED, "fields"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a task takes behind `NAME?` beside `behaviour` and `k`.

    Attributes:
        name: letters a to z, digits and "_".
        summary: what it is, in a few words, for lists and messages.
        default: the value where none is given; None where one must be given.
        naming: what of a value that is not the default stands in the name that tables, files and case ids carry: the
            whole of it, of a path its last part ("file"), or nothing. The hash of the items tells the rest apart.
    """

    name: str
    summary: str
    default: str | None = None
    naming: Literal["whole", "file", "none"] = "whole"


@dataclass(frozen=True, slots=True)
class ItemSet:
    """The items of a task and what became of their source.

    Attributes:
        items: all items, of both splits.
        sha256: hash of what they were read from.
        skipped: rows of the source that became no item, by reason.
        notes: what a reader of the results has to know about the source, a sentence each.
    """

    items: list[Item]
    sha256: str
    skipped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A task as registered by its plugin; nothing is read before it is asked for.

    Attributes:
        info: what the task declares about itself.
        folder: where the data card and, if bundled, `items.jsonl` and `labels.json` lie.
        parameters: what it takes beside `behaviour` and `k`.
        load: makes the items from the values of the parameters and, as "behaviour", how the choice is read; where
            None, they are read from `items.jsonl`.
        wordings: the templates file, for tasks that share another one's; `templates.yaml` in the folder where None.
    """

    info: TaskInfo
    folder: Path
    parameters: tuple[Parameter, ...] = ()
    load: Callable[[Mapping[str, str]], ItemSet] | None = None
    wordings: Path | None = None

    @property
    def templates_file(self) -> Path:
        """Where the wordings are read from."""
        return self.wordings or self.folder / "templates.yaml"

    def templates(self) -> Templates:
        """The wordings. Raises TaskError where the file breaks the contract."""
        # Listing tasks must not pay for the schema library that reading templates takes.
        from introbench.tasks.templates import load_templates

        return load_templates(self.templates_file)

    def items(self) -> list[Item]:
        """All items under the default parameters, in file order. Raises as `item_set` does."""
        return self.item_set().items

    def item_set(self, values: Mapping[str, str] | None = None, behaviour: BehaviourReading | None = None) -> ItemSet:
        """The items under some values of the parameters and a reading of the behaviour, the defaults where left out.

        Raises TaskError on a wrong checksum, a bad row, or a parameter that must be given and is not.
        """
        if self.load is None:
            return self._bundled()
        reading = behaviour or self.info.behaviours[0]
        found = self.load(self.given(values or {}, reading))
        # Where letters stand for them, choices that read the same are told apart.
        rows = map(as_row, found.items)
        for problem in scan_items(self.info.name, rows, "item", alike=reading == "letter"):
            raise TaskError(problem)
        if not found.items:
            left_out = ", ".join(f"{number} {reason}" for reason, number in found.skipped.items())
            way = f"; left out: {left_out}" if left_out else ""
            raise TaskError(f"{self.info.name}: its source holds no items{way}")
        return found

    def given(self, values: Mapping[str, str], behaviour: BehaviourReading | None = None) -> dict[str, str]:
        """What `load` takes: values of all parameters and the behaviour, defaults where left out.

        Raises TaskError where a parameter is needed and not given.
        """
        full = {"behaviour": str(behaviour or self.info.behaviours[0])}
        for parameter in self.parameters:
            value = values.get(parameter.name, parameter.default)
            if value is None:
                raise TaskError(
                    f"{self.info.name}: needs {parameter.name} ({parameter.summary}); "
                    f"write {self.info.name}?{parameter.name}=VALUE"
                )
            full[parameter.name] = value
        return full

    def _bundled(self) -> ItemSet:
        path = self.folder / "items.jsonl"
        if self.info.sha256 is None:
            raise TaskError(f"{path}: the task declares no sha256 of it; write it into its TaskInfo")
        check_file(path, self.info.sha256)
        items = read_items(path)
        if len(items) != self.info.count:
            raise TaskError(f"{path}: {len(items)} items, the task declares {self.info.count}")
        return ItemSet(items, self.info.sha256)


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
    rows = read_rows(path)
    for problem in scan_items(str(path), rows):
        raise TaskError(problem)
    if not rows:
        raise TaskError(f"{path}: holds no items")
    return [as_item(row) for row in rows]


def read_rows(path: Path) -> list[Any]:
    """The rows of an item file, unchecked; in place of a line that is no JSON, the ValueError that says so.

    Raises TaskError where the file cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise TaskError(f"{path}: cannot be read ({error.strerror})") from error
    return [_parsed(line) for line in (lines if lines[-1] else lines[:-1])]


def scan_items(where: str, rows: Iterable[Any], unit: str = "line", *, alike: bool = False) -> Iterator[str]:
    """Everything that is wrong with the rows of an item file, each with its place.

    Args:
        where: the file, or what else messages are to name.
        unit: what the rows are numbered by.
        alike: whether choices may read the same.
    """
    numbers: dict[str, int] = {}
    splits: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        place = f"{where}:{number}" if unit == "line" else f"{where}, {unit} {number}"
        if problem := row_problem(row, alike=alike):
            yield f"{place}: {problem}"
            continue
        if row["id"] in numbers:
            yield f"{place}: id {row['id']!r} stands on {unit} {numbers[row['id']]} already"
        numbers.setdefault(row["id"], number)
        if splits.setdefault(row["cluster"], row["split"]) != row["split"]:
            yield f"{place}: cluster {row['cluster']!r} is in both train and test"


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        return error


def as_item(row: Mapping[str, Any]) -> Item:
    """The item that a row without problems stands for."""
    return Item(**{**row, "choices": tuple(row["choices"])})


def as_row(item: Item) -> dict[str, Any]:
    """An item as a row of an item file."""
    return {name: getattr(item, name) for name in _ITEM_FIELDS}


def row_problem(row: Any, *, alike: bool = False) -> str | None:
    """The first thing that is wrong with the row of an item."""
    if isinstance(row, ValueError):
        return f"not JSON in UTF-8 ({row})"
    if not isinstance(row, dict):
        return "not a JSON object"
    if missing := sorted(_NEEDED - row.keys()):
        return f"lacks the field {missing[0]!r}"
    if unknown := sorted(row.keys() - _ITEM_FIELDS):
        return f"unknown field {unknown[0]!r}; known: {', '.join(sorted(_ITEM_FIELDS))}"
    for name in ("id", "kind", "cluster", "question"):
        if not _is_text(row[name]):
            return f"{name!r} must be a text that is not empty"
    if row["split"] not in get_args(Split):
        return f"split {row['split']!r} is neither train nor test"
    if problem := _fields_problem(row.get("fields", {})):
        return problem
    return _choices_problem(row["choices"], row["key"], alike=alike)


def _fields_problem(fields: Any) -> str | None:
    if not isinstance(fields, Mapping) or not all(_is_text(text) for entry in fields.items() for text in entry):
        return "'fields' must map names to texts, none of them empty"
    if wrong := sorted(name for name in fields if not FIELD_NAME.fullmatch(name) or name in RESERVED_NAMES):
        reserved = ", ".join(sorted(RESERVED_NAMES))
        return f"field {wrong[0]!r} must be named by letters a to z and '_', and not {reserved}"
    return None


def _choices_problem(choices: Any, key: Any, *, alike: bool) -> str | None:
    if not isinstance(choices, list | tuple) or not all(_is_text(choice) for choice in choices):
        return "choices must be a list of texts, none of them empty"
    different = len({choice.casefold() for choice in choices})
    if len(choices) < 2 or (different < len(choices) and not alike):
        return "needs two or more choices, all different"
    if key is not None and (type(key) is not int or not 0 <= key < len(choices)):
        return f"key {key!r} is no index of the {len(choices)} choices"
    return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
