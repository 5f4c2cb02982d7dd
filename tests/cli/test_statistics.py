"""score-external, compare, matrix and agreement as a user meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

EXPLANATIONS = (
    ("A", "C", "The output would remain unchanged from <<<Answer: A>>>."),
    ("B", "D", "The most likely output would change to <<<Answer: D>>>."),
)
ROWS = "".join(
    json.dumps({"id": str(place), "cued": cued, "uncued": uncued, "choices": list("ABCD"), "explanation": text}) + "\n"
    for place, (cued, uncued, text) in enumerate(EXPLANATIONS)
)


def introbench(*arguments: str | int | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "introbench", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80"},
        timeout=250,
        check=False,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("runs")
    made = []
    for name in ("reporter", "random"):
        out = folder / name
        done = introbench(
            "run", "--model", f"scripted/{name}", "--reference", "scripted/echo?seed=1", "--limit", 60, "--out", out
        )
        assert done.returncode == 0, done.stderr
        made.append(out)
    return made[0], made[1]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    file.write_text(ROWS)
    return file


def test_score_external_prints_fractions_with_intervals_and_counts(rows: Path) -> None:
    done = introbench("score-external", rows, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["exact_match"] == found["content_accuracy"] == found["sensitivity"] == 0.5
    for name in ("verdict_macro_f1", "youden_j", "balanced_accuracy", "specificity"):
        assert found[name] is None  # no answer stayed the same
    assert found["counts"] | {"read_by": {}} == {
        "rows": 2,
        "clusters": 2,
        "changed": 2,
        "unchanged": 0,
        "read_by": {},
        "unparsable": 0,
        "verdict_only": 0,
        "with_reference": 0,
    }
    assert found["counts"]["read_by"] == {"bracket": 2}
    assert found["estimates"]["exact_match"]["method"] == "wilson"
    assert found["estimates"]["exact_match"]["low"] < 0.5 < found["estimates"]["exact_match"]["high"]
    page = introbench("score-external", rows)
    assert page.returncode == 0, page.stderr
    assert max(map(len, page.stdout.splitlines())) <= 80


def test_hostile_rows_reach_no_terminal_as_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    hostile = "\x1b[2J\u202e" + "x" * 1000
    row = {"id": hostile, "cued": hostile, "uncued": "B", "explanation": hostile}
    file.write_text(json.dumps(row) + "\n")
    for options in ([], ["--json"]):
        done = introbench("score-external", file, *options)
        assert done.returncode == 0, done.stderr
        assert not any(sign in done.stdout for sign in ("\x1b", "\u202e"))


def test_compare_shows_flipped_cases_and_prints_them_all_as_json(runs: tuple[Path, Path]) -> None:
    done = introbench("compare", *runs, "--cases", 3)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert done.stdout.count("\n• ") == 4
    found = json.loads(introbench("compare", *runs, "--json").stdout)
    (task,) = found["tasks"]
    assert len(task["flips"]) == task["gained"] + task["lost"] > 3
    inside = introbench("compare", runs[0], runs[0], "--model-b", "scripted/echo?seed=1")
    assert inside.returncode == 0, inside.stderr
    assert "B: scripted/echo?seed=1" in inside.stdout


def test_matrix_shows_every_model_of_both_runs(runs: tuple[Path, Path]) -> None:
    done = introbench("matrix", *runs)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    for name in ("A: scripted/reporter", "B: scripted/echo", "C: scripted/random"):
        assert name in done.stdout
    found = json.loads(introbench("matrix", *runs, "--json").stdout)
    assert len(found["tasks"][0]["cells"]) == 9


def test_labels_of_a_model_agree_with_it(runs: tuple[Path, Path], tmp_path: Path) -> None:
    file = tmp_path / "labels.json"
    made = introbench("labels", runs[0], "--task", "hint_facts", "--held-out", "--out", file)
    assert made.returncode == 0, made.stderr
    done = introbench("agreement", runs[0], file)
    assert done.returncode == 0, done.stderr
    assert "agreement, verdict and content: 1.00" in done.stdout
    other = json.loads(introbench("agreement", runs[0], file, "--model", "scripted/echo?seed=1", "--json").stdout)
    assert other["exact"]["value"] < 1


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["score-external", "no/such/file"], "no/such/file: No such file", 2),
        (["compare", "no/such", "no/such"], "no/such/manifest.json cannot be read", 2),
        (["matrix"], "Missing argument", 2),
        (["matrix", "no/such"], "no/such/manifest.json cannot be read", 2),
        (["agreement", "no/such", "no/such"], "no/such", 2),
    ],
)
def test_wrong_input_is_one_line(arguments: Sequence[str], message: str, code: int) -> None:
    done = introbench(*arguments)
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert message in line


def test_a_bad_row_is_named_and_runs_of_other_seeds_are_not_compared(rows: Path, runs: tuple[Path, Path]) -> None:
    rows.write_text(ROWS + "{}\n")
    done = introbench("score-external", rows)
    assert done.returncode == 2
    assert f"{rows}, line 3: id: Field required" in done.stderr
    out = rows.parent / "seeded"
    introbench("run", "--model", "scripted/random", "--seed", 5, "--limit", 60, "--out", out)
    refused = introbench("compare", runs[0], out)
    assert refused.returncode == 3
    assert len(refused.stderr.splitlines()) == 1
