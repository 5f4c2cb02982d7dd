"""Every command and every piece of Python in the README works as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


def blocks(repository: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (repository / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.model
@pytest.mark.slow
def test_the_commands_of_the_readme_run_in_order(repository: Path, tmp_path: Path) -> None:
    commands = [line for block in blocks(repository, "sh") for line in block.splitlines() if line]
    # The make targets are what runs this test, or run by themselves in continuous integration.
    for command in (line for line in commands if not line.startswith("make ")):
        assert command.startswith("introbench ")
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert done.stdout


@pytest.mark.model
@pytest.mark.slow
def test_the_python_of_the_readme_runs(repository: Path) -> None:
    (code,) = blocks(repository, "python")
    exec(compile(code, "README.md", "exec"), {})


def test_the_readme_shows_the_make_targets_that_exist(repository: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (repository / "Makefile").read_text(), re.MULTILINE))
    shown = set(re.findall(r"^make ([a-z]+)$", (repository / "README.md").read_text(), re.MULTILINE))
    assert shown == {"demo", "test", "check"}
    assert shown <= targets
