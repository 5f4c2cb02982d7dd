"""Measure the coverage of every interval and the level of every test on simulated data with known truth.

usage: python -m benchmarks.evidence [--json FILE] [--data-sets N] [--level-sets N] [--grid full|small] [--processes N]

A FILE that holds cells of the same grid, sizes and code is gone on with; anything else in it is measured anew.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.evidence.coverage import Lack, Tally, coverage_of, lacking, levels_of, name_of
from benchmarks.evidence.page import tally_of
from benchmarks.evidence.worlds import World
from introbench.files import write_whole
from introbench.hashing import content_hash, file_hash

GRIDS: Mapping[str, tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...], tuple[float, ...]]] = {
    # cases, cues an item (the ends before the middle), chance of a changed answer, insight
    "full": ((60, 100, 200, 500), (4, 1, 2), (0.05, 0.15, 0.3, 0.5), (0.0, 0.5)),
    "small": ((60, 100, 200, 500), (4, 1), (0.2, 0.5), (0.0, 0.5)),
}

MEASURED = (
    "arrays",
    "bootstrap",
    "intervals",
    "matrix",
    "observations",
    "pairs",
    "permutation",
    "roles",
    "scores",
    "significance",
)
"""The modules of introbench.metrics whose code the numbers depend on."""

AGAIN = 8
"""A level that lies too far off is measured again on so many times the data sets."""


def worlds(grid: str) -> Iterator[World]:
    """Every cell of a grid. The reference changes its answer in 30 % of cases throughout."""
    sizes, together, chances, insights = GRIDS[grid]
    for cues, cases, changed, insight in product(together, sizes, chances, insights):
        yield World(cases=cases, cues=cues, changed=changed, insight=insight)


def _cell(job: tuple[World, int, int]) -> dict[str, Any]:
    """One cell as it is stored."""
    world, data_sets, level_sets = job
    started = time.process_time()
    coverage, levels = coverage_of(world, data_sets), levels_of(world, level_sets)
    # Among a hundred levels that are kept, two or three lie this far off: new data sets decide.
    again = levels_of(world, AGAIN * level_sets, first=level_sets) if lacking("", levels, tests=True) else {}
    return _entry(world, {"coverage": coverage, "levels": levels, "levels_again": again}, time.process_time() - started)


def _entry(world: World, tallies: Mapping[str, Mapping[str, Tally]], seconds: float) -> dict[str, Any]:
    def shares(tallies: Mapping[str, Tally]) -> dict[str, Any]:
        return {
            name: {"share": None if tally.share is None else round(tally.share, 5), **asdict(tally)}
            for name, tally in tallies.items()
        }

    return {
        "cell": name_of(world),
        "world": asdict(world),
        "processor_seconds": round(seconds, 1),
        **{part: shares(found) for part, found in tallies.items()},
    }


def _lacks(cell: Mapping[str, Any]) -> Iterator[Lack]:
    """What of a stored cell falls short."""
    for part, tests in (("coverage", False), ("levels_again" if cell["levels_again"] else "levels", True)):
        tallies = {name: tally_of(tally) for name, tally in cell[part].items()}
        yield from lacking(cell["cell"], tallies, tests=tests)


def _done(file: Path | None, same: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The cells of a file that was measured with the same code and sizes; none of any other."""
    try:
        found = json.loads(file.read_bytes()) if file else {}
    except (OSError, ValueError):
        return []
    if not isinstance(found, dict) or any(found.get(name) != value for name, value in same.items()):
        return []
    return [cell for cell in found["cells"] if "processor_seconds" in cell]


def _table(cells: list[dict[str, Any]]) -> str:
    """The lowest, the mean and the highest share over the cells, by estimate."""
    rows = []
    for part in ("coverage", "levels"):
        for name in cells[0][part]:
            tallies = [(cell[part][name], cell["cell"]) for cell in cells]
            known = [(tally["share"], where) for tally, where in tallies if tally["trials"] >= 400]
            if known:
                shares = [share for share, _ in known]
                lowest = min(known) if part == "coverage" else max(known)
                rows.append([part, name, len(known), min(shares), sum(shares) / len(shares), max(shares), lowest[1]])
    return tabulate(rows, ["", "of", "cells", "lowest", "mean", "highest", "worst cell"], floatfmt=".3f")


def _code() -> dict[str, str]:
    """Hashes of the code that is measured, and of the worlds that measure it."""
    from introbench import metrics

    def together(files: Sequence[Path]) -> str:
        return content_hash({file.name: file_hash(str(file)) for file in files})

    here = Path(__file__).parent
    return {
        "metrics_sha256": together([Path(metrics.__path__[0], f"{name}.py") for name in MEASURED]),
        "worlds_sha256": together([here / "coverage.py", here / "worlds.py"]),
    }


def main(arguments: list[str] | None = None) -> int:
    """Run the grid, print a table, write the JSON. 1 where something falls short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every tally there")
    parser.add_argument("--data-sets", type=int, default=4000, metavar="N", help="per cell, for coverage")
    parser.add_argument("--level-sets", type=int, default=500, metavar="N", help="per cell, for the level of tests")
    parser.add_argument("--grid", choices=list(GRIDS), default="full")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N")
    options = parser.parse_args(arguments)
    jobs = [(world, options.data_sets, options.level_sets) for world in worlds(options.grid)]
    same: dict[str, Any] = {
        "grid": {"name": options.grid, "data_sets": options.data_sets, "level_sets": options.level_sets},
        **_code(),
    }
    cells = _done(options.json, same)
    known = {cell["cell"] for cell in cells}
    jobs_left = [job for job in jobs if name_of(job[0]) not in known]
    if known:
        print(f"{len(known)} cells of {len(jobs)} stand in {options.json}", file=sys.stderr)
    facts: dict[str, Any] = {}
    if options.json is not None:
        from benchmarks.machine import provenance

        facts = provenance("benchmarks.evidence", sys.argv[1:] if arguments is None else arguments)
    with ProcessPoolExecutor(options.processes) as pool:
        for cell in pool.map(_cell, jobs_left):
            cells.append(cell)
            print(f"{len(cells)}/{len(jobs)} {cell['cell']} {cell['processor_seconds']} s", file=sys.stderr)
            if options.json is None:
                continue
            # Written anew after every cell: an hour's work is not lost with its last minute.
            result = {
                "what": "Coverage of 95 % intervals and level of tests at 5 % on simulated data with known truth.",
                **same,
                "cells_done": len(cells),
                "cells_planned": len(jobs),
                "processor_seconds": round(sum(cell["processor_seconds"] for cell in cells), 1),
                "falls_short": [asdict(lack) for cell in cells for lack in _lacks(cell)],
                **facts,
                "cells": cells,
            }
            write_whole(options.json, (json.dumps(result, indent=1) + "\n").encode())
    lacks = [lack for cell in cells for lack in _lacks(cell)]
    print(_table(cells))
    for lack in lacks:
        print(f"falls short: {lack.cell}: {lack.name} {lack.share:.4f} (Monte-Carlo error {lack.error:.4f})")
    return 1 if lacks else 0


if __name__ == "__main__":
    sys.exit(main())
