"""Plots as SVG: for the page, whose colours they take, and as files of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from markupsafe import Markup, escape

from introbench.report.figures import FLOOR, OTHER, REF, Curve, Figure, Heat, Line, Point, Whiskers
from introbench.report.sentences import number
from introbench.texts import inert

__all__ = ["inline_svg", "plot_css", "standalone_svg"]

WIDTH = 460
"""Of every plot, in its own units; a page scales it to the room there is."""
LABELS = 168
"""Room for the names of rows."""
RIGHT = 14
LETTER = 6.8
"""Width of an average letter at the size of labels."""

_LIGHT = (
    ":root { --text: #1b1f24; --quiet: #57606a; --line: #d0d7de; --page: #ffffff; "
    "--self: #0b5cad; --ref: #a6460a; --other: #6b3fa0; }"
)
"""Colours of a plot that stands alone; those of the page are in page.css."""


def plot_css() -> str:
    """The rules for everything in a plot."""
    return Path(__file__).with_name("plot.css").read_text(encoding="utf-8")


def standalone_svg(figure: Figure) -> str:
    """A plot as a file of its own, on white."""
    style = f"<style>{_LIGHT}\n{plot_css()}</style>"
    return _document(figure, Markup(style) + Markup('<rect width="100%" height="100%" fill="#ffffff"/>'))


def inline_svg(figure: Figure) -> Markup:
    """A plot as a part of the page."""
    return Markup(_document(figure, Markup("")))


def _document(figure: Figure, before: Markup) -> str:
    match figure:
        case Whiskers():
            height, body = _whiskers(figure)
        case Curve():
            height, body = _curve(figure)
        case Heat():
            height, body = _heat(figure)
    head = (
        f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'aria-labelledby="{figure.name}-title {figure.name}-desc">'
    )
    title = Markup('<title id="{0}-title">{1}</title><desc id="{0}-desc">{2}</desc>').format(
        figure.name, inert(figure.title), inert(figure.caption)
    )
    return str(Markup(head) + title + before + Markup("").join(body) + Markup("</svg>\n"))


def _text(x: float, y: float, text: str, names: str = "", room: float = WIDTH) -> Markup:
    """A text that is cut to its room and says the whole where a pointer rests on it."""
    whole = inert(text)
    most = max(1, int(room / LETTER))
    cut = whole if len(whole) <= most else whole[: most - 1] + "…"
    tip = Markup("<title>{}</title>").format(whole) if cut != whole else Markup("")
    return Markup('<text x="{:.1f}" y="{:.1f}" class="{}">').format(x, y, names) + tip + escape(cut) + Markup("</text>")


def _line(x1: float, y1: float, x2: float, y2: float, names: str) -> Markup:
    return Markup(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{names}"/>')


def _mark(point: Point, x: float, y: float, kind: str) -> Markup:
    """The shape tells kinds apart without colour."""
    interval = "" if point.low is None or point.high is None else f" [{_number(point.low)}, {_number(point.high)}]"
    tip = Markup("<title>{}</title>").format(f"{inert(point.label)} {_number(point.value)}{interval}".strip())
    if kind == FLOOR:
        shape = f'<rect class="mark floor" x="{x - 1:.1f}" y="{y - 7:.1f}" width="2" height="14">'
        return Markup(shape) + tip + Markup("</rect>")
    if kind == REF:
        shape = f'<rect class="mark ref" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8">'
        return Markup(shape) + tip + Markup("</rect>")
    if kind == OTHER:
        shape = f'<path class="mark other" d="M{x:.1f} {y - 5:.1f} l5 5 l-5 5 l-5 -5 z">'
        return Markup(shape) + tip + Markup("</path>")
    return Markup(f'<circle class="mark self" cx="{x:.1f}" cy="{y:.1f}" r="4.5">') + tip + Markup("</circle>")


def _number(value: float) -> str:
    return number(value, 3)


def _whiskers(figure: Whiskers) -> tuple[float, list[Markup]]:
    left, right, row = LABELS, WIDTH - RIGHT, 20.0
    scale = (right - left) / (figure.high - figure.low)

    def at(value: float) -> float:
        return left + (min(max(value, figure.low), figure.high) - figure.low) * scale

    body: list[Markup] = []
    y = 18.0
    for heading, points in figure.groups:
        body.append(_text(0, y, heading, "heading"))
        for point in points:
            y += row
            body.append(_text(10, y + 4, point.label, room=LABELS - 18))
            if point.low is not None and point.high is not None:
                body.append(_line(at(point.low), y, at(point.high), y, f"whisker {point.kind}"))
            body.append(_mark(point, at(point.value), y, point.kind))
        y += row + 10
    bottom = y - 18
    ticks = [figure.low + (figure.high - figure.low) * step / 4 for step in range(5)]
    grid = [_line(at(tick), 24, at(tick), bottom, "zero" if tick == 0 else "grid") for tick in ticks]
    named = [_text(at(tick), bottom + 16, _number_tick(tick), "quiet middle") for tick in ticks]
    axis = _text((left + right) / 2, bottom + 34, figure.axis, "quiet middle")
    return bottom + 42, [*grid, *body, *named, axis]


def _number_tick(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _curve(figure: Curve) -> tuple[float, list[Markup]]:
    left, right, top, bottom = 56.0, WIDTH - RIGHT, 14.0, 264.0
    places = [place for place, _ in figure.ticks]
    start, end = min(places), max(places)
    # A single step has no width; half a step of room on both sides keeps series off the frame.
    margin = 0.0 if figure.diagonal else 0.5

    def at(x: float) -> float:
        return left + (x - start + margin) / (end - start + 2 * margin) * (right - left)

    def up(y: float) -> float:
        share = (min(max(y, figure.low), figure.high) - figure.low) / (figure.high - figure.low)
        return bottom - share * (bottom - top)

    body = []
    for step in range(5):
        value = figure.low + (figure.high - figure.low) * step / 4
        body.append(_line(left, up(value), right, up(value), "grid"))
        body.append(_text(left - 6, up(value) + 4, _number_tick(value), "quiet end"))
    if figure.diagonal:
        body.append(_line(at(start), up(start), at(end), up(end), "dashed"))
    room = (right - left) / len(figure.ticks)
    body += [_text(at(place), bottom + 18, label, "quiet middle", room - 4) for place, label in figure.ticks]
    body.append(_text((left + right) / 2, bottom + 38, figure.x_axis, "quiet middle"))
    body.append(Markup(f'<g transform="translate(14 {(top + bottom) / 2:.1f}) rotate(-90)">'))
    body += [_text(0, 0, figure.y_axis, "quiet middle"), Markup("</g>")]
    for line in figure.lines:
        body += _one_curve(line, [(at(point.x), point) for point in line.points], up)
    y = bottom + 60
    for line in figure.lines:
        body.append(_mark(Point(line.label, line.kind, 0.0), left, y - 4, line.kind))
        body.append(_text(left + 14, y, line.label, room=right - left - 20))
        y += 20
    return y, body


def _one_curve(line: Line, placed: list[tuple[float, Point]], up: Callable[[float], float]) -> Iterator[Markup]:
    corners = " ".join(f"{x:.1f},{up(point.value):.1f}" for x, point in placed)
    yield Markup(f'<polyline class="curve {line.kind}" points="{corners}"/>')
    for x, point in placed:
        if point.low is not None and point.high is not None:
            yield _line(x, up(point.low), x, up(point.high), f"whisker {line.kind}")
        yield _mark(
            Point(f"{line.label} {point.label}", line.kind, point.value, point.low, point.high),
            x,
            up(point.value),
            line.kind,
        )


def _heat(figure: Heat) -> tuple[float, list[Markup]]:
    left, top = LABELS, 30.0
    width = min(72.0, (WIDTH - RIGHT - left) / len(figure.columns))
    height = min(40.0, width)
    body = [
        _text(left + (column + 0.5) * width, top - 8, str(column + 1), "quiet middle")
        for column in range(len(figure.columns))
    ]
    for row, (name, values) in enumerate(zip(figure.rows, figure.values, strict=True)):
        y = top + row * height
        body.append(_text(0, y + height / 2 + 4, f"{row + 1} {name}", room=LABELS - 8))
        for column, value in enumerate(values):
            x = left + column * width
            # Never more than a tint, so that the number in it can be read on light and on dark.
            tint = 0.0 if value is None else 0.04 + 0.3 * value
            body.append(
                Markup(
                    f'<rect class="cell" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
                    f'fill-opacity="{tint:.2f}"/>'
                )
            )
            body.append(_text(x + width / 2, y + height / 2 + 4, "–" if value is None else number(value), "middle"))
    return top + len(figure.rows) * height + 12, body
