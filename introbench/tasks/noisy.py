"""Specs of noisy tasks: `noisy:BASE?rate=0.2&kind=verdict&k=8`, any task after demonstrations with flipped labels."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args
from urllib.parse import quote, unquote

from introbench.errors import SpecError
from introbench.tasks.noise import Noise, NoiseKind

if TYPE_CHECKING:
    from introbench.tasks.labels import FrozenLabels

__all__ = ["BUNDLED", "DRAWS", "OWN", "PREFIX", "NoisyShots", "noisy_name", "read_noisy"]

PREFIX = "noisy:"
DRAWS = 3
"""Draws of demonstrations: which ones are shown moves few-shot scores more than many a treatment."""

BUNDLED, OWN = "bundled", "own"
"""Where labels come from, beside a file or a run: the task's folder, or a first stage that asks the target."""

_SIZES = ("0", "4", "8")
_USUAL = {"k": "4", "rate": "0.2", "kind": "symmetric", "labels": BUNDLED, "draw": "all"}
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class NoisyShots:
    """Which demonstrations a noisy task shows, and what is done to their labels.

    Attributes:
        noise: what is done to the labels.
        draw: number of the draw, from 0; draw 0 is what the base task shows with the same k.
        labels: "bundled", the target's "own", or the path of a label file or a run directory.
        base: spec of the base task without demonstrations.
        frozen: the labels, where they are not the bundled ones and have been read.
    """

    noise: Noise
    draw: int
    labels: str
    base: str
    frozen: FrozenLabels | None = field(default=None, hash=False)


def read_noisy(spec: str) -> tuple[str, list[NoisyShots]]:
    """The spec of the base task with its k, and what to show: a draw each, nothing where k is 0.

    Raises SpecError on a value that is out of range.
    """
    name, _, query = spec.removeprefix(PREFIX).partition("?")
    given: dict[str, str] = {}
    rest: list[str] = []
    for part in filter(None, query.split("&")):
        key, _, value = part.partition("=")
        if key in _USUAL:
            given[key] = unquote(value)
        else:
            rest.append(part)
    values = _USUAL | given
    if values["k"] not in _SIZES:
        raise SpecError(f"task {spec!r}: k={values['k']} must be {', '.join(_SIZES[:-1])} or {_SIZES[-1]}")
    bare = f"{name}?{'&'.join(rest)}" if rest else name
    shots = _shots(spec, bare, values)
    if values["k"] == "0":
        if given.get("rate") and shots[0].noise.rate:
            raise SpecError(f"task {spec!r}: k=0 shows no label that could be flipped; leave rate= out")
        shots = []
    return f"{name}?{'&'.join([*rest, 'k=' + values['k']])}", shots


def _shots(spec: str, base: str, values: dict[str, str]) -> list[NoisyShots]:
    kind = next((kind for kind in get_args(NoiseKind) if kind == values["kind"]), None)
    if kind is None:
        raise SpecError(f"task {spec!r}: kind={values['kind']} must be one of {', '.join(get_args(NoiseKind))}")
    try:
        rate = float(values["rate"])
    except ValueError:
        rate = math.nan
    if not 0 <= rate <= 1:
        raise SpecError(f"task {spec!r}: rate={values['rate']} must be a number from 0 to 1")
    numbers = [str(number) for number in range(DRAWS)]
    if values["draw"] not in (*numbers, "all"):
        raise SpecError(f"task {spec!r}: draw={values['draw']} must be {', '.join(numbers)} or all")
    if not values["labels"]:
        raise SpecError(f"task {spec!r}: labels= must be {BUNDLED}, {OWN}, a label file or a run directory")
    draws = numbers if values["draw"] == "all" else [values["draw"]]
    return [NoisyShots(Noise(kind, rate), int(number), values["labels"], base) for number in draws]


def noisy_name(base: str, shots: NoisyShots | None) -> str:
    """The canonical name of a noisy task; labels that were read from a file or run are named by their hash.

    Args:
        base: canonical name of the base task, with its k.
    """
    if shots is None:
        return f"{PREFIX}{base}{'&' if '?' in base else '?'}k=0"
    parts = [f"rate={shots.noise.rate:g}"]
    if shots.noise.kind != _USUAL["kind"]:
        parts.append(f"kind={shots.noise.kind}")
    # A path says where a file lay on one machine; the hash says what was in it.
    named = shots.labels if shots.labels == OWN or shots.frozen is None else shots.frozen.sha256[:_DIGITS]
    if named != BUNDLED:
        parts.append(f"labels={quote(named)}")
    return f"{PREFIX}{base}&{'&'.join([*parts, f'draw={shots.draw}'])}"
