from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ITEMS = 25_000
CASES = 4 * ITEMS
BYTES = 500 * 1000 * 1000


@pytest.fixture
def big_task(repository: Path, tmp_path: Path) -> Path:
    """A plugin of 25,000 items with the templates of a bundled task."""
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
def test_a_hundred_thousand_cases_stay_under_500_megabytes(big_task: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "introbench", "run", "--model", "scripted/oracle", "--tasks", "big"]
    options = ["--include-path", str(big_task), "--aa-share", "0", "--out", str(tmp_path / "run")]
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    assert process.returncode == 0, said[-2000:]
    assert sum(1 for _ in (tmp_path / "run" / "cases.jsonl").open()) == CASES
    assert used.ru_maxrss * 1024 < BYTES, f"{used.ru_maxrss / 1000:.0f} MB"
