"""Noisy tasks: their specs, and demonstrations that differ from the base task's in flipped labels alone."""

from __future__ import annotations

import pytest

from introbench.errors import SpecError, TaskError
from introbench.runs.config import resolve_config
from introbench.runs.plan import Plan, make_plan
from introbench.tasks.registry import find_tasks, resolve_tasks
from introbench.tasks.types import Case


def plan_of(*tasks: str, limit: int = 6, seed: int = 0) -> Plan:
    return make_plan(*resolve_config("scripted/oracle", tasks=tasks, limit=limit, seed=seed))


def solved(case: Case) -> list[tuple[str, str]]:
    """Prompt and reply of every demonstration."""
    turns = [turn.content for turn in case.explanation.messages if turn.role != "system"][:-1]
    return list(zip(turns[::2], turns[1::2], strict=True))


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("noisy:hint_facts", [f"noisy:hint_facts?k=4&rate=0.2&draw={draw}" for draw in range(3)]),
        ("noisy:hint_facts?draw=1&k=8&rate=0.10", ["noisy:hint_facts?k=8&rate=0.1&draw=1"]),
        ("noisy:hint_facts?k=0", ["noisy:hint_facts?k=0"]),
        ("noisy:hint_facts?rate=0&draw=0&kind=symmetric", ["noisy:hint_facts?k=4&rate=0&draw=0"]),
        (
            "noisy:hint_facts?kind=verdict&labels=own&behaviour=letter&draw=2",
            ["noisy:hint_facts?behaviour=letter&k=4&rate=0.2&kind=verdict&labels=own&draw=2"],
        ),
        ("hint_facts?k=4", ["hint_facts?k=4"]),
    ],
)
def test_a_spec_names_one_task_per_draw_in_one_way(spec: str, names: list[str]) -> None:
    assert [variant.name for variant in resolve_tasks(spec, find_tasks())] == names
    again = [variant.name for name in names for variant in resolve_tasks(name, find_tasks())]
    assert again == names


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("noisy", "which task"),
        ("noisy:hint_fact", "did you mean 'hint_facts'"),
        ("noisy:hint_facts?k=5", "k=5 must be 0, 4 or 8"),
        ("noisy:hint_facts?rate=1.5", "rate=1.5 must be a number from 0 to 1"),
        ("noisy:hint_facts?rate=nan", "rate=nan must be a number from 0 to 1"),
        ("noisy:hint_facts?kind=loud", "kind=loud must be one of symmetric, verdict, content, class-conditional"),
        ("noisy:hint_facts?draw=3", "draw=3 must be 0, 1, 2 or all"),
        ("noisy:hint_facts?k=0&rate=0.2", "k=0 shows no label that could be flipped"),
        ("noisy:hint_facts?labels=", "labels= must be bundled, own, a label file or a run directory"),
        ("noisy:hint_facts?shots=4", "has no parameter 'shots'"),
    ],
)
def test_a_wrong_spec_is_told_what_is_right(spec: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        resolve_tasks(spec, find_tasks())


def test_without_noise_the_first_draw_asks_what_the_base_task_asks() -> None:
    base, noisy = plan_of("hint_facts?k=4", "noisy:hint_facts?k=4&rate=0&draw=0").tasks
    for one, other in zip(base.cases, noisy.cases, strict=True):
        assert [each.ask for each in one.questions] == [each.ask for each in other.questions]
    bare, none = plan_of("hint_facts", "noisy:hint_facts?k=0").tasks
    assert [case.explanation.ask for case in bare.cases] == [case.explanation.ask for case in none.cases]


def test_draws_show_other_demonstrations_and_ask_for_the_same_behaviour() -> None:
    tasks = plan_of("noisy:hint_facts?rate=0").tasks
    shown = [frozenset(solved(task.cases[0])) for task in tasks]
    assert len(set(shown)) == 3
    for cases in zip(*(task.cases for task in tasks), strict=True):
        assert len({case.uncued.ask for case in cases}) == len({case.cued.ask for case in cases}) == 1


@pytest.mark.parametrize("kind", ["symmetric", "verdict", "content", "class-conditional"])
@pytest.mark.parametrize("k", [4, 8])
def test_noise_changes_as_many_replies_as_it_says_and_nothing_else(kind: str, k: int) -> None:
    spec = f"noisy:hint_facts?k={k}&kind={kind}"
    for clean, some, more in zip(
        *(plan_of(f"{spec}&rate={rate}", limit=2).tasks for rate in (0, 0.4, 0.9)), strict=True
    ):
        shown = [solved(task.cases[0]) for task in (clean, some, more)]
        assert [prompt for prompt, _ in shown[0]] == [prompt for prompt, _ in shown[1]] == [p for p, _ in shown[2]]
        different = [
            [before != after for (_, before), (_, after) in zip(shown[0], each, strict=True)] for each in shown[1:]
        ]
        assert [sum(each) for each in different] == [some.shown.flipped, more.shown.flipped]
        assert clean.shown.flipped == 0
        assert all(high for low, high in zip(*different, strict=True) if low)


def test_demonstrations_are_balanced_as_measured_and_the_same_under_any_limit() -> None:
    for task in plan_of("noisy:hint_facts?k=8&rate=0").tasks:
        replies = [reply for _, reply in solved(task.cases[0])]
        assert sum(reply.startswith("Change") for reply in replies) == 4
        assert len({tuple(solved(case)) for case in task.cases}) == 1
    few, many = plan_of("noisy:hint_facts?rate=0.4", limit=2).tasks, plan_of("noisy:hint_facts?rate=0.4", limit=9).tasks
    assert [task.shown for task in few] == [task.shown for task in many]


def test_labels_that_are_not_there_are_named_with_the_way_out() -> None:
    with pytest.raises(TaskError, match=r"bundles no labels.*labels=own"):
        plan_of("noisy:jabberwocky")
    with pytest.raises(TaskError, match="own labels are measured by `introbench run` first"):
        plan_of("noisy:hint_facts?labels=own")
