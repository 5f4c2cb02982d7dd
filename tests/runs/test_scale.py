from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from benchmarks.command import measured

ITEMS = 3_500
CASES = 4 * ITEMS
BYTES = 500 * 1000 * 1000


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
