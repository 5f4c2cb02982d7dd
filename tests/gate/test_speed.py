"""A gate on 5,000 stored cases answers in seconds, without torch."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Runner = Callable[..., Path]

BUDGET_SECONDS = 3.0
# Of processor time, which is the wall time of an idle machine; one in time is enough, as other work only ever adds.
RUNS = 5


def children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.slow
def test_five_thousand_stored_cases_are_gated_in_three_seconds(scripted_run: Runner, tmp_path: Path) -> None:
    run = scripted_run("scripted/reporter?of=0", "scripted/oracle?seed=3", limit=1250)
    assert len((run / "cases.jsonl").read_text().splitlines()) == 5000
    command = [sys.executable, "-m", "introbench"]
    file = str(tmp_path / "b.jsonl")
    subprocess.run([*command, "baseline", "save", str(run), "-o", file], check=True, capture_output=True)
    taken = []
    while len(taken) < RUNS:
        before = children_seconds()
        done = subprocess.run(
            [*command, "gate", "-b", file, "-c", str(run)], env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        taken.append(children_seconds() - before)
        if taken[-1] < BUDGET_SECONDS:
            return
    pytest.fail(f"processor seconds: {taken}")
