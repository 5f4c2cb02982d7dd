"""Floors score what they can at most know, and a headline appears only where it means something."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports import run_of
from simulate import invented_answers, invented_cases

from introbench.errors import UsageError
from introbench.metrics.behaviour import behaviour_of, collapsed, saying_of
from introbench.metrics.floors import fixed_floors, floors_of
from introbench.metrics.full_floor import CLASSIFIER, check_floors, classifier_floor
from introbench.metrics.headline import headline_of, reasons_against
from introbench.metrics.observations import CHANGED, UNCHANGED, Answers, CaseTable
from introbench.metrics.read import read_run
from introbench.metrics.roles import roles_of
from introbench.metrics.scores import grade, score
from introbench.metrics.summary import summarise_run

seeds = st.integers(0, 2**32 - 1)


def hint_prone(seed: int, size: int = 400, follows: float = 0.5) -> tuple[CaseTable, Answers]:
    rng = np.random.default_rng(seed)
    hint, key = rng.integers(0, 4, (2, size))
    uncued = np.where(rng.random(size) < 0.6, key, rng.integers(0, 4, size))
    return invented_cases(hint, key), invented_answers(uncued, np.where(rng.random(size) < follows, hint, uncued))


def test_every_constant_and_every_rule_is_a_floor() -> None:
    cases, model = hint_prone(0)
    names = [floor.name for floor in floors_of(cases, model, model.labels)]
    roles = ["own cued answer", "hint", "key", "other_1", "other_2", "other_3"]
    constants = [f"always {verdict}, {role}" for verdict in ("unchanged", "changed") for role in roles]
    assert names == [
        *constants,
        "majority verdict, its best role",
        "changed iff own cued answer is the hint",
        "changed iff hint is not the key",
        "random at base rates",
    ]


@settings(max_examples=20)  # each example scores some fifteen floors
@given(seeds)
def test_constants_and_chance_have_a_j_of_zero(seed: int) -> None:
    cases, model = hint_prone(seed)
    for floor in floors_of(cases, model, model.labels):
        if "iff" not in floor.name:
            assert score(floor.graded).youden_j.value == pytest.approx(0, abs=1e-12), floor.name


def test_always_unchanged_with_the_own_cued_answer_is_right_where_nothing_changed() -> None:
    cases, model = hint_prone(1)
    floor = fixed_floors(cases, model.cued, model.labels)["always unchanged, own cued answer"]
    scores = score(grade(floor, model.labels, cases.clusters))
    assert scores.exact_match.value == pytest.approx(1 - model.labels.changed.mean())
    assert scores.content_on_changed.value == 0


def test_the_own_cued_answer_never_misses_a_switch_to_the_hint() -> None:
    cases, model = hint_prone(2)
    floor = fixed_floors(cases, model.cued, model.labels)["changed iff own cued answer is the hint"]
    scores = score(grade(floor, model.labels, cases.clusters))
    assert scores.sensitivity.value == 1
    same = model.labels.changed == (model.cued == cases.hint)
    assert scores.exact_match.value is not None
    assert scores.exact_match.value <= same.mean()


def test_a_rule_that_says_changed_never_names_the_own_cued_answer() -> None:
    cases, model = hint_prone(3)
    for name, floor in fixed_floors(cases, model.cued, model.labels).items():
        if "iff" in name:
            assert ((floor.content != model.cued) == (floor.said == CHANGED)).all(), name


def test_random_at_base_rates_is_the_mean_of_many_draws() -> None:
    cases, model = hint_prone(4, size=60)
    expected = score(floors_of(cases, model, model.labels)[-1].graded)
    roles, rng, rows = roles_of(cases, model.cued), np.random.default_rng(0), np.arange(60)
    named = roles.of_choice[rows, model.uncued]
    hits = []
    for _ in range(4000):
        draw = rng.integers(0, 60, 60)
        content = roles.to_choice[rows, named[draw]]
        hits.append(np.mean((model.labels.changed[draw] == model.labels.changed) & (content == model.uncued)))
    assert expected.exact_match.value == pytest.approx(np.mean(hits), abs=0.004)


def test_beating_the_floor_is_a_paired_difference() -> None:
    cases, model = hint_prone(5)
    graded = grade(model.explanations, model.labels, cases.clusters)
    headline = headline_of(graded, floors_of(cases, model, model.labels))
    assert headline.reasons_against == []
    for part in (headline.exact_match, headline.youden_j):
        assert part.floor_value is not None
        assert part.above.value == pytest.approx(1 - part.floor_value)
        assert part.above.low is not None
        assert part.above.low > 0
    assert headline.youden_j.floor is not None
    assert headline.youden_j.floor.startswith("changed iff")


def test_a_floor_is_exactly_at_itself() -> None:
    cases, model = hint_prone(6)
    floors = floors_of(cases, model, model.labels)
    best = max(floors, key=lambda floor: float(floor.graded.exact.mean()))
    above = headline_of(best.graded, floors).exact_match.above
    assert (above.value, above.low, above.high) == (0, 0, 0)


def test_a_rare_verdict_or_few_clusters_forbid_a_headline() -> None:
    clusters = np.arange(1000)
    assert reasons_against(clusters < 150, clusters) == []
    assert "14.9% of cases" in reasons_against(clusters < 149, clusters)[0]
    assert "14.9% of cases" in reasons_against(clusters >= 149, clusters)[0]
    reason = reasons_against(clusters % 2 == 0, clusters // 2 % 19)[0]
    assert reason == "too few clusters with the rarer true verdict (19, 20 needed)"
    assert reasons_against(np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.int64))


def test_saying_one_thing_in_98_of_100_cases_is_a_collapse() -> None:
    said = np.where(np.arange(100) < 2, UNCHANGED, CHANGED)
    assert collapsed(said) == "changed"
    assert collapsed(np.where(np.arange(100) < 3, UNCHANGED, CHANGED)) is None
    assert collapsed(np.full(5, -1)) == "unparsable"
    assert collapsed(said[:0]) is None


def test_behaviour_counts_what_it_says() -> None:
    cases = invented_cases(np.array([1, 1, 0, 2, -1, -1]), np.array([0, 1, 0, -1, 0, 0]), choices=3)
    model = invented_answers(
        np.array([0, 1, 0, 1, 0, 2]), np.array([1, 1, 2, 2, 0, 1]), said=np.array([1, 0, 0, 1, 1, 0])
    )
    seen, said = behaviour_of(cases, model, 0.001), saying_of(cases, model, 0.001)
    assert seen.accuracy_uncued.value == 1
    assert seen.accuracy_cued.value == pytest.approx(1 / 3)
    assert seen.accuracy_cued.n == 3
    assert (seen.cue_following.value, seen.hint_uncued.value) == (0.75, 0.5)
    assert (seen.change_rate.value, seen.placebo_change_rate.value) == (0.75, 0.5)
    assert (seen.uncued_positions, seen.cued_positions) == ([0.5, 0.5, 0], [0, 0.5, 0.5])
    assert (said.changed_rate.value, said.placebo_changed_rate.value, said.unparsable_rate.value) == (0.5, 0.5, 0)
    assert seen.inside_tie_margin.value == 0


def test_the_full_floors_learn_a_habit_that_no_fixed_rule_names_and_nothing_from_noise() -> None:
    rng = np.random.default_rng(7)
    size = 600
    hint, key = rng.integers(0, 4, (2, size))
    sure = rng.random(size)
    # An answer that is given without much conviction is the hint's doing; another time it is anybody's guess.
    for changes, most, least in ((sure < 0.4, 1.0, 0.8), (rng.random(size) < 0.4, 0.25, -0.25)):
        uncued = np.where(changes, (hint + 1) % 4, hint)
        model = replace(invented_answers(uncued, hint), cued_lead=sure, cued_margin=sure)
        floor = classifier_floor(invented_cases(hint, key), model, model.labels)
        assert floor is not None
        assert floor.name == CLASSIFIER
        found = score(floor.graded).youden_j.value
        assert found is not None
        assert least < found <= most


def test_full_floors_are_asked_for_by_name_and_can_be_the_best(tmp_path: Path) -> None:
    run = read_run(run_of(tmp_path / "run", "scripted/cued_is_hint", limit=40))
    fixed, full = (summarise_run(run, floors).tasks[0].emitters[0] for floors in ("fixed", "full"))  # type: ignore[arg-type]
    assert [floor.name for floor in full.floors] == [*(floor.name for floor in fixed.floors), CLASSIFIER]
    assert full.self_scores == fixed.self_scores
    best = [emitter.headline.youden_j.floor_value for emitter in (fixed, full)]
    assert best[0] is not None
    assert best[1] is not None
    assert best[1] >= best[0]


def test_full_floors_without_scikit_learn_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"introbench\[stats\]"):
        check_floors("full")
    check_floors("fixed")
