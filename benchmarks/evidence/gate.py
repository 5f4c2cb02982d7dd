"""Measure the error rates of the gate on simulated pairs: false alarms, power at the printed effect, false "ok".

usage: python -m benchmarks.evidence.gate [--json FILE [--missing]] [--sets N] [--grid full|small] [--processes N]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from benchmarks.evidence.gate_worlds import GATES, PairWorld, drawn, largest_harm, measured, results_of
from introbench.files import write_whole
from introbench.gate.influence import Seen
from introbench.gate.sequential import spending
from introbench.hashing import content_hash, file_hash

__all__ = ["ALPHA", "cell_of", "falls_short", "main", "worlds"]

ALPHA = 0.05
POWER = 0.8
POWER_TOLERANCE = 0.05
MARGIN, FLOOR = 0.05, 0.02
GATE = GATES[0]
"""The gate whose harm is planted."""

LOOKS = 4
LOOKED, POWERED = 4, 2
"""One data set in so many is looked at several times, and as many are drawn for power."""

TRIES = 40
"""Data sets over which the printed detectable effect is averaged to find the one that stands in its own world."""

GRIDS: Mapping[str, tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...], tuple[float, ...]]] = {
    # items, cues an item, share explained anew, share of near ties
    "full": ((100, 400), (1, 4), (0.1, 0.4), (0.0, 0.06)),
    "small": ((100,), (1, 4), (0.4,), (0.06,)),
}

MEASURED = ("change", "influence", "measures", "sequential", "verdict")
"""The modules of introbench.gate whose code the numbers depend on."""


def worlds(grid: str) -> Iterator[PairWorld]:
    """Every cell of a grid."""
    for items, cues, anew, ties in product(*GRIDS[grid]):
        yield PairWorld(items=items, cues=cues, anew=anew, ties=ties)


def cell_of(job: tuple[PairWorld, int]) -> dict[str, Any]:
    """Everything that is counted in one cell: each a share, with the number of data sets that it is of."""
    world, sets = job
    started = time.process_time()
    alarms_of = dict.fromkeys(GATES, 0)
    alarms = looked = differing = 0
    for number in range(sets):
        sides = drawn(world, "A/A", number)
        results = results_of(measured(sides), MARGIN, FLOOR, ALPHA)
        for name, result in results.items():
            alarms_of[name] += result.verdict == "regression"
        alarms += any(result.verdict == "regression" for result in results.values())
        differing += int(np.count_nonzero(sides[0].answers.said != sides[1].answers.said))
        if number < sets // LOOKED:
            looked += _alarm_in_looks(sides, world)
    harm = _detectable(world)
    found: dict[str, Any] = {
        "world": asdict(world),
        "sets": sets,
        "verdicts_that_differ": round(differing / sets / (world.items * world.cues), 4),
        "false_alarms": alarms / sets,
        "false_alarms_by_gate": {name: count / sets for name, count in alarms_of.items()},
        "sets_in_looks": sets // LOOKED,
        "false_alarms_in_looks": looked / (sets // LOOKED),
        "detectable": None if harm is None else round(harm, 4),
        "sets_of_power": sets // POWERED,
    }
    found |= _power(world, harm, sets // POWERED)
    return found | {"processor_seconds": round(time.process_time() - started, 1)}


def _power(world: PairWorld, harm: float | None, sets: int) -> dict[str, Any]:
    """How often the printed effect and its half are found, and how often a harm of the margin's size passes as "ok"."""
    if harm is None:
        return {"power": None, "power_at_half": None, "false_ok": None}
    seen = halved = passed = 0
    for number in range(sets):
        changes = measured(drawn(replace(world, harm=harm), "power", number))
        seen += results_of(changes, MARGIN, FLOOR, ALPHA)[GATE].verdict == "regression"
        # The margin is set to the planted harm, which is then exactly what must not pass.
        passed += results_of(changes, harm, min(FLOOR, harm), ALPHA)[GATE].verdict == "ok"
        half = measured(drawn(replace(world, harm=harm / 2), "half", number))
        halved += results_of(half, MARGIN, FLOOR, ALPHA)[GATE].verdict == "regression"
    return {"power": seen / sets, "power_at_half": halved / sets, "false_ok": passed / sets}


def _detectable(world: PairWorld) -> float | None:
    """The harm that is printed as detectable where it is there; None where this world cannot hold so much."""
    harm = min(0.06, largest_harm(world))
    for _ in range(4):
        shown = []
        for number in range(TRIES):
            results = results_of(measured(drawn(replace(world, harm=harm), "detectable", number)), MARGIN, FLOOR, ALPHA)
            shown.append(results[GATE].detectable or np.nan)
        harm = float(np.nanmean(shown))
        if harm > largest_harm(world):
            return None
    return harm


def _alarm_in_looks(sides: tuple[Seen, Seen], world: PairWorld) -> bool:
    """Whether any of several looks at growing parts of the items, each with its share of alpha, gives an alarm."""
    fractions = [look / LOOKS for look in range(1, LOOKS + 1)]
    for fraction, share in zip(fractions, spending(ALPHA, fractions), strict=True):
        part = np.arange(round(world.items * fraction) * world.cues)
        some = (_taken(sides[0], part), _taken(sides[1], part))
        verdicts = {result.verdict for result in results_of(measured(some), MARGIN, FLOOR, share).values()}
        if "regression" in verdicts:
            return True
        if verdicts == {"ok"}:
            return False
    return False


