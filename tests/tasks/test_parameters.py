"""Tasks that load their items by parameters, what they leave out, and `--tasks all`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from plugins import new_plugin

from introbench.errors import SpecError, TaskError
from introbench.metrics.summary import summarise
from introbench.report.terminal import render
from introbench.runs.config import ModelEntry, RunConfig
from introbench.runs.execute import execute
from introbench.tasks.registry import TaskVariant, expand_specs, find_tasks, resolve_task, task_at
from introbench.tasks.task import ItemSet, Parameter, Task

PARAMETERS = (Parameter("data", "a file"), Parameter("columns", "names", ""), Parameter("cluster", "a column", "none"))


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """A task that gives back what it was asked for in its notes, and leaves three rows out."""
    plain = task_at(new_plugin(tmp_path))

    def load(values: Mapping[str, str]) -> ItemSet:
        skipped = {"rows without a question": 2, "rows without a key": 1}
        return ItemSet(plain.items(), "f" * 64, skipped, (f"Read from {values['data']} by {values['cluster']}.",))

    info = replace(plain.info, sha256=None, count=None, bundled=False)
    return Task(info, plain.folder, PARAMETERS, load)


def test_a_spec_gives_parameters_and_its_canonical_form_has_no_defaults(task: Task) -> None:
    variant = resolve_task("mine?cluster=none&data=a%2Cb%26c.csv&k=0", {"mine": task})
    assert variant.parameters == {"data": "a,b&c.csv", "columns": "", "cluster": "none"}
    assert variant.name == "mine?data=a%2Cb%26c.csv"
    assert resolve_task(variant.name, {"mine": task}) == variant
    assert variant.items().notes == ("Read from a,b&c.csv by none.",)


def test_a_value_may_hold_equals_signs_and_other_values_too(task: Task) -> None:
    variant = resolve_task("mine?data=x&columns=question=q;answer=a", {"mine": task})
    assert variant.parameters["columns"] == "question=q;answer=a"
    assert variant.name == "mine?data=x&columns=question=q;answer=a"


def test_a_parameter_that_is_needed_or_unknown_is_named(task: Task) -> None:
    with pytest.raises(SpecError, match=r"task 'mine' needs data \(a file\): mine\?data=VALUE"):
        resolve_task("mine", {"mine": task})
    with pytest.raises(
        SpecError, match=r"no parameter 'file'; it takes behaviour=.* k=NUMBER .*, data=VALUE \(a file\)"
    ):
        resolve_task("mine?file=x", {"mine": task})
    with pytest.raises(TaskError, match=r"mine: needs data \(a file\); write mine\?data=VALUE"):
        task.items()


def test_loaded_items_are_checked_as_those_of_a_file_are(task: Task) -> None:
    first, second = task_at(task.folder).items()[:2]
    bad = [first, replace(second, id=first.id)], [replace(first, choices=("a", " "))], []
    for items, message in zip(
        bad, ("id 'fruit' stands on item 1", "none of them empty", "holds no items"), strict=True
    ):
        broken = Task(task.info, task.folder, (), lambda values, items=items: ItemSet(items, "0", {"bad rows": 3}))  # type: ignore[misc]
        with pytest.raises(TaskError, match=message):
            broken.items()


def test_what_is_left_out_reaches_manifest_summary_and_table(task: Task, tmp_path: Path) -> None:
    variant = resolve_task("mine?data=x", {"mine": task})
    entry = ModelEntry("scripted/oracle", "scripted/oracle", "target")
    config = RunConfig((entry,), (variant.name,), "test", 5, 0, "constrained", 0.0)
    out = execute(config, [variant], tmp_path / "run")
    (row,) = json.loads((out / "manifest.json").read_text())["tasks"]
    assert row["parameters"] == {"data": "x", "columns": "", "cluster": "none"}
    assert row["items_sha256"] == "f" * 64
    assert row["skipped"] == {"rows without a question": 2, "rows without a key": 1}
    summary = summarise(out)
    assert summary.tasks[0].skipped == row["skipped"]
    table = render(summary)
    assert "Left out: " in table
    assert "2 rows without a question" in table
    assert "Read from x by none." in table


def test_all_means_every_bundled_task_once(task: Task) -> None:
    known = {**find_tasks(), "mine": task}
    bundled = [name for name, found in known.items() if found.info.bundled]
    assert expand_specs(["all"], known) == bundled
    assert "hint_facts" in bundled
    assert "mine" not in bundled
    assert expand_specs(["hint_facts", "all", "mine"], known) == [
        "hint_facts",
        *(name for name in bundled if name != "hint_facts"),
        "mine",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name="mine"', 'name="all"', "means all bundled tasks"),
        ("folder=Path", 'parameters=(Parameter("k", "x"),), folder=Path', "'k' cannot be the name of a parameter"),
        ("folder=Path", 'parameters=(Parameter("a b", "x"),), folder=Path', "'a b' cannot be the name"),
    ],
)
def test_names_with_a_meaning_of_their_own_are_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = new_plugin(tmp_path) / "task.py"
    path.write_text(path.read_text().replace(old, new).replace("import Task,", "import Parameter, Task,"))
    with pytest.raises(TaskError, match=message):
        task_at(path.parent)


def test_a_variant_without_parameters_reads_the_bundled_items() -> None:
    task = find_tasks()["hint_facts"]
    assert TaskVariant("hint_facts", task, "text").items() == ItemSet(task.items(), str(task.info.sha256))
