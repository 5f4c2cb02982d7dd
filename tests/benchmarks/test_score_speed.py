"""The benchmark of `introbench score` writes a run that scoring reads, of the size that it says."""

from __future__ import annotations

from pathlib import Path

from benchmarks.score_speed import measure, write_run
from introbench.metrics import summarise


def test_the_run_has_as_many_rows_as_it_says_and_all_are_used(tmp_path: Path) -> None:
    cases, rows = write_run(tmp_path, rows=2000, models=2)
    summary = summarise(tmp_path)
    assert sum(model.ledger.used for model in summary.models) == rows
    assert 1800 < rows < 2200
    assert summary.tasks[0].cases.held == cases
    assert summary.tasks[0].emitters[0].coverage.scored == summary.tasks[0].cases.headline


def test_scoring_is_measured_as_a_command(tmp_path: Path) -> None:
    write_run(tmp_path, rows=500, models=1)
    found = measure(tmp_path)
    assert found["processor_seconds"] > 0
    assert 10_000_000 < found["peak_bytes"] < 1_000_000_000
    assert (tmp_path / "summary.json").exists()
