"""A comparison of two models as a page for a terminal of at least 80 columns; flipped cases come first."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from introbench.metrics.compare import Comparison, Flip, Side, TaskComparison
from introbench.report.cells import as_text, bullet, cell, detectable_cell, p_cell, share, table
from introbench.report.inert import inert
from introbench.report.sentences import signed

__all__ = ["FLIPS_SHOWN", "render_comparison"]

FLIPS_SHOWN = 10
NOTE = (
    "Brackets: 95 % intervals (clustered t for B − A, Wilson or MOVER-Wilson for A and B), clustered by fact. "
    "p: two-sided, with Holm's correction over tasks. found: the difference that a test finds with 80 % power. "
    "*: too few clusters. –: not estimable."
)


def render_comparison(comparison: Comparison, width: int = 80, flips: int = FLIPS_SHOWN) -> str:
    """The whole page as plain text, no line longer than `width` characters, with up to so many flips per task."""
    return as_text(Group(*_page(comparison, flips)), width)


def _page(comparison: Comparison, flips: int) -> Iterator[RenderableType]:
    yield Text(f"A: {inert(comparison.a)}")
    yield Text(f"B: {inert(comparison.b)}")
    if any(comparison.left_out):
        yield Text(
            f"Left out: {comparison.left_out[0]} cases that only A's run holds, {comparison.left_out[1]} of B's."
        )
    for task in comparison.tasks:
        yield Rule(Text(task.task, style="bold"), align="left")
        yield Text(
            f"{task.scored} of {task.cases} shared cases are answered by both, in {task.clusters} clusters. "
            f"{task.lost} explanations went wrong from A to B, {task.gained} came right. "
            f"The models' own labels differ in {cell(task.drift).plain} of cases."
        )
        yield from _flips(task, flips)
        yield _scores(task)
        yield _parts(task)
    yield Text(NOTE, style="dim")


def _flips(task: TaskComparison, most: int) -> Iterator[RenderableType]:
    # Some of either kind, so that many of the one do not hide the other.
    lost, gained = ([flip for flip in task.flips if flip.direction == which] for which in ("lost", "gained"))
    of_lost = max(most - min(len(gained), most // 2), 0)
    shown = [*lost[:of_lost], *gained[: max(most - len(lost[:of_lost]), 0)]]
    for flip in shown:
        yield bullet(_flip(flip))
    if len(shown) < len(task.flips):
        yield bullet(f"and {len(task.flips) - len(shown)} more; --json has them all")


def _flip(flip: Flip) -> str:
    return f"{flip.direction} {inert(flip.case, 80)}: A {_side(flip.a)}; B {_side(flip.b)}"


def _side(side: Side) -> str:
    named = "nothing" if side.named is None else inert(side.named, 40)
    said = "states no verdict" if side.said == "unparsable" else f"says {side.said}, {named}"
    return f"{said} (true: {side.verdict}, {inert(side.uncued, 40)})"


def _scores(task: TaskComparison) -> RenderableType:
    lines = table("", "A", "B", "B − A", "p", "found", first_width=13)
    for each in task.scores:
        lines.add_row(
            each.name,
            share(each.a.value),
            share(each.b.value),
            cell(each.difference, signed),
            p_cell(each.test.p_holm),
            detectable_cell(each.test),
        )
    methods = ", ".join(dict.fromkeys(each.test.method for each in task.scores if each.test.method != "none"))
    note = Text(f"Tests: {methods or 'none'}; families of {task.scores[0].test.family}.", style="dim")
    return Padding(Group(lines, note), (1, 0, 1, 0))


def _parts(task: TaskComparison) -> RenderableType:
    lines = table("exact match by", "part", "B − A", "n", "p, adjusted")
    for part in task.parts:
        shown = cell(part.difference, signed)
        lines.add_row(part.by, Text(inert(part.name, 40)), shown, str(part.difference.n), p_cell(part.p_adjusted))
    note = Text("Exploratory: p adjusted over these parts by Benjamini and Hochberg.", style="dim")
    return Padding(Group(lines, note), (0, 0, 1, 0))
