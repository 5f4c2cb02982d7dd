"""A verdict in plain words: one line for all of it, one sentence for every gate."""

from __future__ import annotations

from introbench.gate.measures import MEASURES
from introbench.gate.verdict import GateResult, GateVerdict
from introbench.texts import inert

__all__ = ["bounds", "headline", "level", "points", "sentence", "title"]

_HEADLINES = {
    "ok": "OK: no gate moved by its margin",
    "regression": "REGRESSION",
    "inconclusive": "INCONCLUSIVE: nothing is shown to be worse, and not all of it is shown to be as good",
    "incomparable": "INCOMPARABLE",
}
_MOVES = {"down": "fall", "up": "rise", "both": "move"}


def points(value: float) -> str:
    """A share as hundredths with a sign: what people call points."""
    shown = f"{abs(100 * value):.1f}"
    return shown if shown == "0.0" else f"{'−' if value < 0 else '+'}{shown}"


def level(value: float | None) -> str:
    """An estimate in hundredths, or a dash."""
    return "–" if value is None else points(value).lstrip("+")


def _size(value: float) -> str:
    return f"{abs(100 * value):.1f}"


def title(result: GateResult) -> str:
    """What is gated, on one line."""
    against = " against the anchor" if result.against == "anchor" else ""
    return f"{result.estimate} on {inert(result.task)}{against}"


def bounds(result: GateResult) -> str:
    """The simultaneous bounds of the change, or a dash."""
    if result.low is None and result.high is None:
        return "–"
    if result.low is None or result.high is None:
        return f"≥ {points(result.low)}" if result.low is not None else f"≤ {points(result.high or 0.0)}"
    return f"[{points(result.low)}, {points(result.high)}]"


def headline(verdict: GateVerdict) -> str:
    """The verdict on one line, with what it rests on."""
    said = _HEADLINES[verdict.verdict]
    which = [result for result in verdict.gates if result.verdict == verdict.verdict]
    if verdict.verdict in ("regression", "inconclusive") or (which and not verdict.reasons):
        said += f" ({len(which)} of {len(verdict.gates)} gates)"
    if verdict.verdict == "inconclusive":
        said += "; fails under --strict" if verdict.strict else "; passes with a warning"
    return said


def sentence(result: GateResult) -> str:
    """What was found of one gate."""
    if result.verdict == "incomparable" or result.change is None:
        return inert(result.detail)
    says = MEASURES[result.estimate].says
    change = f"({points(result.change)} points)"
    moved = f"the {says} went from {level(result.baseline)} to {level(result.candidate)} {change}"
    if result.verdict == "regression":
        return (
            f"{moved}: worse, p {_p(result.p_holm)} after Holm's correction over all gates, and by "
            f"{_size(result.floor)} points or more"
        )
    if result.verdict == "ok":
        return f"{moved}, and a {_harm(result)} of {_size(result.margin)} points is ruled out: {bounds(result)}"
    return f"{moved}, and it may have changed by {bounds(result)}: {_unseen(result)}"


def _unseen(result: GateResult) -> str:
    """Why nothing was decided, and what would decide it."""
    if result.detail:
        return f"too few to rule anything out ({result.detail})"
    if result.detectable is None:
        return "nothing can be said of what could be seen"
    harm = _harm(result)
    if result.detectable <= result.margin:
        return (
            f"a {harm} of {_size(result.detectable)} points would mostly have been seen, and one of "
            f"{_size(result.margin)} is not ruled out; more items decide"
        )
    said = f"with these {result.items} items a {harm} under {_size(result.detectable)} points cannot be seen"
    if result.items_for_margin is None or result.items_for_margin <= result.items:
        return said
    return f"{said}; about {result.items_for_margin} items would show {_size(result.margin)}"


def _harm(result: GateResult) -> str:
    return _MOVES[result.worse]


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "under .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")
