"""A seeded slice of the gate's error rates, and that the simulation plants what it says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.evidence.gate import ALPHA, GATE, cell_of, falls_short, main, table, worlds
from benchmarks.evidence.gate_worlds import PairWorld, drawn, largest_harm, measured, results_of
from introbench.gate.sequential import spending

WORLD = PairWorld(items=100, cues=4, anew=0.4, ties=0.06)


def test_the_planted_harm_is_what_a_large_world_shows() -> None:
    for harm in (0.0, 0.08):
        changes = measured(drawn(replace(WORLD, items=5000, harm=harm), "large", 0))
        assert changes[GATE].change == pytest.approx(-harm, abs=0.012)
        assert changes["cue_following"].change == pytest.approx(0, abs=0.012)


def test_without_harm_the_sides_can_be_exchanged() -> None:
    """The mean change over many pairs is 0 within its own error, and as many fall as rise."""
    changes = [measured(drawn(WORLD, "sides", number))[GATE].change for number in range(100)]
    assert abs(np.mean(changes)) < 3 * np.std(changes) / np.sqrt(100)


@pytest.mark.slow
def test_a_slice_of_the_error_rates_does_not_fall_short() -> None:
    cell = cell_of((WORLD, 120))
    assert falls_short(cell) == []
    assert cell["detectable"] < largest_harm(WORLD)
    assert cell["power"] > 0.65
    assert cell["power_at_half"] < cell["power"]
    # 99.9 % of 120 pairs without harm give at most fourteen alarms where one in twenty is promised.
    assert cell["false_alarms"] * 120 <= 14


def test_what_falls_short_is_named() -> None:
    cell = {
        "false_alarms": 0.09, "false_alarms_in_looks": 0.0, "false_ok": 0.2, "power": 0.5, "detectable": 0.05,
        "sets": 1000, "sets_in_looks": 250, "sets_of_power": 500,
    }  # fmt: skip
    assert [words.split()[0] for words in falls_short(cell)] == ["false_alarms", "false_ok", "power"]


def test_a_gate_that_compared_unpaired_thresholds_would_raise_false_alarms() -> None:
    """What the gate is better than: calling every fall of two points a regression."""
    naive = proper = 0
    for number in range(60):
        changes = measured(drawn(replace(WORLD, items=100, cues=1), "naive", number))
        naive += changes[GATE].change <= -0.02
        proper += results_of(changes, 0.05, 0.02, ALPHA)[GATE].verdict == "regression"
    assert proper <= 6 < naive


@pytest.mark.parametrize("looks", [1, 2, 4, 10])
def test_looks_spend_no_more_than_alpha(looks: int) -> None:
    shares = spending(0.05, [look / looks for look in range(1, looks + 1)])
    assert sum(shares) == pytest.approx(0.05)
    assert all(share > 0 for share in shares)
    assert shares == sorted(shares) or looks > 4


def test_the_grid_spans_sizes_discordance_ties_and_clusters() -> None:
    grid = list(worlds("full"))
    for name in ("items", "cues", "anew", "ties"):
        assert len({getattr(world, name) for world in grid}) > 1, name


@pytest.mark.slow
def test_the_command_writes_every_cell(tmp_path: Path) -> None:
    file = tmp_path / "gate.json"
    main(["--grid", "small", "--sets", "8", "--processes", "1", "--json", str(file)])
    result = json.loads(file.read_text())
    assert len(result["cells"]) == 2
    assert all(len(cell["measured"]["gate_sha256"]) == 64 for cell in result["cells"])


@pytest.mark.slow
def test_cells_that_are_missing_are_measured_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "gate.json"
    command = ["--grid", "small", "--sets", "4", "--processes", "1", "--json", str(file)]
    main(command)
    whole = json.loads(file.read_text())
    kept = whole["cells"][1] | {"measured": "earlier"}
    file.write_text(json.dumps({**whole, "cells": [kept]}))
    main([*command, "--missing"])
    first, second = json.loads(file.read_text())["cells"]
    same = [name for name in first if name not in ("measured", "processor_seconds")]
    assert second == kept
    assert {name: first[name] for name in same} == {name: whole["cells"][0][name] for name in same}


def test_the_page_shows_the_numbers_that_were_measured(repository: Path) -> None:
    result = json.loads((repository / "benchmarks/results/gate-errors.json").read_text())
    assert table(result["cells"]) in (repository / "docs/gate.md").read_text()
    assert sum(cell["sets"] for cell in result["cells"]) >= 1000
    assert all(cell["falls_short"] == falls_short(cell) == [] for cell in result["cells"])
