"""Texts of models and of strangers' files are shown inert, on a terminal and in files, whatever they hold."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from reports import ACTIVE, HOSTILE, introbench, manifest_of, rewritten

from introbench.texts import inert


@pytest.fixture
def copy(hostile: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(hostile, tmp_path / "run"))


def assert_inert(text: str) -> None:
    assert not [character for character in ACTIVE if character in text]


@pytest.mark.parametrize("arguments", [["score"], ["score", "--json"], ["report"]])
def test_commands_on_a_strangers_run_write_nothing_that_acts(copy: Path, arguments: list[str]) -> None:
    done = introbench(*arguments, copy)
    assert done.returncode == 0, done.stderr
    assert_inert(done.stdout + done.stderr)


def test_json_of_a_hostile_run_is_json_and_means_the_same(copy: Path) -> None:
    done = introbench("score", copy, "--json")
    assert json.loads(done.stdout) == json.loads((copy / "summary.json").read_bytes())
    assert json.loads(done.stdout)["models"][0]["name"] == HOSTILE


def test_the_page_of_a_hostile_run_holds_no_markup_of_it_and_stays_small(copy: Path) -> None:
    assert introbench("score", copy).returncode == 0
    page = (copy / "report.html").read_bytes()
    assert len(page) < 1_000_000
    text = page.decode()
    assert_inert(text)
    assert "<script>window" not in text
    assert "<img" not in text
    assert text.count("</script>") == 2
    assert "&lt;/script&gt;&lt;script&gt;window.pwned" in text


def test_tables_and_plots_of_a_hostile_run_are_inert(copy: Path, tmp_path: Path) -> None:
    done = introbench("report", copy, "--tables", tmp_path / "tables", "--plots", tmp_path / "plots")
    assert done.returncode == 0, done.stderr
    files = [*(tmp_path / "tables").iterdir(), *(tmp_path / "plots").glob("*.svg")]
    assert {file.suffix for file in files} == {".csv", ".md", ".svg"}
    for file in files:
        text = file.read_text("utf-8")
        assert_inert(text)
        if file.suffix != ".csv":  # where markup is text like any other
            assert "<script" not in text
            assert "<img" not in text


def test_an_error_that_quotes_a_hostile_file_is_one_inert_line(copy: Path) -> None:
    rewritten(copy / "cases.jsonl", lambda row: row.update(id=HOSTILE + "x" * 10_000, hint=77))
    done = introbench("score", copy)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert inert("\x1b[31mred") in line
    assert_inert(line)
    assert len(line) < 2500


def test_a_hostile_task_is_shown_and_listed_inert(tmp_path: Path, repository: Path) -> None:
    folder = Path(shutil.copytree(repository / "tasks" / "hint_facts", tmp_path / "mine"))
    task = (folder / "task.py").read_text("utf-8").replace('name="hint_facts"', 'name="mine"')
    assert task.count('summary="') == 1
    (folder / "task.py").write_text(task.replace('summary="', 'summary="\\x1b[2J\\u202e'), "utf-8")
    templates = (folder / "templates.yaml").read_text("utf-8")
    (folder / "templates.yaml").write_text(
        templates.replace("I think the answer is", "\\x1b[2J\\u202e I think the answer is"), "utf-8"
    )
    for arguments in (["list"], ["show", "mine"]):
        done = introbench(*arguments, "--include-path", folder)
        assert done.returncode == 0, done.stderr
        assert_inert(done.stdout + done.stderr)
    assert "\\u202e" in introbench("list", "--include-path", folder).stdout


def test_a_damaged_manifest_ends_in_a_page_or_in_one_clear_line(copy: Path) -> None:
    manifest = manifest_of(copy)
    for name, value in (
        ("config", None),
        ("config", {"models": 3}),
        ("hardware", ["x"]),
        ("git", "x"),
        ("versions", 1),
    ):
        (copy / "manifest.json").write_text(json.dumps({**manifest, name: value}), "utf-8")
        done = introbench("report", copy)
        assert done.returncode == 0, done.stderr
