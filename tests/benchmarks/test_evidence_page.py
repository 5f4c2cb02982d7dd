"""The measured part of the documentation is made from the file of results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.evidence.page import BEGIN, END, RESULTS, measured_part, placed


def tally(share: float | None, trials: int, **others: int) -> dict[str, Any]:
    hits = round((share or 0) * trials)
    return {"share": share, "hits": hits, "trials": trials, "low": 0, "hits_of_all": hits, "all": trials} | others


def results(**changes: Any) -> dict[str, Any]:
    cell = {
        "cell": "n=60 cues=1 changed=30% coupled",
        "coverage": {"gap": tally(0.95, 4000), "macro_f1": tally(0.9, 450, hits_of_all=3800, all=4000)},
        "levels": {"paired": tally(0.08, 500), "permutation": tally(0.05, 500)},
        "levels_again": {"paired": tally(0.05, 4000), "permutation": tally(0.05, 4000)},
    }
    other = {**cell, "cell": "n=100 cues=2 changed=5% uncoupled", "coverage": {"gap": tally(0.94, 4000)}}
    other |= {"levels": {"paired": tally(0.04, 500), "permutation": tally(0.2, 300)}, "levels_again": {}}
    found = {
        "grid": {"data_sets": 4000, "level_sets": 500},
        "cells_done": 2,
        "cells_planned": 96,
        "processor_seconds": 5400.0,
        "date": "2026-01-02T03:04:05Z",
        "falls_short": [
            {
                "cell": cell["cell"],
                "name": "macro_f1",
                "share": 0.9,
                "facts": {"trials": 450, "hits": 405, "low": 0, "hits_of_all": 3800, "all": 4000},
            }
        ],
        "cells": [cell, other],
    }
    return found | changes


def test_the_part_names_the_worst_cell_and_what_falls_short() -> None:
    part = measured_part(results())
    assert "**2 of 96 cells** of 4,000 data sets each (1.5 hours of processor time, 2026-01-02)" in part
    gap = next(line for line in part.splitlines() if line.startswith("| gap"))
    assert [cell.strip() for cell in gap.strip("|").split("|")] == [
        *("gap", "2", "0.940", "n = 100 cues = 2 changed = 5% uncoupled", "0.950")
    ]
    assert "macro F1: **falls short**, 0.900 of the 450 data sets with enough clusters; of all 4,000, 0.950" in part
    assert "rejected 0.080 of 500 data sets, then 0.050 of 4,000 new ones" in part
    assert part.count("new ones") == 1
    permutation = next(line for line in part.splitlines() if line.startswith("| permutation test"))
    assert [cell.strip() for cell in permutation.strip("|").split("|")][1:3] == ["1", "0.106 of 800"]


def test_a_file_without_shortfalls_says_so() -> None:
    assert "Nothing falls short" in measured_part(results(falls_short=[]))


def test_the_part_replaces_what_stands_between_the_marks() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = placed(page, "new\n")
    assert once == placed(once, "new\n") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    with pytest.raises(ValueError, match="lacks"):
        placed("a page without marks", "new")


def test_the_page_says_what_the_results_say(repository: Path) -> None:
    page = (repository / "docs/statistics.md").read_text("utf-8")
    assert placed(page, measured_part(json.loads(RESULTS.read_bytes()))) == page
