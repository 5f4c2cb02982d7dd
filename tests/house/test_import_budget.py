"""Asking what there is must not cost a deep-learning stack."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

# Of processor time, which is the wall time of an idle machine; on a busy one the wall measures the neighbours.
BUDGET_SECONDS = 0.3
# Wall time past which something waited: for a network, a lock or a disk.
WAITED_SECONDS = 3.0
RUNS = 10  # one in time is enough: other work on the machine only ever adds time
HEAVY = ["torch", "transformers", "datasets", "scipy", "pandas"]
COMMANDS = [["--help"], ["list"]]

RUN_MAIN = f"""
import contextlib, io, json, sys
from introbench.cli.main import main
sys.argv = ["introbench", *sys.argv[1:]]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
print(json.dumps([name for name in {HEAVY} if name in sys.modules]))
"""


def children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def seconds_taken(command: list[str]) -> tuple[float, float]:
    """Processor and wall seconds of one run."""
    processor, wall = children_seconds(), time.perf_counter()
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert result.returncode == 0, f"{command} ended with {result.returncode}:\n{result.stderr}"
    return children_seconds() - processor, time.perf_counter() - wall


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_the_command_answers_in_time(arguments: list[str]) -> None:
    script = str(Path(sys.executable).with_name("introbench"))
    runs: list[tuple[float, float]] = []
    while len(runs) < RUNS:
        runs.append(seconds_taken([script, *arguments]))
        if runs[-1][0] < BUDGET_SECONDS and runs[-1][1] < WAITED_SECONDS:
            return
    pytest.fail(f"processor and wall seconds: {[(round(cpu, 3), round(wall, 3)) for cpu, wall in runs]}")


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_the_command_imports_nothing_heavy(arguments: list[str]) -> None:
    assert heavy_modules([sys.executable, "-c", RUN_MAIN, *arguments]) == []


def test_metrics_report_tasks_and_leaderboard_work_without_torch(modules: Mapping[str, Path]) -> None:
    light = (
        "introbench.gate",
        "introbench.judge",
        "introbench.metrics",
        "introbench.report",
        "introbench.tasks",
        "introbench_tasks",
    )
    names = [name for name in modules if name.startswith(light)]
    program = f"""
import importlib, json, sys
for name in {names}:
    importlib.import_module(name)
print(json.dumps([name for name in ["torch", "transformers"] if name in sys.modules]))
"""
    assert heavy_modules([sys.executable, "-c", program]) == []


def heavy_modules(command: list[str]) -> list[str]:
    """What the program prints last: the heavy modules that it ended up with."""
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert result.returncode == 0, result.stderr
    names: list[str] = json.loads(result.stdout.splitlines()[-1])
    return names
