from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from benchmarks.command import measured

ITEMS = 3_500
CASES = 4 * ITEMS
BYTES = 500 * 1000 * 1000


FEWER_ITEMS = 500
BYTES_A_CASE = 3_500
"""Of the report of a stored run, beside what any report takes."""


@pytest.fixture
def big_task(repository: Path, tmp_path: Path) -> Path:
    """A plugin of thousands of items with the templates of a bundled task."""
    folder = tmp_path / "big"
    folder.mkdir()
    templates = repository / "tasks" / "hint_facts" / "templates.yaml"
    (folder / "templates.yaml").write_bytes(templates.read_bytes())
    rows = (
        {
            "id": f"sum-{number}",
            "kind": f"kind {number % 10}",
            "cluster": f"sum-{number}",
            "split": "test",
            "question": f"What is {number} plus {number % 97}?",
            "choices": [str(number + number % 97 + step) for step in range(4)],
            "key": 0,
        }
        for number in range(ITEMS)
    )
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    (folder / "items.jsonl").write_bytes(data)
    (folder / "task.py").write_text(
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from introbench.tasks import Task\n"
        "from introbench_tasks.hint_facts.task import TASK as MODEL\n"
        f"info = replace(MODEL.info, name='big', count={ITEMS}, sha256={hashlib.sha256(data).hexdigest()!r}, "
        "labels_sha256=None)\n"
        "TASK = Task(info=info, folder=Path(__file__).parent)\n"
    )
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_fourteen_thousand_cases_stay_under_500_megabytes(big_task: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ["--include-path", str(big_task), "--aa-share", "0", "--out", str(run)]
    cost = measured("run", "--model", "scripted/oracle", "--tasks", "big", *options)
    assert (run / "cases.jsonl").read_bytes().count(b"\n") == CASES
    assert cost.peak_bytes < BYTES, f"{cost.peak_bytes / 1e6:.0f} MB"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_report_of_a_case_takes_little_memory(big_task: Path, tmp_path: Path) -> None:
    """What two sizes differ in, so that libraries do not count. A hundred thousand cases stay under 500 megabytes."""
    peaks = []
    for items in (FEWER_ITEMS, ITEMS):
        options = ["--include-path", str(big_task), "--aa-share", "0", "--limit", str(items)]
        run = str(tmp_path / f"run-{items}")
        measured("run", "--model", "scripted/oracle", "--tasks", "big", *options, "--out", run)
        peaks.append(measured("score", run, "--include-path", str(big_task)).peak_bytes)
    each = (peaks[1] - peaks[0]) / (4 * (ITEMS - FEWER_ITEMS))
    assert each < BYTES_A_CASE, f"{each:.0f} bytes a case"
