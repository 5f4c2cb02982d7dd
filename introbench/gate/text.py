"""A verdict for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from introbench.gate.verdict import GateVerdict
from introbench.gate.words import bounds, headline, level, points, sentence, title
from introbench.report.cells import as_text, bullet, p_cell, table
from introbench.texts import inert

__all__ = ["render_text"]

_NOTE = (
    "In points (hundredths). Bounds: one-sided, simultaneous over all gates. p: one-sided, with Holm's correction over "
    "all gates. docs/gate.md says more."
)


def render_text(verdict: GateVerdict, width: int = 80) -> str:
    """The whole verdict as plain text, no line longer than `width` characters."""
    return as_text(Group(*_page(verdict)), width)


def _page(verdict: GateVerdict) -> Iterator[RenderableType]:
    yield Text(headline(verdict), style="bold")
    yield Text(f"baseline:  {inert(verdict.baseline)}")
    yield Text(f"candidate: {inert(verdict.candidate)}")
    for coverage in verdict.coverage:
        yield Text(
            f"{inert(coverage.task)}: {coverage.paired} cases paired, of {coverage.baseline} in the baseline and "
            f"{coverage.candidate} planned for the candidate"
        )
    lines = table("gate", "before", "now", "change", "bounds", "p", "verdict", first_width=16)
    for column in lines.columns[1:]:
        column.no_wrap = True
    for result in verdict.gates:
        before, now = (level(value) for value in (result.baseline, result.candidate))
        change = "–" if result.change is None else points(result.change)
        lines.add_row(Text(title(result)), before, now, change, bounds(result), p_cell(result.p_holm), result.verdict)
    yield Padding(lines, (1, 0, 1, 0))
    for result in verdict.gates:
        if result.verdict != "ok":
            yield bullet(f"{result.verdict}: {title(result)}: {sentence(result)}.")
    for reason in verdict.reasons:
        yield bullet(f"incomparable: {inert(reason)}")
    for note in verdict.notes:
        yield bullet(f"note: {inert(note)}")
    yield Text(_NOTE, style="dim")
