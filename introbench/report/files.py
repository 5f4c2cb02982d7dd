"""Plots and tables of a report as files: SVG and PNG, CSV and Markdown."""

from __future__ import annotations

import csv
import importlib.util
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from introbench.files import disk_errors, slug, write_whole
from introbench.metrics.intervals import Estimate
from introbench.report.figures import figures_of
from introbench.report.gather import ReportedRun
from introbench.report.svg import standalone_svg
from introbench.report.tables import Cell, Row, Table, headline_table, shown, tables_of
from introbench.texts import inert

__all__ = ["as_csv", "as_markdown", "write_plots", "write_tables"]

_RUN_BY_SPREADSHEETS = ("=", "@", "+", "-")


def write_plots(runs: Sequence[ReportedRun], folder: Path) -> str:
    """Write every plot, and say what was written. Raises DiskError."""
    _make(folder)
    png = importlib.util.find_spec("matplotlib") is not None
    figures = figures_of(runs)
    for figure in figures:
        write_whole(folder / f"{figure.name}.svg", standalone_svg(figure).encode())
        if png:
            from introbench.report.png import as_png

            write_whole(folder / f"{figure.name}.png", as_png(figure))
    way = "as SVG and PNG" if png else "as SVG; for PNG too: pip install 'introbench[plots]'"
    return f"{folder}: {len(figures)} plots {way}"


def write_tables(runs: Sequence[ReportedRun], folder: Path) -> str:
    """Write every table, in a folder per run where there are several, and say what was written. Raises DiskError."""
    count = 0
    for number, run in enumerate(runs):
        place = folder if len(runs) == 1 else folder / f"{number}-{slug(run.name)}"
        _make(place)
        for table in (headline_table(run.summary), *tables_of(run.summary)):
            write_whole(place / f"{table.name}.csv", as_csv(table).encode())
            write_whole(place / f"{table.name}.md", as_markdown(table).encode())
            count += 1
    return f"{folder}: {count} tables, each as CSV and as Markdown"


def _make(folder: Path) -> None:
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)


def as_csv(table: Table) -> str:
    """The table as CSV with whole numbers; an estimate takes three columns, and a row's group one of its own.

    A text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    estimates = [
        any(isinstance(row.cells[column], Estimate) for row in table.rows) for column in range(len(table.headings))
    ]
    headings = [name for heading, wide in zip(table.headings, estimates, strict=True) for name in _names(heading, wide)]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["group", *headings] if _grouped(table) else headings)
    for row in table.rows:
        cells = [text for cell, wide in zip(row.cells, estimates, strict=True) for text in _values(cell, wide)]
        writer.writerow([_text(row.group), *cells] if _grouped(table) else cells)
    return file.getvalue()


def _names(heading: str, wide: bool) -> tuple[str, ...]:
    name = heading.removesuffix(" and 95 % interval") or "quantity"
    return (name, f"{name} low", f"{name} high") if wide else (name,)


def _values(cell: Cell, wide: bool) -> Iterator[str]:
    values = (cell.value, cell.low, cell.high) if isinstance(cell, Estimate) else (cell, None, None)[: 3 if wide else 1]
    for value in values:
        yield "" if value is None else _text(value) if isinstance(value, str) else str(value)


def _text(text: str) -> str:
    plain = inert(text)
    return f"'{plain}" if plain.startswith(_RUN_BY_SPREADSHEETS) else plain


def as_markdown(table: Table) -> str:
    """The table as Markdown under its caption. Markup in its texts is shown, not obeyed."""
    headings = [heading or "quantity" for heading in table.headings]
    if _grouped(table):
        headings.insert(0, "group")
    rule = ["---"] * len(headings)
    body = [_line([_escaped(cell) for cell in _with_group(table, row)]) for row in table.rows]
    return "\n".join([f"**{_escaped(table.caption)}**", "", _line(headings), _line(rule), *body]) + "\n"


def _with_group(table: Table, row: Row) -> list[str]:
    cells = [shown(cell) for cell in row.cells]
    return [row.group, *cells] if _grouped(table) else cells


def _grouped(table: Table) -> bool:
    return any(row.group for row in table.rows)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escaped(text: str) -> str:
    plain = inert(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{letter}" if letter in "\\`*_[]|!#~" else letter for letter in plain)
