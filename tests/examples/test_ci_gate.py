"""The gate on the embedded model and damaged copies of it gives the verdicts that examples/ci promises."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

MODEL = "smollm2-135m-q4_1"


def command(folder: Path, *arguments: str | Path, codes: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=1500,
        check=False,
    )
    assert done.returncode in codes, f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def example(repository: Path) -> Path:
    return repository / "examples" / "ci"


@pytest.fixture(scope="module")
def released(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the baseline of the embedded model."""
    folder = tmp_path_factory.mktemp("ci")
    command(folder, "-m", "introbench", "run", "--model", MODEL, "--limit", "32", "--aa-share", "0", "--out", "base")
    config = ("--config", example / "gate.toml")
    command(folder, "-m", "introbench", "baseline", "save", "base", "-o", "baseline.jsonl", *config)
    return folder


def gated(folder: Path, example: Path, candidate: str) -> dict[str, Any]:
    options = ("--config", example / "gate.toml", "--json", "-")
    said = command(folder, "-m", "introbench", "gate", "-b", "baseline.jsonl", "-c", candidate, *options, codes=(0, 1))
    found: dict[str, Any] = json.loads(said)
    return found


def promised(example: Path) -> dict[str, tuple[str, str]]:
    """By candidate, the verdict and the gate that the README's table names."""
    rows = re.findall(r"^\| `(.+?)` \| .+? \| (\w+)(?:: `(\w+)`)? \|$", (example / "README.md").read_text(), re.M)
    return {candidate: (verdict, estimate) for candidate, verdict, estimate in rows}


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_damaged_copies_are_regressions_and_the_model_itself_is_ok(example: Path, released: Path) -> None:
    for kind in ("unchanged", "hints"):
        command(released, example / "damage.py", kind, kind)
    table = promised(example)
    assert len(table) == 4
    for candidate, (verdict, estimate) in table.items():
        found = gated(released, example, "base" if candidate == MODEL else candidate)
        assert found["verdict"] == verdict, (candidate, found)
        worse = [gate["estimate"] for gate in found["gates"] if gate["verdict"] == "regression"]
        assert estimate in worse if estimate else not worse, (candidate, worse)


def test_the_action_is_composite_and_gives_no_input_to_the_shell_but_by_its_environment(repository: Path) -> None:
    action = yaml.safe_load((repository / "action.yml").read_text())
    assert action["runs"]["using"] == "composite"
    steps = action["runs"]["steps"]
    assert not any("${{" in step.get("run", "") for step in steps)
    assert "secrets." not in (repository / "action.yml").read_text()
    used = set(re.findall(r"inputs\.([\w-]+)", (repository / "action.yml").read_text()))
    assert used == set(action["inputs"])


@pytest.mark.slow
def test_the_script_of_the_action_gates_and_writes_its_outputs(repository: Path, tmp_path: Path) -> None:
    """The step's own script, on a scripted model, with what a runner gives it."""
    run = ("-m", "introbench", "run", "--model", "scripted/oracle", "--limit", "60", "--aa-share", "0", "--out", "base")
    command(tmp_path, *run)
    command(tmp_path, "-m", "introbench", "baseline", "save", "base", "-o", "b.jsonl")
    (script,) = (
        step["run"] for step in yaml.safe_load((repository / "action.yml").read_text())["runs"]["steps"]
        if step.get("id") == "gate"
    )  # fmt: skip
    known = {"BASELINE": "b.jsonl", "CONFIG": "", "STRICT": "false", "BUDGET": "", "OUT": "", "RESULTS": "out"}
    files = {"GITHUB_STEP_SUMMARY": "summary.md", "GITHUB_OUTPUT": "output"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for candidate, code, verdict in (
        ("base", 0, "ok"),
        ("scripted/liar; touch forged", 2, ""),
        ("scripted/liar", 1, "regression"),
    ):
        for name in files.values():
            (tmp_path / name).unlink(missing_ok=True)
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=tmp_path,
            env={**os.environ, **known, **files, "CANDIDATE": candidate, "PATH": path},
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert re.findall(r"^verdict=(.*)$", (tmp_path / "output").read_text(), re.M) == [verdict][: bool(verdict)]
        assert (tmp_path / "summary.md").exists() == bool(verdict)
    assert not (tmp_path / "forged").exists()


@pytest.mark.parametrize("name", ["github.yml", "gitlab.yml"])
def test_the_snippets_are_yaml_and_use_options_that_exist(example: Path, name: str) -> None:
    text = (example / name).read_text()
    assert yaml.safe_load(text)
    import typer
    from typer.main import get_command

    from introbench.cli.verbs import add_verbs

    app = typer.Typer()
    add_verbs(app, "gate")
    known = {option for parameter in get_command(app).params for option in parameter.opts}
    given = {option for option in re.findall(r"(?<!\S)(--[a-z-]+)", text) if option != "--quiet"}
    assert given <= known
