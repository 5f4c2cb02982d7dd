"""The report of a large run stays within its bounds."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from introbench.report.gather import gather
from introbench.report.html.page import MOST_BYTES, html_page
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute

SECONDS_PER_CASE = 15 / 20_000


@pytest.mark.slow
def test_a_page_takes_its_share_of_15_seconds_and_of_5_megabytes_for_20_000_cases(tmp_path: Path) -> None:
    tasks = ["hint_facts", "hint_facts?behaviour=letter"]
    config, variants = resolve_config("scripted/oracle", ["scripted/liar?seed=1"], tasks, limit=500, aa_share=0)
    run = execute(config, variants, tmp_path / "run")
    gather(run)  # what is read and imported once
    started = time.process_time()
    page = html_page([gather(run)])
    assert time.process_time() - started < SECONDS_PER_CASE * 4000
    assert len(page.encode()) < MOST_BYTES * 4000 / 20_000


def test_the_committed_measurement_holds_the_bounds(repository: Path) -> None:
    found = json.loads((repository / "benchmarks" / "results" / "report.json").read_text())
    assert found["cases"] >= 20_000
    assert found["report_seconds"] < 15
    assert found["report_bytes"] < MOST_BYTES
