"""The measured part of docs/statistics.md, from the file of results.

usage: python -m benchmarks.evidence.page [FILE] [--into PAGE]   prints it, or puts it between the marks of a page
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.evidence.coverage import FEWEST_DATA_SETS, Tally, lacking
from introbench.files import write_whole

__all__ = ["BEGIN", "END", "RESULTS", "main", "measured_part", "placed", "tally_of"]

RESULTS = Path(__file__).parents[1] / "results" / "statistics-coverage.json"
BEGIN = "<!-- from here on written by `python -m benchmarks.evidence.page --into docs/statistics.md` -->"
END = "<!-- to here -->"

NAMES = {
    "youden_j": "J of the verdict",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "centred_verdict": "centred coupling of the verdict",
    "centred_j": "centred difference of J",
    "paired": "paired test",
    "permutation": "permutation test",
}
"""What the tallies are called where it is not their name."""


def measured_part(found: Mapping[str, Any]) -> str:
    """What was measured, as Markdown."""
    cells, sizes = found["cells"], found["grid"]
    hours = found["processor_seconds"] / 3600
    head = (
        f"Measured: **{found['cells_done']} of {found['cells_planned']} cells** of {sizes['data_sets']:,} data sets "
        f"each ({hours:.1f} hours of processor time, {found['date'][:10]}). Estimates that fewer than "
        f"{FEWEST_DATA_SETS} of a cell's sets give with 20 clusters in each class say nothing there and are left out."
    )
    return "\n\n".join([head, _intervals(cells), _tests(cells), _short(found)]) + "\n"


def tally_of(stored: Mapping[str, Any]) -> Tally:
    """A tally as it was counted, from how it is stored."""
    return Tally(**{count.name: stored[count.name] for count in fields(Tally)})


def placed(page: str, part: str) -> str:
    """A page with this part between its marks. ValueError where it has no marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks the line {BEGIN!r} or {END!r}")
    return f"{before}{BEGIN}\n\n{part}\n{END}{after}"


def _name(tally: str) -> str:
    return NAMES.get(tally, tally.replace("_", " "))


def _spaced(cell: str) -> str:
    return cell.replace("=", " = ")


def _known(cells: Sequence[Mapping[str, Any]], part: str) -> dict[str, list[tuple[float, str]]]:
    """Shares with their cells, by tally."""
    found: dict[str, list[tuple[float, str]]] = {}
    for cell in cells:
        for name, tally in cell[part].items():
            shares = found.setdefault(name, [])
            if tally["trials"] >= FEWEST_DATA_SETS:
                shares.append((tally["share"], cell["cell"]))
    return found


def _intervals(cells: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [_name(name), len(shares), f"{min(shares)[0]:.3f}", _spaced(min(shares)[1]), f"{max(shares)[0]:.3f}"]
        if shares
        else [_name(name), 0, "–", "–", "–"]
        for name, shares in _known(cells, "coverage").items()
    ]
    headers = ["estimate", "cells", "lowest coverage of 95 % intervals", "where", "highest"]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def _tests(cells: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for name, shares in _known(cells, "levels").items():
        tallies = [cell["levels"][name] for cell in cells]
        hits, trials = (sum(tally[count] for tally in tallies) for count in ("hits", "trials"))
        low, high = (f"{end(shares)[0]:.3f}" if shares else "–" for end in (min, max))
        rows.append([_name(name), len(shares), f"{hits / trials:.3f} of {trials:,}" if trials else "–", low, high])
    headers = ["test at 5 %", "cells", "rejects of true nulls", "lowest cell", "highest cell"]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def _short(found: Mapping[str, Any]) -> str:
    lines = [*_repeated(found["cells"]), *_lacks(found["falls_short"])]
    return "\n".join(lines)


def _repeated(cells: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Levels that lay more than two errors off at first."""
    for cell in cells:
        for name, again in cell["levels_again"].items():
            first = cell["levels"][name]
            if lacking(cell["cell"], {name: tally_of(first)}, tests=True):
                yield (
                    f"- {_spaced(cell['cell'])}: the {_name(name)} rejected {first['share']:.3f} of "
                    f"{first['trials']:,} data sets, then {again['share']:.3f} of {again['trials']:,} new ones"
                )


def _lacks(lacks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not lacks:
        yield "- Nothing falls short by more than two Monte-Carlo errors."
    for lack in lacks:
        facts = lack["facts"]
        what = f"{_spaced(lack['cell'])}, {_name(lack['name'])}: **falls short**,"
        if lack["name"] in ("paired", "permutation"):
            yield f"- {what} {lack['share']:.3f} of {facts['trials']:,} rejected"
        else:
            whole = facts["hits_of_all"] / facts["all"]
            yield (
                f"- {what} {lack['share']:.3f} of the {facts['trials']:,} data sets with enough clusters; of all "
                f"{facts['all']:,}, {whole:.3f}"
            )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the part, or put it into a page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence.page", description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS, metavar="FILE")
    parser.add_argument("--into", type=Path, metavar="PAGE")
    options = parser.parse_args(arguments)
    part = measured_part(json.loads(options.results.read_bytes()))
    if options.into is None:
        print(part, end="")
    else:
        write_whole(options.into, placed(options.into.read_text("utf-8"), part).encode())


if __name__ == "__main__":
    main()