def _taken(seen: Seen, rows: Any) -> Seen:
    reference = seen.reference.take(rows) if seen.reference is not None else None
    return Seen(seen.cases.take(rows), seen.answers.take(rows), seen.refuse[rows], reference)


def falls_short(cell: Mapping[str, Any]) -> list[str]:
    """What misses its promise by more than two Monte-Carlo errors.

    More power than promised at the printed effect is no shortfall: the effect is then printed larger than it is.
    """
    counts = {"false_alarms": "sets", "false_alarms_in_looks": "sets_in_looks", "false_ok": "sets_of_power"}
    found = [
        f"{name} {cell[name]:.4f}"
        for name, sets in counts.items()
        if cell[name] is not None and cell[name] > ALPHA + 2 * _error(ALPHA, cell[sets])
    ]
    least = POWER - POWER_TOLERANCE - 2 * _error(POWER, cell["sets_of_power"])
    if cell["power"] is not None and cell["power"] < least:
        found.append(f"power {cell['power']:.4f} at the printed {cell['detectable']:.4f}")
    return found


def _error(share: float, sets: int) -> float:
    return math.sqrt(share * (1 - share) / sets)


def table(cells: list[dict[str, Any]]) -> str:
    """A row a cell, in Markdown."""
    rows = [
        [
            cell["world"]["items"],
            cell["world"]["cues"],
            f"{cell['world']['anew']:.0%}",
            f"{cell['world']['ties']:.0%}",
            f"{cell['verdicts_that_differ']:.1%}",
            f"{cell['false_alarms']:.1%}",
            f"{cell['false_alarms_in_looks']:.1%}",
            "–" if cell["detectable"] is None else f"{100 * cell['detectable']:.1f}",
            "–" if cell["power"] is None else f"{cell['power']:.0%}",
            "–" if cell["power"] is None else f"{cell['power_at_half']:.0%}",
            "–" if cell["false_ok"] is None else f"{cell['false_ok']:.1%}",
        ]
        for cell in cells
    ]
    headers = "items cues anew ties differ alarms in-4-looks printed power at-half false-ok".split()
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def _provenance(arguments: list[str]) -> dict[str, Any]:
    from benchmarks.machine import provenance
    from introbench import gate

    files = [Path(gate.__path__[0], f"{name}.py") for name in MEASURED]
    return {
        **provenance("benchmarks.evidence.gate", arguments),
        "gate_sha256": content_hash({file.name: file_hash(str(file)) for file in files}),
    }


def _known(file: Path, sets: int) -> list[dict[str, Any]]:
    """Cells of an earlier file that were measured on as many pairs; each names the code that it was measured with."""
    if not file.exists():
        return []
    return [cell for cell in json.loads(file.read_text("utf-8"))["cells"] if cell["sets"] == sets]


def _write(file: Path, grid: list[PairWorld], cells: list[dict[str, Any]]) -> None:
    result = {
        "what": "Error rates of the gate on simulated pairs of a baseline and a candidate.",
        "alpha": ALPHA,
        "margin": MARGIN,
        "floor": FLOOR,
        "gates": list(GATES),
        "planted_on": GATE,
        "looks": LOOKS,
        "cells_planned": len(grid),
        "cells": cells,
    }
    write_whole(file, (json.dumps(result, indent=1) + "\n").encode())


def main(arguments: list[str] | None = None) -> int:
    """Run the grid, print a table, write the JSON. 1 where something falls short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every cell there")
    parser.add_argument("--missing", action="store_true", help="keep the cells of FILE and measure the others")
    parser.add_argument(
        "--sets",
        type=int,
        default=1000,
        metavar="N",
        help="A/A pairs a cell, twice those for power",
    )
    parser.add_argument("--grid", choices=list(GRIDS), default="full")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N")
    options = parser.parse_args(arguments)
    if options.missing and options.json is None:
        parser.error("--missing needs --json FILE")
    grid = list(worlds(options.grid))
    places = {json.dumps(asdict(world)): place for place, world in enumerate(grid)}
    facts = _provenance(sys.argv[1:] if arguments is None else arguments) if options.json is not None else {}
    known = _known(options.json, options.sets) if options.missing else []
    cells = {place: cell for cell in known if (place := places.get(json.dumps(cell["world"]))) is not None}
    jobs = [(world, options.sets) for place, world in enumerate(grid) if place not in cells]
    started = time.monotonic()
    with ProcessPoolExecutor(options.processes) as pool:
        for (world, _), cell in zip(jobs, pool.map(cell_of, jobs), strict=True):
            cells[places[json.dumps(asdict(world))]] = cell | {"falls_short": falls_short(cell), "measured": facts}
            print(f"{len(cells)}/{len(grid)} {time.monotonic() - started:.0f} s", file=sys.stderr)
            if options.json is not None:
                # Written anew after every cell: an hour's work is not lost with its last minute.
                _write(options.json, grid, [cells[place] for place in sorted(cells)])
    found = [cells[place] for place in sorted(cells)]
    print(table(found))
    short = [f"{cell['world']}: {words}" for cell in found for words in cell["falls_short"]]
    for words in short:
        print(f"falls short: {words}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
