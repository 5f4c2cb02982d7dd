"""What a broken plugin is told, in one line that names the file and the place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from introbench.errors import SpecError, TaskError
from introbench.tasks.registry import find_tasks, resolve_task
from introbench.tasks.task import read_items
from introbench.tasks.templates import fill, load_templates

ITEM = {
    "id": "a", "kind": "k", "cluster": "c", "split": "test", "question": "Q?", "choices": ["x", "y"], "key": 0,
}  # fmt: skip


def templates() -> dict[str, Any]:
    cue = {"id": "tip", "kind": "hint", "split": "train", "edit": "insert", "position": "after"}
    return {
        "version": 1,
        "system": {"text": ""},
        "cues": [{**cue, "text": "Hint: {hint}", "name": "the hint"}],
        "explanation": {"question": "Without {cue}?", "unchanged": "Same: {choice}", "changed": "Other: {choice}"},
    }


def set_cue(**values: str | None) -> Callable[[dict[str, Any]], None]:
    return lambda file: file["cues"][0].update(values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_cue(text="Hint!"), r"templates.yaml: cue 'tip' lacks \{hint\}"),
        (set_cue(text="{hint} {who}"), r"cue 'tip' has the unknown placeholder \{who\}; allowed there: \{hint\}"),
        (set_cue(kind="placebo"), r"cue 'tip' has the unknown placeholder \{hint\}; allowed there: none"),
        (set_cue(text="x", pushes="{who}"), r"cue 'tip' \(pushes\) has the unknown placeholder \{who\}"),
        (set_cue(edit="replace"), "cue 'tip' / edit: Input should be 'insert'"),
        (set_cue(edit="substitute", position=None), "cue 'tip': the edit 'substitute' needs 'target'"),
        (set_cue(edit="rewrite"), "cue 'tip': the edit 'rewrite' takes no 'position'"),
        (set_cue(target="Q"), "cue 'tip': the edit 'insert' takes no 'target'"),
        (lambda file: file["cues"][0].pop("position"), "cue 'tip': the edit 'insert' needs 'position'"),
        (set_cue(kind="placebo", text="Hm.", pushes="x"), "a placebo is neutral and pushes towards nothing"),
        (
            set_cue(edit="substitute", position=None, target="{plain}"),
            r"cue 'tip' \(target\) has the unknown placeholder \{plain\}",
        ),
        (set_cue(name="{hint}"), r"cue 'tip' \(name\) has the unknown placeholder \{hint\}; allowed there: none"),
        (lambda file: file.update(fields=["hint"]), "field 'hint': must be letters a to z"),
        (lambda file: file["cues"].append(file["cues"][0]), "cue id 'tip' stands twice"),
        (lambda file: file["cues"].append({**file["cues"][0], "id": "b", "split": "test"}), "both train and test"),
        (lambda file: file["explanation"].update(question="Why?"), r"explanation question lacks \{cue\}"),
        (lambda file: file["explanation"].update(changed="Same: {choice}"), "are the same text"),
        (lambda file: file.pop("system"), "system: Field required"),
        (lambda file: file.update(extra=1), "extra: Extra inputs are not permitted"),
    ],
)
def test_a_broken_templates_file_is_named_with_the_place(
    change: Callable[[dict[str, Any]], Any], message: str, tmp_path: Path
) -> None:
    file = templates()
    change(file)
    path = tmp_path / "templates.yaml"
    path.write_text(yaml.safe_dump(file))
    with pytest.raises(TaskError, match=message):
        load_templates(path)


def test_a_templates_file_that_is_absent_or_no_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="a task folder needs a templates"):
        load_templates(tmp_path / "templates.yaml")
    (tmp_path / "templates.yaml").write_text("a: [")
    with pytest.raises(TaskError, match="not valid YAML"):
        load_templates(tmp_path / "templates.yaml")


def test_braces_in_a_choice_are_text() -> None:
    assert fill("It is {hint}.", hint="{key}") == "It is {key}."


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ITEM, ITEM], ":2: id 'a' stands on line 1 already"),
        ([{**ITEM, "choices": ["x", "X"]}], "two or more choices, all different"),
        ([{**ITEM, "choices": ["x", " "]}], "none of them empty"),
        ([{**ITEM, "key": 2}], "key 2 is no index of the 2 choices"),
        ([{**ITEM, "key": True}], "key True is no index"),
        ([{**ITEM, "split": "dev"}], "split 'dev' is neither train nor test"),
        ([{name: ITEM[name] for name in ITEM if name != "key"}], "lacks the field 'key'"),
        ([{**ITEM, "more": 1}], "unknown field 'more'"),
        ([{**ITEM, "fields": {"plain": ""}}], "'fields' must map names to texts, none of them empty"),
        ([{**ITEM, "fields": {"Plain": "x"}}], "field 'Plain' must be named by letters a to z"),
        ([{**ITEM, "fields": {"cue": "x"}}], "field 'cue' must be named .* not choice, cue, hint"),
        ([ITEM, {**ITEM, "id": "b", "split": "train"}], "cluster 'c' is in both train and test"),
        ([], "holds no items"),
    ],
)
def test_a_broken_item_file_is_named_with_the_line(rows: list[dict[str, Any]], message: str, tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(TaskError, match=message):
        read_items(path)


def test_a_wrong_checksum_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    task = find_tasks()["hint_facts"]
    (tmp_path / "items.jsonl").write_text(json.dumps(ITEM) + "\n")
    with pytest.raises(TaskError, match="reinstall the package"):
        type(task)(task.info, tmp_path).items()


def test_an_unknown_task_gets_the_nearest_name_and_a_wrong_parameter_its_form() -> None:
    tasks = find_tasks()
    with pytest.raises(SpecError, match="did you mean 'hint_facts'"):
        resolve_task("hint_fact", tasks)
    with pytest.raises(SpecError, match="has no parameter 'shots'"):
        resolve_task("hint_facts?shots=4", tasks)
    with pytest.raises(SpecError, match="k=x must be a whole number"):
        resolve_task("hint_facts?k=x", tasks)
    with pytest.raises(SpecError, match=r"task 'hint_facts': k=4 and k=8; give one value$"):
        resolve_task("hint_facts?k=4&k=8", tasks)
    with pytest.raises(SpecError, match="hints=4 and hints=2; give one value, which an arm's or --set's hints= is too"):
        resolve_task("hint_facts?hints=4&hints=2", tasks)
    with pytest.raises(SpecError, match="behaviour=smell must be text or letter"):
        resolve_task("hint_facts?behaviour=smell", tasks)
    for spec, canonical in (
        ("hint_facts?k=0", "hint_facts"),
        ("hint_facts?k=04&behaviour=text", "hint_facts?k=4"),
        ("hint_facts?behaviour=letter", "hint_facts?behaviour=letter"),
    ):
        assert resolve_task(spec, tasks).name == canonical


PLUGIN = """
from pathlib import Path
from introbench.tasks import Task, TaskInfo
TASK = Task(TaskInfo(name={name!r}, summary="s", version=1, comparability=1, behaviours=("text",), licence="MIT",
    source="mine", sha256="", count=1, cue_kinds=("hint",)), Path(__file__).parent)
"""


def test_a_folder_with_a_plugin_is_found_by_include_path(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "task.py").write_text(PLUGIN.format(name="mine"))
    assert find_tasks([tmp_path])["mine"].folder == folder
    assert find_tasks([folder])["mine"].folder == folder


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PLUGIN.format(name="hint_facts"), "the task name 'hint_facts' is in use"),
        (PLUGIN.format(name="mine").replace('"text"', '"smell"'), "behaviour 'smell' cannot be read; known: text"),
        ("TASK = 1", "must define TASK"),
        ("1 / 0", "cannot be imported: division by zero"),
        (None, "no task.py in it"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_named(text: str | None, message: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "task.py").write_text(text)
    with pytest.raises(TaskError, match=message):
        find_tasks([tmp_path])
