"""The commands as a pipeline meets them: exit codes, files, one clear line for every wrong input, no torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

Runner = Callable[..., Path]
REFERENCE = "scripted/oracle?seed=3"


def introbench(*arguments: str | int | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "introbench", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80", **environment},
        timeout=250,
        check=False,
    )


@pytest.fixture(scope="module")
def good(scripted_run: Runner) -> Path:
    return scripted_run("scripted/reporter?of=0", REFERENCE, limit=120)


@pytest.fixture(scope="module")
def bad(scripted_run: Runner) -> Path:
    return scripted_run("scripted/echo", REFERENCE, limit=120)


@pytest.fixture(scope="module")
def baseline(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("baseline") / "baseline.jsonl"
    done = introbench("baseline", "save", good, "-o", file, "--by", "Ada")
    assert done.returncode == 0, done.stderr
    return file


def test_every_form_of_a_verdict_says_the_same_and_so_does_the_exit_code(
    baseline: Path, good: Path, bad: Path, tmp_path: Path
) -> None:
    for run, code, verdict in ((good, 0, "ok"), (bad, 1, "regression")):
        files = {name: tmp_path / f"{verdict}.{name}" for name in ("xml", "md", "json")}
        done = introbench(
            "gate", "--baseline", baseline, "--candidate", run, "--junit", files["xml"], "--summary", files["md"],
            "--json", files["json"], "--annotations", "github",
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        found = json.loads(files["json"].read_text())
        assert (found["verdict"], found["exit_code"]) == (verdict, code)
        failed = sum(gate["verdict"] == "regression" for gate in found["gates"])
        suite = ElementTree.parse(files["xml"]).getroot().find("testsuite")
        assert suite is not None
        assert int(suite.get("failures", "-1")) == failed
        assert files["md"].read_text().count("\n| ❌") == failed
        assert done.stdout.count("::error ") == failed
        page = [line for line in done.stdout.splitlines() if not line.startswith("::")]
        assert max(map(len, page)) <= 80
        assert page[0].lower().startswith(verdict)


def test_the_summary_is_added_to_what_a_step_wrote_before(baseline: Path, good: Path, tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    assert introbench("gate", "-b", baseline, "-c", good, "--summary", page).returncode == 0
    assert page.read_text().startswith("before\n## ✅")


def test_json_to_the_terminal_is_all_there_is(baseline: Path, good: Path) -> None:
    done = introbench("gate", "-b", baseline, "-c", good, "--json", "-")
    assert json.loads(done.stdout)["verdict"] == "ok"


def test_a_gate_needs_no_torch(baseline: Path, good: Path, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('this machine has no torch')")
    (tmp_path / "transformers.py").write_text("raise ImportError('this machine has no transformers')")
    for arguments in (["gate", "-b", baseline, "-c", good], ["score", good, "--check", baseline]):
        done = introbench(*arguments, PYTHONPATH=str(tmp_path))
        assert done.returncode == 0, done.stderr


def test_thresholds_that_changed_since_the_baseline_are_printed(baseline: Path, good: Path, tmp_path: Path) -> None:
    config = tmp_path / "gate.toml"
    config.write_text('[[gate]]\nestimate = "cue_following"\nmargin = 0.2\n')
    done = introbench("gate", "-b", baseline, "-c", good, "--config", config, "--annotations", "github")
    assert done.returncode == 0, done.stderr
    assert "threshold changed: cue_following on hint_facts: margin 0.05" in " ".join(done.stdout.split())
    assert "::notice title=introbench gate::threshold changed" in done.stdout


def test_a_model_spec_is_run_as_the_baseline_was(baseline: Path, bad: Path) -> None:
    stored = json.loads(introbench("gate", "-b", baseline, "-c", bad, "--json", "-").stdout)
    done = introbench("gate", "-b", baseline, "-c", "scripted/echo", "--json", "-")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["gates"] == stored["gates"]


def test_looks_stop_when_it_is_certain(baseline: Path, tmp_path: Path) -> None:
    done = introbench(
        "gate", "-b", baseline, "-c", "scripted/liar", "--looks", 4, "--out", tmp_path / "o", "--json", "-"
    )
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert any("look 1 of 4 decided" in note for note in found["notes"])
    assert found["coverage"][0]["candidate"] == 30 * 4
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["items-30"]


def test_a_budget_asks_what_fits_and_never_less_than_its_pilot(baseline: Path, tmp_path: Path) -> None:
    done = introbench("gate", "-b", baseline, "-c", "scripted/echo", "--budget", "0.01s", "--json", "-")
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)["coverage"][0]["candidate"] == 8 * 4
    assert "asking 8 of 120" in done.stderr
    whole = introbench("gate", "-b", baseline, "-c", "scripted/echo", "--budget", "1h", "--json", "-")
    assert json.loads(whole.stdout)["coverage"][0]["candidate"] == 120 * 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--candidate", "runs/none"], "no model 'runs/none'"),
        (["--candidate", "scripted/oracle", "--budget", "5x"], "write a time as 90s, 5m or 1h"),
        (["--candidate", "{good}", "--budget", "5m"], "this one is a run"),
        (["--candidate", "{good}", "--model", "nobody"], "no model 'nobody'"),
        (["--candidate", "scripted/oracle", "--model", "nobody"], "this candidate is a model spec"),
        (["--candidate", "{good}", "--config", "none.toml"], "none.toml"),
        (["--candidate", "{good}", "--annotations", "gitlab"], "annotations"),
        ([], "candidate"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    baseline: Path, good: Path, arguments: Sequence[str], message: str
) -> None:
    done = introbench("gate", "--baseline", baseline, *(each.format(good=good) for each in arguments))
    assert done.returncode == 2, done.stdout
    (line,) = done.stderr.splitlines()
    assert message in line


def test_no_baseline_yet_is_exit_code_2_and_says_how_to_make_one(good: Path) -> None:
    done = introbench("gate", "--baseline", "none.jsonl", "--candidate", good)
    assert done.returncode == 2
    assert "introbench baseline save RUN -o none.jsonl" in done.stderr


def test_a_baseline_is_not_written_over_by_accident(baseline: Path, bad: Path) -> None:
    before = baseline.read_bytes()
    done = introbench("baseline", "save", bad, "-o", baseline)
    assert done.returncode == 2
    assert "is there already" in done.stderr
    assert baseline.read_bytes() == before


def test_accept_needs_a_reason_and_keeps_it(good: Path, bad: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.jsonl"
    introbench("baseline", "save", good, "-o", file, "--by", "Ada")
    assert introbench("baseline", "accept", file, bad).returncode == 2
    done = introbench("baseline", "accept", file, bad, "--reason", "a smaller model", "--by", "Grace")
    assert done.returncode == 0, done.stderr
    shown = introbench("baseline", "show", file).stdout
    assert "accept by Grace: a smaller model" in shown
    assert "anchor:  scripted/reporter?of=0" in shown


def test_check_names_what_moved_and_ends_with_1(good: Path, baseline: Path, tmp_path: Path) -> None:
    data = baseline.read_text()
    from introbench.hashing import canonical_json, text_hash

    header, _, rows = data.partition("\n")
    changed = rows.replace(",0,1,", ",0,0,", 1)
    assert changed != rows
    moved = tmp_path / "moved.jsonl"
    moved.write_text(canonical_json({**json.loads(header), "rows_hash": text_hash(changed)}) + "\n" + changed)
    done = introbench("score", good, "--check", moved)
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-1] == f"1 differences from {moved}."
    assert introbench("score", "--check", baseline).returncode == 2
    assert introbench("score").returncode == 2
