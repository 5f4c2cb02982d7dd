"""Plots as PNG, with matplotlib (the extra `plots`)."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from introbench.report.figures import FLOOR, OTHER, REF, SELF, Curve, Figure, Heat, Point, Whiskers
from introbench.texts import inert

__all__ = ["as_png"]

_DPI = 150
_COLOURS = {SELF: "#0b5cad", REF: "#a6460a", FLOOR: "#57606a", OTHER: "#6b3fa0"}
_MARKERS = {SELF: "o", REF: "s", FLOOR: "|", OTHER: "D"}


def as_png(figure: Figure) -> bytes:
    """The plot as the bytes of a PNG file."""
    canvas = Canvas(figsize=(7, _height(figure)), layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.subplots()
    axes.set_title(_plain(figure.title), loc="left", fontsize="medium")
    match figure:
        case Whiskers():
            _whiskers(figure, axes)
        case Curve():
            _curve(figure, axes)
        case Heat():
            _heat(figure, axes)
    file = io.BytesIO()
    # Without the software's name and version: equal plots are equal files.
    canvas.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()


def _height(figure: Figure) -> float:
    match figure:
        case Whiskers():
            return 1.4 + 0.28 * sum(len(points) + 1 for _, points in figure.groups)
        case Heat():
            return 1.5 + 0.4 * len(figure.rows)
        case _:
            return 4.5


def _plain(text: str) -> str:
    # A dollar sign would begin a formula.
    return inert(text).replace("$", r"\$")


def _errors(points: tuple[Point, ...]) -> list[list[float]]:
    """Distances from the values to the ends of the intervals; 0 where there is none."""
    below = [point.value - (point.value if point.low is None else point.low) for point in points]
    above = [(point.value if point.high is None else point.high) - point.value for point in points]
    return [[max(each, 0.0) for each in side] for side in (below, above)]


def _whiskers(figure: Whiskers, axes: Any) -> None:
    labels: list[str] = []
    for heading, points in figure.groups:
        labels.append(_plain(heading))
        for point in points:
            style = {"color": _COLOURS[point.kind], "fmt": _MARKERS[point.kind], "markersize": 6, "capsize": 2}
            axes.errorbar([point.value], [len(labels)], xerr=_errors((point,)), **style)
            labels.append(_plain(point.label))
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.set_xlim(figure.low, figure.high)
    axes.set_xlabel(_plain(figure.axis))
    axes.grid(axis="x", alpha=0.4)


def _curve(figure: Curve, axes: Any) -> None:
    if figure.diagonal:
        axes.plot([0, 1], [0, 1], linestyle="--", color=_COLOURS[FLOOR], linewidth=1)
    for line in figure.lines:
        axes.errorbar(
            [point.x for point in line.points],
            [point.value for point in line.points],
            yerr=_errors(line.points),
            color=_COLOURS[line.kind],
            marker=_MARKERS[line.kind],
            capsize=2,
            label=_plain(line.label),
        )
    axes.set_xticks([place for place, _ in figure.ticks], [_plain(label) for _, label in figure.ticks])
    axes.set_ylim(figure.low, figure.high)
    axes.set_xlabel(_plain(figure.x_axis))
    axes.set_ylabel(_plain(figure.y_axis))
    axes.legend(loc="best", fontsize="small")
    axes.grid(alpha=0.4)


def _heat(figure: Heat, axes: Any) -> None:
    values = [[float("nan") if value is None else value for value in row] for row in figure.values]
    axes.imshow(values, vmin=0, vmax=1, cmap="Blues", alpha=0.6, aspect="auto")
    for row, line in enumerate(figure.values):
        for column, value in enumerate(line):
            axes.text(column, row, "–" if value is None else f"{value:.2f}", ha="center", va="center")
    axes.set_yticks(range(len(figure.rows)), [_plain(f"{place + 1} {name}") for place, name in enumerate(figure.rows)])
    axes.set_xticks(range(len(figure.columns)), [str(place + 1) for place in range(len(figure.columns))])
    axes.set_xlabel("teacher")
