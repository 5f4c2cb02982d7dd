"""The example plugin, installed as a package of its own into a fresh environment, runs and passes its own tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def run(*command: str | Path, folder: Path) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def python(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the example installed; everything else comes from the environment that runs this test."""
    folder = tmp_path_factory.mktemp("example")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=folder).strip()
    # Added by a call, so that editable installations that lie there are found too.
    here = sysconfig.get_path("purelib")
    (Path(site) / "beside.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    copy = shutil.copytree(repository / "examples" / "plugin", folder / "plugin")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, copy, folder=folder)
    return python


def test_the_installed_example_is_listed_and_valid(python: Path, tmp_path: Path) -> None:
    assert "larger_number?largest=VALUE" in run(python, "-m", "introbench", "list", folder=tmp_path)
    assert "no problems" in run(python, "-m", "introbench", "tasks", "validate", "larger_number", folder=tmp_path)


def test_the_installed_example_runs_with_its_parameter(python: Path, tmp_path: Path) -> None:
    command = ["run", "--model", "scripted/oracle", "--tasks", "larger_number?largest=500", "--limit", "20"]
    run(python, "-m", "introbench", *command, "--out", tmp_path / "r", folder=tmp_path)
    (task,) = json.loads((tmp_path / "r" / "manifest.json").read_text())["tasks"]
    assert (task["name"], task["parameters"]) == ("larger_number?largest=500", {"largest": "500"})
    (summary,) = json.loads((tmp_path / "r" / "summary.json").read_text())["tasks"]
    assert summary["emitters"][0]["self_scores"]["exact_match"]["value"] == 1


def test_the_example_passes_its_own_tests(python: Path, repository: Path, tmp_path: Path) -> None:
    tests = shutil.copytree(repository / "examples" / "plugin" / "tests", tmp_path / "tests")
    run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests, folder=tmp_path)
