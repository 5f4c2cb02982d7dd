"""Plots of the site: the best of a board with their intervals, and a model over its revisions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from introbench.metrics.intervals import Estimate
from introbench.report.figures import OTHER, SELF, Curve, Line, Point, Whiskers
from introbench_leaderboard.entry import Board
from introbench_leaderboard.site.listing import Placed

__all__ = ["MOST_DRAWN", "best_of", "trajectory"]

MOST_DRAWN = 20
"""Entries of a board in its plot."""


def best_of(board: Board, placed: Sequence[Placed]) -> Whiskers | None:
    """The first entries of a board, by tier; None where none has an estimate."""
    drawn = [each for each in placed if each.ranked.above_floor.value is not None][:MOST_DRAWN]
    if not drawn:
        return None
    return Whiskers(
        "best",
        "J of Self above its best floor",
        f"The first {len(drawn)} of {len(placed)} submissions on {board.name}, the more trusted tiers first. "
        "Lines are 95 % intervals.",
        "J above the best trivial explainer",
        *_ends([each.ranked.above_floor for each in drawn]),
        tuple((tier, tuple(_named(members))) for tier, members in groupby(drawn, lambda each: each.listed.entry.tier)),
    )


def _named(placed: Iterable[Placed]) -> Iterator[Point]:
    for each in placed:
        name = f"{each.listed.name} {each.listed.entry.id.revision}"
        yield from _point(name, SELF, each.ranked.above_floor, 0.0)


def trajectory(number: int, board: Board, placed: Sequence[Placed]) -> Curve | None:
    """A model's submissions on one board, from the oldest; None where there are fewer than two."""
    steps = sorted(placed, key=lambda each: (each.listed.entry.accepted, str(each.listed.entry.id)))
    figures = [each.ranked.above_floor for each in steps]
    scores = [each.ranked.youden_j for each in steps]
    if len(steps) < 2 or all(figure.value is None for figure in figures):
        return None
    return Curve(
        f"trajectory-{number}",
        f"Over revisions: {board.name}",
        "J of Self, and J of Self above its best floor, over the submissions of this model in the order in which they "
        "were accepted. Lines are 95 % intervals.",
        "revision",
        "J",
        *_ends([*figures, *scores]),
        tuple((float(place), each.listed.entry.id.revision) for place, each in enumerate(steps)),
        (
            Line("J above its best floor", SELF, _along(SELF, figures)),
            Line("J of Self", OTHER, _along(OTHER, scores)),
        ),
    )


def _along(kind: str, estimates: Sequence[Estimate]) -> tuple[Point, ...]:
    return tuple(point for place, each in enumerate(estimates) for point in _point("", kind, each, float(place)))


def _point(label: str, kind: str, estimate: Estimate, x: float) -> list[Point]:
    if estimate.value is None:
        return []
    return [Point(label, kind, estimate.value, estimate.low, estimate.high, x)]


def _ends(estimates: Sequence[Estimate]) -> tuple[float, float]:
    """An axis of whole halves that holds 0 and every interval, and has room for five ticks."""
    values = [0.0]
    for each in estimates:
        values += [value for value in (each.value, each.low, each.high) if value is not None]
    return math.floor(2 * min(values)) / 2, max(math.ceil(2 * max(values)) / 2, 0.5)
