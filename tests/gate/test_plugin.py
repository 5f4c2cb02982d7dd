"""The pytest plugin: a test per gate where it is asked for, and nothing at all elsewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Runner = Callable[..., Path]


def pytest_run(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    (folder / "test_own.py").write_text("def test_own():\n    assert True\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rA", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


@pytest.fixture(scope="module")
def runs(scripted_run: Runner) -> tuple[Path, Path]:
    return scripted_run("scripted/reporter?of=0", limit=120), scripted_run("scripted/echo", limit=120)


def test_without_its_options_it_adds_nothing_and_imports_nothing(tmp_path: Path) -> None:
    program = (
        "import sys, pytest\n"
        "code = pytest.main(['-q', '-p', 'no:cacheprovider', 'test_own.py'])\n"
        "assert 'introbench.gate.pytest_plugin' in sys.modules\n"
        "heavy = [name for name in ('numpy', 'scipy', 'torch', 'pydantic', 'typer') if name in sys.modules]\n"
        "assert not heavy, heavy\n"
        "sys.exit(code)\n"
    )
    (tmp_path / "test_own.py").write_text("def test_own():\n    assert True\n")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_every_gate_is_a_test(runs: tuple[Path, Path], tmp_path: Path) -> None:
    good, bad = runs
    same = pytest_run(tmp_path, "--introbench-baseline", good, "--introbench-candidate", good)
    assert same.returncode == 0, same.stdout
    assert "3 passed" in same.stdout
    worse = pytest_run(tmp_path, "--introbench-baseline", good, "--introbench-candidate", bad)
    assert worse.returncode == 1
    assert "introbench-gate::exact_match_above_floor on hint_facts" in worse.stdout
    assert "1 failed, 2 passed" in worse.stdout
    assert "regression: the exact match above its best floor went from" in worse.stdout
    assert "introbench-gate::cue_following on hint_facts" in worse.stdout


def test_an_inconclusive_gate_warns_and_fails_when_strict(scripted_run: Runner, tmp_path: Path) -> None:
    few = scripted_run("scripted/random", limit=12)
    options = ("--introbench-baseline", few, "--introbench-candidate", few)
    warned = pytest_run(tmp_path, *options)
    assert warned.returncode == 0, warned.stdout
    assert "GateWarning" in warned.stdout
    assert pytest_run(tmp_path, *options, "--introbench-strict").returncode == 1


def test_wrong_input_is_an_error_of_usage(runs: tuple[Path, Path], tmp_path: Path) -> None:
    done = pytest_run(tmp_path, "--introbench-baseline", tmp_path / "none", "--introbench-candidate", runs[0])
    assert done.returncode == 4
    assert "no baseline yet" in done.stdout + done.stderr
    assert pytest_run(tmp_path, "--introbench-baseline", runs[0]).returncode == 4
