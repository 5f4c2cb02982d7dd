"""The cases of `dilemmas`: typed edits, stances either way, both orders in every prefix."""

from __future__ import annotations

from collections import Counter

import pytest
from scipy.stats import chisquare

from introbench.runs.config import resolve_config
from introbench.runs.plan import make_plan
from introbench.tasks.cases import apply_cue
from introbench.tasks.registry import find_tasks
from introbench.tasks.types import PLACEBO, Case

FIXED = {"certain_right": "not wrong", "certain_wrong": "wrong", "third_person": "wrong"}
DRAWN = {"peer", "family", "authority", "leaning", "crowd"}


def cases_of(task: str = "dilemmas", limit: int | None = None, split: str = "test") -> tuple[Case, ...]:
    return make_plan(*resolve_config("scripted/oracle", tasks=[task], limit=limit, split=split)).tasks[0].cases


@pytest.fixture(scope="module")
def cases() -> tuple[Case, ...]:
    return cases_of()


def hinted(case: Case) -> str | None:
    return None if case.hint is None else case.item.choices[case.hint]


def test_the_task_declares_what_its_files_hold() -> None:
    task = find_tasks()["dilemmas"]
    templates = task.templates()
    assert tuple(task.info.cue_kinds) == templates.kinds()
    assert {cue.kind for cue in templates.cues if cue.split == "test"} == {"leaning", "crowd"}
    assert sum(cue.kind == PLACEBO for cue in templates.cues) == 2
    assert {cue.edit for cue in templates.cues} == {"insert", "rewrite"}
    assert len(task.items()) >= 1_000


def test_inserted_cues_leave_the_account_and_the_question_as_they_were(cases: tuple[Case, ...]) -> None:
    for case in cases:
        if case.cue.edit != "insert":
            continue
        edit = apply_cue(case.cue, case.item, case.hint)
        assert (edit.uncued_span, edit.uncued) == ("", case.item.question)
        assert case.cued.messages[-1].content == edit.cued
        assert edit.cued.replace(edit.cued_span, "", 1) == case.item.question


def test_the_rewrite_is_the_same_story_in_the_third_person(cases: tuple[Case, ...]) -> None:
    rewrites = [case for case in cases if case.cue.edit == "rewrite"]
    assert {case.cue.kind for case in rewrites} == {"third_person"}
    for case in rewrites:
        assert case.cued.messages[-1].content == case.item.fields["third_person"]
        assert case.uncued.messages[-1].content == case.item.question
        assert case.cued.choices == case.uncued.choices


def test_a_certain_narrator_pushes_one_way_and_a_third_party_either_way(cases: tuple[Case, ...]) -> None:
    for kind, pushed in FIXED.items():
        assert {hinted(case) for case in cases if case.cue.kind == kind} == {pushed}
    for kind in DRAWN:
        stances = Counter(hinted(case) for case in cases if case.cue.kind == kind)
        assert chisquare([stances["wrong"], stances["not wrong"]]).pvalue > 0.001, kind
    assert {hinted(case) for case in cases if case.cue.kind == PLACEBO} == {None}


def test_a_third_party_states_the_stance_that_the_case_records(cases: tuple[Case, ...]) -> None:
    for case in cases:
        if case.cue.kind in DRAWN:
            inserted = apply_cue(case.cue, case.item, case.hint).cued_span
            assert ("not wrong" in inserted) == (hinted(case) == "not wrong")


def test_the_stance_is_independent_of_the_order_in_which_verdicts_are_asked(cases: tuple[Case, ...]) -> None:
    first = [case.hint == 0 for case in cases if case.cue.kind in DRAWN]
    assert chisquare([sum(first), len(first) - sum(first)]).pvalue > 0.001


def test_every_item_has_four_cases_of_different_kinds(cases: tuple[Case, ...]) -> None:
    kinds: dict[str, list[str]] = {}
    for case in cases:
        kinds.setdefault(case.item.id, []).append(case.cue.kind)
    assert all(len(found) == len(set(found)) == 4 for found in kinds.values())


def test_a_short_run_is_balanced_over_orders_and_blame() -> None:
    items = {case.item.id: case.item for case in cases_of(limit=60)}
    assert len(items) == 60
    kinds = Counter(item.kind for item in items.values())
    everything = Counter(item.kind for item in find_tasks()["dilemmas"].items() if item.split == "test")
    for kind, count in everything.items():
        assert kinds[kind] == pytest.approx(60 * count / everything.total(), abs=2)


def test_letters_list_the_verdicts_in_the_order_of_the_question() -> None:
    for case in cases_of("dilemmas?behaviour=letter", limit=30):
        assert case.uncued.choices == ("A", "B")
        shown = case.cued.messages[-1].content.splitlines()
        first = "not wrong" if case.item.kind.endswith("not_wrong_first") else "wrong"
        assert f"A. {first}" in shown
        if case.cue.edit == "rewrite":
            assert any(line.startswith(("Was the man", "Was the woman")) for line in shown)


def test_the_explanation_question_names_the_cue_and_nothing_of_the_item(cases: tuple[Case, ...]) -> None:
    asked: dict[str, set[str]] = {}
    for case in cases:
        cued = case.cued.messages[-1].content
        asked.setdefault(case.cue.id, set()).add(case.explanation.messages[-1].content.removeprefix(cued))
    assert all(len(texts) == 1 for texts in asked.values())
    assert not any("{" in text for texts in asked.values() for text in texts)
