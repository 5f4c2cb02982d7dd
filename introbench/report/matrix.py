"""Emitter × teacher as a heat map in text, and the diagonal excess of every two models, in 80 columns."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from introbench.metrics.intervals import Estimate
from introbench.metrics.matrix import Matrix, TaskMatrix
from introbench.report.cells import as_text, cell, detectable_cell, p_cell, table
from introbench.report.inert import inert
from introbench.report.sentences import number, signed

__all__ = ["render_matrix"]

SHADES = " ░▒▓█"
COLUMNS = 8
"""Teachers beside each other; more go into further blocks."""
NOTE = (
    "Rows explain, columns are what the explanations are scored against; the darker, the higher. Excess: how much "
    "better two models fit their own behaviour than each other's, where the two differ (n_D cases); centred: minus "
    "what permuted explanations score. Brackets: 95 % intervals, clustered t. p: stratified permutation test, with "
    "Holm's correction over pairs. found: the excess that a test finds with 80 % power. *: too few clusters."
)


def render_matrix(matrix: Matrix, width: int = 80) -> str:
    """The whole page as plain text, no line longer than `width` characters."""
    return as_text(Group(*_page(matrix)), width)


def _page(matrix: Matrix) -> Iterator[RenderableType]:
    for run, left_out in zip(matrix.runs, matrix.left_out, strict=True):
        if left_out:
            yield Text(f"Left out: {left_out} cases of {inert(run)} that another run lacks.")
    for task in matrix.tasks:
        yield Rule(Text(task.task, style="bold"), align="left")
        yield Text(f"{task.scored} of {task.cases} cases are answered and explained by every model.")
        for key, model in zip(_keys(task.models), task.models, strict=True):
            yield Text(f"{key}: {inert(model, 70)} ({task.answered[model]} cases)")
        for name, title in (("exact_match", "exact match"), ("youden_j", "J of verdict")):
            yield from _heat(task, name, title)
        yield _excess(task)
    yield Text(NOTE, style="dim")


def _keys(models: Sequence[str]) -> list[str]:
    """A short name for each model: A, B … Z, A1, B1 …"""
    letters = string.ascii_uppercase
    return [letters[place % 26] + (str(place // 26) if place >= 26 else "") for place in range(len(models))]


def _heat(task: TaskMatrix, name: str, title: str) -> Iterator[RenderableType]:
    estimates: dict[tuple[str, str], Estimate] = {(c.emitter, c.teacher): getattr(c, name) for c in task.cells}
    known = [each.value for each in estimates.values() if each.value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    keys = _keys(task.models)
    for start in range(0, len(keys), COLUMNS):
        lines = table(title, *keys[start : start + COLUMNS], first_width=13)
        for key, emitter in zip(keys, task.models, strict=True):
            shown = [estimates[emitter, teacher] for teacher in task.models[start : start + COLUMNS]]
            lines.add_row(key, *(_shaded(each.value, low, high, name) for each in shown))
        yield Padding(lines, (1, 0, 0, 0))


def _shaded(value: float | None, low: float, high: float, name: str) -> Text:
    if value is None:
        return Text("–")
    place = (value - low) / (high - low) if high > low else 0.0
    shown = signed(value) if name == "youden_j" else number(value)
    return Text(f"{shown} {SHADES[round(place * (len(SHADES) - 1))] * 2}")


def _excess(task: TaskMatrix) -> RenderableType:
    lines = table("excess", "n_D", "raw", "centred", "p", "found", first_width=6)
    keys = dict(zip(task.models, _keys(task.models), strict=True))
    for each in task.excess:
        lines.add_row(
            f"{keys[each.models[0]]}, {keys[each.models[1]]}",
            str(each.disagreements),
            cell(each.raw, signed),
            cell(each.centred, signed),
            p_cell(each.test.p_holm),
            detectable_cell(each.test),
        )
    return Padding(lines, (1, 0, 1, 0))
