"""Cases: typed edits, draws that depend on names alone, balanced nested plans."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import pytest
from scipy.stats import chisquare

from introbench.errors import TaskError
from introbench.hashing import content_hash
from introbench.runs.config import resolve_config
from introbench.runs.plan import Plan, case_row, make_plan
from introbench.tasks.cases import apply_cue
from introbench.tasks.registry import find_tasks
from introbench.tasks.types import PLACEBO, Case


def plan_of(limit: int | None = None, seed: int = 0, task: str = "hint_facts") -> Plan:
    return make_plan(*resolve_config("scripted/oracle", tasks=[task], limit=limit, seed=seed))


@pytest.fixture(scope="module")
def cases() -> tuple[Case, ...]:
    return plan_of().tasks[0].cases


def test_limit_50_is_the_first_50_items_of_the_full_plan_with_identical_prompts(cases: tuple[Case, ...]) -> None:
    first = plan_of(limit=50).tasks[0].cases
    assert len({case.item.id for case in first}) == 50
    assert first == cases[: len(first)]
    rows, same = ([case_row(case, "constrained") for case in part] for part in (first, cases[: len(first)]))
    assert rows == same


def test_cued_and_uncued_prompts_differ_in_one_inserted_span(cases: tuple[Case, ...]) -> None:
    for case in cases:
        edit = apply_cue(case.cue, case.item, case.hint)
        assert case.cued.messages[-1].content == edit.cued
        assert case.uncued.messages[-1].content == edit.uncued == case.item.question
        assert edit.uncued_span == ""
        assert edit.cued == edit.prefix + edit.cued_span + edit.suffix
        assert case.explanation.messages[-1].content.startswith(edit.cued + "\n\n")
        assert list(case.cued.messages[:-1]) == list(case.uncued.messages[:-1])


def test_the_explanation_question_depends_on_the_cue_alone_and_so_leaks_nothing(cases: tuple[Case, ...]) -> None:
    questions: dict[str, set[str]] = {}
    for case in cases:
        cued = apply_cue(case.cue, case.item, case.hint).cued
        questions.setdefault(case.cue.id, set()).add(case.explanation.messages[-1].content.removeprefix(cued))
    assert all(len(texts) == 1 for texts in questions.values())
    assert not any("{" in text for texts in questions.values() for text in texts)


def test_the_hint_is_uniform_and_independent_of_the_key(cases: tuple[Case, ...]) -> None:
    hinted = {case.item.id: case for case in cases if case.hint is not None}.values()
    positions = Counter(case.hint for case in hinted)
    assert chisquare([positions[place] for place in range(4)]).pvalue > 0.001
    # Given the key, the hint falls on it as often as on any other choice.
    offsets = Counter((case.hint - case.item.key) % 4 for case in hinted if case.hint is not None)
    assert chisquare([offsets[place] for place in range(4)]).pvalue > 0.001


def test_every_prefix_is_balanced_over_item_kinds_cue_kinds_and_hint_is_key(cases: tuple[Case, ...]) -> None:
    whole = len(cases)
    for share in (0.1, 0.25, 0.5):
        prefix = cases[: int(whole * share)]
        for level in (
            lambda case: case.item.kind,
            lambda case: case.cue.kind,
            lambda case: case.hint == case.item.key,
        ):
            expected, found = Counter(map(level, cases)), Counter(map(level, prefix))
            for name, count in expected.items():
                assert found[name] == pytest.approx(count * len(prefix) / whole, rel=0.15, abs=8), name


def test_each_item_has_four_cases_with_cues_of_different_kinds(cases: tuple[Case, ...]) -> None:
    by_item: dict[str, list[Case]] = {}
    for case in cases:
        by_item.setdefault(case.item.id, []).append(case)
    for members in by_item.values():
        assert len(members) == len({case.cue.kind for case in members}) == 4
        assert len({case.uncued.ask for case in members}) == 1
        assert all((case.hint is None) == (case.cue.kind == PLACEBO) for case in members)


def test_another_seed_draws_other_cues_and_hints() -> None:
    ours = {case.item.id: case.hint for case in plan_of().tasks[0].cases}
    theirs = {case.item.id: case.hint for case in plan_of(seed=1).tasks[0].cases}
    assert sum(ours[name] != theirs[name] for name in ours) / len(ours) > 0.2


def test_letters_ask_the_same_cases_with_the_options_listed() -> None:
    by_text = plan_of(limit=20).tasks[0].cases
    by_letter = plan_of(limit=20, task="hint_facts?behaviour=letter").tasks[0].cases
    for text, letter in zip(by_text, by_letter, strict=True):
        assert (text.item.id, text.item.key, text.hint, text.cue) == (
            letter.item.id,
            letter.item.key,
            letter.hint,
            letter.cue,
        )
        assert letter.uncued.choices == ("A", "B", "C", "D")
        listed = [f"{name}. {choice}" for name, choice in zip("ABCD", text.item.choices, strict=True)]
        assert letter.uncued.messages[-1].content.splitlines() == [text.item.question, *listed]
        assert letter.uncued.messages[0] != text.uncued.messages[0]
        if letter.hint is not None:
            assert letter.cue.text.replace("{hint}", "ABCD"[letter.hint]) in letter.cued.messages[-1].content
        assert letter.explanation.choices == tuple(
            f"{verdict}: {name}" for verdict in ("No change", "Change") for name in "ABCD"
        )


def test_labels_read_by_text_are_no_demonstrations_for_letters() -> None:
    with pytest.raises(TaskError, match="labels were read by text, not by letter"):
        plan_of(limit=1, task="hint_facts?behaviour=letter&k=4")


def test_demonstrations_change_the_explanation_prompt_and_nothing_else() -> None:
    plain, shown = plan_of(limit=20).tasks[0].cases, plan_of(limit=20, task="hint_facts?k=4").tasks[0].cases
    for left, right in zip(plain, shown, strict=True):
        assert (left.uncued, left.cued) == (right.uncued, right.cued)
        assert left.explanation.choices == right.explanation.choices
        assert left.explanation.messages[-1] == right.explanation.messages[-1]
        assert len(right.explanation.messages) == len(left.explanation.messages) + 2 * 4


def test_demonstrations_are_balanced_and_come_from_training_items_and_cues() -> None:
    case = plan_of(limit=1, task="hint_facts?k=4").tasks[0].cases[0]
    solved = [turn.content for turn in case.explanation.messages if turn.role == "assistant"]
    assert sorted(text.partition(":")[0] for text in solved) == ["Change", "Change", "No change", "No change"]
    task = find_tasks()["hint_facts"]
    prompts = [turn.content for turn in case.explanation.messages if turn.role == "user"][:-1]
    training = [item.question for item in task.items() if item.split == "train"]
    held_out = [cue for cue in task.templates().cues if cue.split == "test"]
    for prompt in prompts:
        assert any(question in prompt for question in training)
        assert not any(cue.text.partition("{hint}")[0] in prompt for cue in held_out)


def test_a_run_on_the_training_split_takes_no_demonstrations_from_it() -> None:
    with pytest.raises(TaskError, match="leave k= or noisy: out"):
        make_plan(*resolve_config("scripted/oracle", tasks=["hint_facts?k=4"], split="train"))


def test_the_task_declares_what_its_files_hold() -> None:
    task = find_tasks()["hint_facts"]
    templates = task.templates()
    assert tuple(task.info.cue_kinds) == templates.kinds()
    hints = [cue for cue in templates.cues if cue.kind != PLACEBO]
    assert len(hints) >= 8
    assert len({cue.kind for cue in hints}) >= 4
    assert len(templates.cues) - len(hints) >= 2
    assert {cue.kind for cue in templates.cues if cue.split == "test"} == {"crowd", "metadata"}
    items = task.items()
    assert len(items) >= 3000
    assert len({item.kind for item in items}) >= 8


@pytest.mark.parametrize(
    ("split", "spec", "pinned"),
    [
        ("test", "hint_facts", "4f7de5bc558b1dad3515cb0c8bec71a319fda655af07f08af961894e5bb41682"),
        ("train", "hint_facts", "376395ba983cbaffd07d0ec9c9f37b80a51b1b10b3b105ab04888986027e9530"),
        ("test", "hint_facts?behaviour=letter", "7b28f7d7381307c2b0b3913c55ca958b128abb5cb8baec8dfdee226ed73e5aa3"),
        ("test", "hint_facts?k=4", "d78e5a48fee8f0f119ddfe7db6332c9fd456bb83f12691b14897fc07e3c275e7"),
    ],
)
def test_ids_and_prompts_of_version_1_of_hint_facts_stay_as_they_were_published(
    split: Literal["test", "train"], spec: str, pinned: str
) -> None:
    plan = make_plan(*resolve_config("scripted/oracle", tasks=[spec], split=split))
    rows = [case_row(case, "constrained") for case in plan.tasks[0].cases]
    assert content_hash([[row["id"], row["messages"], row["asks"]] for row in rows]) == pinned
