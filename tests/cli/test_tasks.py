"""`introbench tasks`: a new plugin works at once, a broken one is refused, a card is checked for currency."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from plugins import changed_plugin, new_plugin

from introbench.tasks.registry import find_tasks


def introbench(*arguments: str | int | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "introbench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)


def test_a_new_plugin_validates_runs_and_passes_its_own_test(tmp_path: Path) -> None:
    made = introbench("tasks", "new", "my_task", "--dir", tmp_path)
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "my_task"
    assert sorted(path.name for path in folder.iterdir()) == [
        "items.jsonl", "task.py", "templates.yaml", "test_my_task.py",
    ]  # fmt: skip
    valid = introbench("tasks", "validate", folder)
    assert (valid.returncode, valid.stdout) == (0, "my_task: no problems\n"), valid.stderr
    run = introbench(
        "run", "--model", "scripted/oracle", "--include-path", folder, "--tasks", "my_task", "--out", tmp_path / "r"
    )
    assert run.returncode == 0, run.stderr
    test = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(test, cwd=tmp_path, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [("My-Task", "'My-Task' is no name for a task"), ("here", "exists already; choose another name")],
)
def test_a_plugin_is_written_into_a_new_folder_under_a_good_name_only(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    done = introbench("tasks", "new", name, "--dir", tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_validate_lists_every_problem_and_exits_with_1(tmp_path: Path) -> None:
    folder = new_plugin(tmp_path)
    changed_plugin(
        folder, lambda rows: rows[0].update(choices=["apple", ""]), lambda file: file["cues"][0].update(text="!")
    )
    done = introbench("tasks", "validate", folder)
    assert done.returncode == 1
    first, second, last = done.stdout.splitlines()
    assert "templates.yaml: cue 'opinion_think' lacks {hint}" in first
    assert "items.jsonl:1: choices must be a list of texts, none of them empty" in second
    assert last == "mine: 2 problems"
    assert done.stderr == ""


def test_validate_says_why_a_plugin_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "task.py").write_text("1 / 0")
    done = introbench("tasks", "validate", tmp_path)
    assert done.returncode == 1
    assert "cannot be imported: division by zero" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["validate", "no_such_task"], "no task 'no_such_task'"),
        (["validate", "hint_facts", "--tokenizer", "scripted/oracle"], "has no tokenizer; name a model with weights"),
        (["card", "hint_facts"], "--model SPEC is missing"),
        (["card", "hint_facts", "--model", "scripted/oracle", "--limit", "0"], "--limit 0: must be 1 or more"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(arguments: list[str], message: str) -> None:
    done = introbench("tasks", *arguments)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert message in line


def test_a_card_is_written_from_an_ordinary_run_and_is_current_until_the_task_changes(tmp_path: Path) -> None:
    folder = new_plugin(tmp_path)
    here = ("mine", "--include-path", folder)
    absent = introbench("tasks", "card", *here, "--check")
    assert (absent.returncode, "write it with `introbench tasks card`" in absent.stdout) == (1, True)
    measured = (*here, "--model", "scripted/oracle", "--model", "one=scripted/echo?seed=1")
    made = introbench("tasks", "card", *measured, "--out", tmp_path / "run")
    assert made.returncode == 0, made.stderr
    card = (folder / "card.md").read_text()
    for text in ("licence of the items: Apache-2.0", "24 items in 24 clusters", "| scripted/oracle |", "| one "):
        assert text in card
    assert introbench("tasks", "card", *here, "--check").returncode == 0
    again = introbench("tasks", "card", *measured, "--out", tmp_path / "again", "--reuse", tmp_path / "run")
    assert (again.returncode, (folder / "card.md").read_text()) == (0, card)
    files = (tmp_path / "again").glob("records/*/*.jsonl")
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert rows
    assert all(row["pack"].startswith("reused ") for row in rows)
    (folder / "card.md").write_text(card.replace("24 items in", "25 items in"))
    assert "says something else than the task" in introbench("tasks", "card", *here, "--check").stdout
    (folder / "card.md").write_text(card)
    changed_plugin(folder, templates=lambda file: file["cues"][0].update(text="I guess {hint}."))
    stale = introbench("tasks", "card", *here, "--check")
    assert (stale.returncode, "measured on other items or templates" in stale.stdout) == (1, True)


def test_no_two_tasks_share_the_folder_of_their_cards() -> None:
    folders = [task.folder.resolve() for task in find_tasks().values()]
    assert len(set(folders)) == len(folders)


CARDS = [name for name, task in find_tasks().items() if task.info.bundled]


@pytest.mark.parametrize("name", CARDS)
def test_the_card_of_every_bundled_task_is_current(name: str) -> None:
    done = introbench("tasks", "card", name, "--check")
    assert done.returncode == 0, done.stdout
