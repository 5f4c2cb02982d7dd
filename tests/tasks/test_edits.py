"""The three edits, cues that push towards a choice, and fields of items in cues."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from plugins import Rows, changed_plugin, new_plugin

from introbench.errors import TaskError
from introbench.runs.config import ModelEntry, RunConfig
from introbench.runs.plan import TaskPlan, make_plan
from introbench.tasks.cases import apply_cue, build_cases, plan_items
from introbench.tasks.registry import TaskVariant
from introbench.tasks.task import Task
from introbench.tasks.types import Case, Cue, Item

PLAIN = {"id": "a", "kind": "k", "cluster": "c", "split": "test", "choices": ("refuse", "comply"), "key": None}


def an_item(question: str, **fields: str) -> Item:
    return Item(**PLAIN, question=question, fields=fields)


def a_cue(edit: Any, text: str, **values: Any) -> Cue:
    return Cue(
        **{"id": "cue", "kind": "some", "split": "train", "position": None, "name": "it", **values},
        edit=edit,
        text=text,
    )


@given(st.text(max_size=30), st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8), st.text(max_size=30))
def test_a_substitution_changes_its_span_and_nothing_else(before: str, plain: str, risky: str, behind: str) -> None:
    question = before + plain + behind
    assume(question.count(plain) == 1)
    edit = apply_cue(a_cue("substitute", "{risky}", target="{plain}"), an_item(question, plain=plain, risky=risky), 0)
    assert (edit.uncued, edit.cued) == (question, before + risky + behind)
    assert (edit.prefix, edit.cued_span, edit.uncued_span, edit.suffix) == (before, risky, plain, behind)


@pytest.mark.parametrize("question", ["How do I stop it?", "end and end and end"])
def test_a_target_that_does_not_stand_exactly_once_is_an_error(question: str) -> None:
    cue = a_cue("substitute", "kill", target="{plain}")
    with pytest.raises(TaskError, match=r"target 'end' stands [03] times in the question of item 'a'"):
        apply_cue(cue, an_item(question, plain="end"), 0)


def test_a_rewrite_replaces_the_question_and_keeps_listed_options() -> None:
    cue = a_cue("rewrite", "{other}")
    item = an_item("I did it.\nA. wrong\nB. fine", other="She did it.")
    edit = apply_cue(cue, item, 0, listing="\nA. wrong\nB. fine")
    assert (edit.uncued, edit.cued) == (item.question, "She did it.\nA. wrong\nB. fine")


def with_fields(rows: Rows) -> None:
    """Every second item says what group it is about in another way."""
    for row in rows[::2]:
        row["fields"] = {"group": "of these", "other": "of the three things"}


def with_cues(file: dict[str, Any]) -> None:
    file["fields"] = ["group", "other"]
    shared = {"split": "train", "name": "the word {other}"}
    file["cues"] += [
        {
            **shared,
            "id": "swap",
            "kind": "swap",
            "edit": "substitute",
            "target": "{group}",
            "text": "{other}, not {hint},",
        },
        {**shared, "id": "again", "kind": "again", "edit": "rewrite", "text": "{other}: {hint}?"},
    ]


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return changed_plugin(new_plugin(tmp_path), with_fields, with_cues)


def planned(task: Task, split: Any = "test", limit: int | None = None) -> TaskPlan:
    config = RunConfig((ModelEntry("m", "scripted/oracle", "target"),), ("mine",), split, limit, 0, "constrained", 0.0)
    return make_plan(config, [TaskVariant("mine", task, "text")]).tasks[0]


def cases_of(task: Task, behaviour: Any = "text") -> list[Case]:
    return [
        case for item in task.items() for case in build_cases(item, task.templates(), "mine", 0, behaviour=behaviour)
    ]


def test_a_cue_applies_only_where_an_item_has_every_field_that_it_names(task: Task) -> None:
    kinds: dict[str, set[str]] = {}
    for case in cases_of(task):
        kinds.setdefault(case.item.id, set()).add(case.cue.kind)
    fields = {item.id: item.fields for item in task.items()}
    assert all(len(found) == (4 if fields[name] else 3) for name, found in kinds.items())
    assert {kind for name, found in kinds.items() if not fields[name] for kind in found} == {
        "opinion",
        "poll",
        "placebo",
    }
    assert {kind for found in kinds.values() for kind in found} == {"opinion", "poll", "placebo", "swap", "again"}


def test_fields_stand_in_the_prompts_and_in_the_name_of_the_cue(task: Task) -> None:
    swapped = [case for case in cases_of(task) if case.cue.kind == "swap"]
    assert swapped
    for case in swapped:
        hint = case.item.choices[case.hint or 0]
        assert f"Which of the three things, not {hint}, " in case.cued.messages[-1].content
        assert "suppose that the word of the three things had not" in case.explanation.messages[-1].content


def test_a_rewrite_read_by_letters_lists_the_options_in_both_prompts(task: Task) -> None:
    rewritten = [case for case in cases_of(task, "letter") if case.cue.kind == "again"]
    assert rewritten
    for case in rewritten:
        listed = case.item.question.splitlines()[1:]
        assert len(listed) == 3
        assert case.cued.messages[-1].content.splitlines() == [
            f"of the three things: {'ABC'[case.hint or 0]}?",
            *listed,
        ]


def test_items_without_any_cue_that_applies_are_counted(tmp_path: Path) -> None:
    def only_fields(file: dict[str, Any]) -> None:
        with_cues(file)
        file["cues"] = file["cues"][-2:]

    task = changed_plugin(new_plugin(tmp_path), with_fields, only_fields)
    plan = planned(task)
    assert plan.skipped == {
        "items that no cue applies to": sum(not item.fields for item in task.items() if item.split == "test")
    }
    assert {case.item.id for case in plan.cases} == {
        item.id for item in task.items() if item.fields and item.split == "test"
    }
    assert plan_items(task.items()[1::2], task.templates(), "mine", 0) == []


def yes_or_no(rows: Rows) -> None:
    for row in rows:
        row.update(question="Is that so?", choices=["yes", "no"], key=None, cluster=row["id"])


def pushing(file: dict[str, Any]) -> None:
    shared = {"split": "train", "edit": "insert", "position": "after", "name": "my word"}
    file["cues"] = [
        {**shared, "id": "sure", "kind": "sure", "text": "I am sure of it.", "pushes": "yes"},
        {**shared, "id": "doubt", "kind": "doubt", "text": "I doubt it.", "pushes": "no"},
        {**shared, "id": "rain", "kind": "placebo", "text": "It rains."},
    ]


def test_the_hint_of_a_pushing_cue_is_the_choice_that_it_pushes_towards(tmp_path: Path) -> None:
    task = changed_plugin(new_plugin(tmp_path), yes_or_no, pushing)
    for reading in ("text", "letter"):
        cases = cases_of(task, reading)
        assert Counter((case.cue.id, case.hint) for case in cases) == {
            ("sure", 0): 24,
            ("doubt", 1): 24,
            ("rain", None): 24,
        }


def test_pushing_towards_what_is_no_choice_is_an_error(tmp_path: Path) -> None:
    def wrong(file: dict[str, Any]) -> None:
        pushing(file)
        file["cues"][0]["pushes"] = "perhaps"

    task = changed_plugin(new_plugin(tmp_path), yes_or_no, wrong)
    with pytest.raises(TaskError, match="cue 'sure': pushes towards 'perhaps', which is no choice of item 'fruit'"):
        cases_of(task)
