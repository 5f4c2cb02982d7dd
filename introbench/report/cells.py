"""Cells and tables that all pages for a terminal share."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from introbench.metrics.intervals import Estimate
from introbench.metrics.significance import PairedTest
from introbench.report.sentences import number, signed

__all__ = ["LABEL_WIDTH", "as_text", "bullet", "cell", "detectable_cell", "p_cell", "share", "signed_share", "table"]

LABEL_WIDTH = 18
"""Room for the labels of rows; what does not fit wraps in the models' columns instead."""

SMALLEST_P = 0.001


def as_text(renderable: RenderableType, width: int = 80) -> str:
    """Plain text, no line longer than `width` characters."""
    buffer = StringIO()
    console = Console(file=buffer, width=width, color_system=None, force_terminal=False, legacy_windows=False)
    console.print(renderable)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def bullet(sentence: str) -> RenderableType:
    """A sentence behind a dot."""
    line = Table.grid(padding=(0, 1))
    line.add_row("•", Text(sentence))
    return line


def table(*headers: str, first_width: int = LABEL_WIDTH) -> Table:
    """An empty table whose first column keeps its width."""
    found = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False, header_style="bold")
    for index, header in enumerate(headers):
        found.add_column(Text(header), overflow="fold", min_width=first_width if index == 0 else None)
    return found


def cell(estimate: Estimate, show: Callable[[float], str] = number) -> Text:
    """An estimate with its interval; a star where there are too few clusters."""
    if estimate.value is None:
        return Text("–")
    few = "*" if estimate.status == "too few" else ""
    if estimate.low is None or estimate.high is None:
        return Text(f"{show(estimate.value)}{few}")
    return Text(f"{show(estimate.value)}{few} [{show(estimate.low)}, {show(estimate.high)}]")


def share(value: float | None) -> Text:
    """A share, or a dash."""
    return Text("–" if value is None else number(value))


def signed_share(value: float | None) -> Text:
    """What can be negative, or a dash."""
    return Text("–" if value is None else signed(value))


def p_cell(p: float | None) -> Text:
    """A p-value, or a dash."""
    if p is None:
        return Text("–")
    return Text("<.001" if p < SMALLEST_P else number(p, 3))


def detectable_cell(test: PairedTest) -> Text:
    """What a test could have found, or a dash."""
    return Text("–" if test.detectable is None else f"±{number(test.detectable)}")
