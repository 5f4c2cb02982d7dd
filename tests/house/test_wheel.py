"""The wheel holds all of the package and nothing else, and lists tasks with the core dependencies alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.md", ".*")
PROJECT_FILES = ["pyproject.toml", "README.md", "LICENSE"]
# What pip says when no package index answers: then there is nothing to install from.
UNREACHABLE = ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "Network is unreachable")


def run(command: list[str], folder: Path) -> str:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    output = result.stdout + result.stderr
    if result.returncode != 0 and any(sign in output for sign in UNREACHABLE):
        pytest.skip("no package index can be reached")
    assert result.returncode == 0, f"{' '.join(command)} ended with {result.returncode}:\n{output}"
    return result.stdout


@pytest.fixture(scope="module")
def shipped(repository: Path, package_folders: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is packaged, so that the build neither sees nor leaves anything in the repository."""
    copy = tmp_path_factory.mktemp("source")
    for name in PROJECT_FILES:
        shutil.copy(repository / name, copy)
    shutil.copytree(repository / "src", copy / "src", symlinks=True, ignore=NOT_SHIPPED)
    for folder in package_folders.values():
        shutil.copytree(folder, copy / folder.name, ignore=NOT_SHIPPED)
    return copy


@pytest.fixture(scope="module")
def wheel(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution."""
    out = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(shipped)], shipped)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(
    wheel: Path, shipped: Path, package_folders: Mapping[str, Path]
) -> None:
    expected = {
        f"{package}/{path.relative_to(shipped / folder.name).as_posix()}"
        for package, folder in package_folders.items()
        for path in (shipped / folder.name).rglob("*")
        if path.is_file()
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert sorted(expected - held) == [], "not in the wheel: widen package-data in pyproject.toml"
    assert sorted(held - expected) == [], "in the wheel, but no file of the packages"


def test_the_wheel_is_typed(wheel: Path, package_folders: Mapping[str, Path]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert {f"{package}/py.typed" for package in package_folders} <= held


def test_an_installed_wheel_lists_tasks_without_torch(wheel: Path, repository: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python, script = (str(tmp_path / "venv" / "bin" / name) for name in ("python", "introbench"))
    run([python, "-m", "pip", "install", "-q", "-c", str(repository / "constraints.txt"), str(wheel)], tmp_path)
    assert run([python, "-c", "import importlib.util as u; print(u.find_spec('torch'))"], tmp_path).strip() == "None"
    assert "hint_facts" in run([script, "list"], tmp_path)
    assert "0.1.0" in run([script, "--version"], tmp_path)
