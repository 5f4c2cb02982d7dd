"""Every number of a summary as tables, found by walking its models, so that a new estimate needs no line here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from introbench.metrics.intervals import Estimate
from introbench.metrics.schema import Summary, TaskSummary
from introbench.report.sentences import SENTENCE_DECIMALS, number

__all__ = ["Cell", "Row", "Table", "headline_table", "interval", "shown", "tables_of"]

Cell = str | int | float | bool | Estimate | None
"""What stands in a table; a format chooses how it is shown."""

_LABELS = {
    "auroc": "AUROC",
    "brier": "Brier score",
    "deciding": "deciding token",
    "macro_f1": "macro F1",
    "youden_j": "Youden's J",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        cells: one per column; the first one names the row.
        description: what the row means; may be empty.
        group: rows of one group stand together under its name; may be empty.
    """

    cells: tuple[Cell, ...]
    description: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as people see it.

    Attributes:
        name: its file, without an ending; unique among the tables of a run.
        caption: what it shows.
        headings: of its columns.
        rows: in order.
        task: the task that it belongs to.
    """

    name: str
    caption: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    task: str


def shown(cell: Cell) -> str:
    """A cell in the style of the terminal tables; "–" is "not estimable", "*" "too few clusters for a headline"."""
    match cell:
        case None:
            return "–"
        case bool():
            return "yes" if cell else "no"
        case float():
            return number(cell, SENTENCE_DECIMALS)
        case Estimate(value=None):
            return f"– {cell.detail}".rstrip()
        case Estimate():
            few = "*" if cell.status == "too few" else ""
            return f"{shown(cell.value)}{few} {interval(cell)}".rstrip()
        case _:
            return str(cell)


def interval(estimate: Estimate) -> str:
    """The 95 % interval in brackets, or nothing."""
    if estimate.low is None or estimate.high is None:
        return ""
    # The space does not break, so that a narrow table keeps an interval on one line.
    return f"[{number(estimate.low, SENTENCE_DECIMALS)},\u00a0{number(estimate.high, SENTENCE_DECIMALS)}]"


def headline_table(summary: Summary) -> Table:
    """Two rows per task and model: Self above the best floor, the numbers that a page may lead with."""
    rows = []
    for task in summary.tasks:
        for emitter in task.emitters:
            headline, scores = emitter.headline, emitter.self_scores
            for label, score, part in (
                ("exact match", scores.exact_match, headline.exact_match),
                ("Youden's J", scores.youden_j, headline.youden_j),
            ):
                cells = (label, score, part.floor_value, part.floor, part.above)
                rows.append(Row(cells, group=f"{task.name}: {emitter.model} ({emitter.role})"))
    headings = ("", "Self", "best floor", "which floor", "Self above it")
    return Table("headline", "Self and the best trivial explainer", headings, tuple(rows), "")


def tables_of(summary: Summary) -> list[Table]:
    """All tables of a run, those of a task together."""
    return [table for place, task in enumerate(summary.tasks) for table in _task_tables(f"task-{place}", task)]


def _task_tables(prefix: str, task: TaskSummary) -> Iterator[Table]:
    yield from _part_tables(f"{prefix}-cases", task, f"{task.name}: cases", task.name, without=("emitters", "pairs"))
    for place, emitter in enumerate(task.emitters):
        title = f"{task.name}: {emitter.model} explains itself"
        yield from _part_tables(f"{prefix}-model-{place}", emitter, title, task.name)
    for place, pair in enumerate(task.pairs):
        title = f"{task.name}: {pair.emitter} explains, set against {pair.reference}"
        yield from _part_tables(f"{prefix}-pair-{place}", pair, title, task.name)


def _part_tables(prefix: str, part: BaseModel, title: str, task: str, without: Sequence[str] = ()) -> Iterator[Table]:
    headings = ("", "value and 95 % interval", "method", "n", "clusters")
    yield Table(prefix, title, headings, tuple(_rows(part, "")), task)
    for name, entries in _lists(part):
        if name not in without:
            yield _list_table(f"{prefix}-{name.replace('_', '-')}", f"{title}: {_label(name)}", entries, task)


def _fields(part: BaseModel) -> Iterator[tuple[str, str, object]]:
    for name, field in type(part).model_fields.items():
        yield name, " ".join((field.description or "").split()), getattr(part, name)


def _are_models(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(entry, BaseModel) for entry in value)


def _lists(part: BaseModel) -> Iterator[tuple[str, Sequence[BaseModel]]]:
    """Fields that are lists of models, wherever in the part they stand; empty ones are left out."""
    for name, _, value in _fields(part):
        if isinstance(value, list | tuple) and _are_models(value):
            yield name, value
        elif isinstance(value, BaseModel) and not isinstance(value, Estimate):
            yield from _lists(value)


def _rows(part: BaseModel, group: str) -> Iterator[Row]:
    """A row per estimate and per plain value; models inside models are groups and follow."""
    nested: list[tuple[str, BaseModel]] = []
    for name, description, value in _fields(part):
        if isinstance(value, Estimate):
            method = "" if value.method == "none" else value.method
            yield Row((_label(name), value, method, value.n, value.clusters), description, group)
        elif isinstance(value, BaseModel):
            nested.append((name, value))
        elif not _are_models(value):
            yield Row((_label(name), _plain(value), "", "", ""), description, group)
    for name, value in nested:
        yield from _rows(value, f"{group}: {_label(name)}" if group else _label(name))


def _list_table(name: str, caption: str, entries: Sequence[BaseModel], task: str) -> Table:
    """A row per entry, a column per field; entries of one list have the same fields."""
    fields = [field for field, _, value in _fields(entries[0]) if not _are_models(value)]
    rows = [Row(tuple(_plain(getattr(entry, field)) for field in fields)) for entry in entries]
    return Table(name, caption, tuple(_label(field) for field in fields), tuple(rows), task)


def _plain(value: object) -> Cell:
    """A value as a cell: what is neither a number nor an estimate becomes text."""
    if value is None or isinstance(value, str | int | float | Estimate):
        return value
    if isinstance(value, list | tuple):
        return "; ".join(shown(_plain(entry)) for entry in value) or "none"
    if isinstance(value, BaseModel):
        return "; ".join(f"{_label(name)} {shown(_plain(each))}" for name, _, each in _fields(value))
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {shown(_plain(entry))}" for name, entry in value.items())
    return str(value)


def _label(name: str) -> str:
    return _LABELS.get(name, name.replace("_", " "))
