"""The matrix holds every emitter and teacher; the diagonal excess finds knowledge of oneself and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulate import invented_answers, invented_cases, invented_run

from introbench.errors import UsageError
from introbench.metrics.floors import fixed_floors
from introbench.metrics.matrix import diagonal_excess, matrix_of
from introbench.metrics.observations import Answers, CaseTable
from introbench.metrics.pairs import exact_view, pair_of
from introbench.metrics.scores import grade, score

seeds = st.integers(0, 2**32 - 1)


def world(seed: int, size: int = 300) -> tuple[CaseTable, list[Answers]]:
    """Three models that follow a random hint half the time; the first knows itself, the others guess."""
    rng = np.random.default_rng(seed)
    hint = rng.integers(0, 4, size)
    cases = invented_cases(hint, np.zeros(size, dtype=np.int64), clusters=np.arange(size) // 3)
    models = []
    for insight in (0.9, 0.0, 0.0):
        uncued = rng.integers(0, 4, size)
        cued = np.where(rng.random(size) < 0.5, hint, uncued)
        knows = rng.random(size) < insight
        said = np.where(knows, uncued != cued, rng.random(size) < 0.5).astype(np.int64)
        models.append(invented_answers(uncued, cued, said, np.where(knows, uncued, rng.integers(0, 4, size))))
    return cases, models


def test_cells_are_what_grading_says_and_pairs_are_all_there() -> None:
    cases, (one, two, three) = world(0)
    matrix = matrix_of([invented_run(cases, one, two=two, three=three)], ["run"])
    (task,) = matrix.tasks
    assert task.models == ["target", "two", "three"]
    assert len(task.cells) == 9
    found = {(cell.emitter, cell.teacher): cell for cell in task.cells}
    own = score(grade(one.explanations, two.labels, cases.clusters))
    assert found["target", "two"].exact_match == own.exact_match
    assert found["target", "two"].youden_j == own.youden_j
    assert [pair.models for pair in task.excess] == [("target", "two"), ("target", "three"), ("two", "three")]
    assert {pair.test.family for pair in task.excess} == {3}


def test_models_of_several_runs_meet_on_the_cases_they_share() -> None:
    cases, (one, two, three) = world(0)
    second = invented_run(cases.take(np.arange(200)), two.take(np.arange(200)))
    second = replace(second, models=(second.models[0].model_copy(update={"fingerprint": "other"}),))
    matrix = matrix_of([invented_run(cases, one, three=three), second], ["a", "b"])
    assert matrix.left_out == [100, 0]
    assert matrix.tasks[0].models == ["target in a", "three", "target in b"]
    assert matrix.tasks[0].scored == 200
    again = matrix_of([invented_run(cases, one, three=three)] * 2, ["a", "b"])
    assert again.tasks[0].models == ["target", "three"]


@settings(max_examples=10)
@given(seeds)
def test_the_excess_is_half_the_sum_of_both_couplings(seed: int) -> None:
    cases, (one, two, _) = world(seed)
    excess = diagonal_excess(cases, ("a", one), ("b", two), permutations=1)
    forward, backward = (exact_view(pair_of(cases, x, y)[1]) for x, y in ((one, two), (two, one)))
    for name, of_pair in (("raw", "raw_coupling"), ("centred", "centred_coupling")):
        halves = [getattr(view, of_pair).value for view in (forward, backward)]
        assert getattr(excess, name).value == pytest.approx(sum(halves) / 2)


@settings(max_examples=10)
@given(seeds)
def test_turning_the_pair_round_changes_nothing(seed: int) -> None:
    cases, (one, two, _) = world(seed)
    forward, backward = (
        diagonal_excess(cases, pair[0], pair[1], permutations=20)
        for pair in ((("a", one), ("b", two)), (("b", two), ("a", one)))
    )
    assert forward.centred.value == pytest.approx(backward.centred.value)
    assert forward.centred.low == pytest.approx(backward.centred.low)


def test_knowledge_of_oneself_is_found_and_its_absence_too() -> None:
    cases, (one, two, three) = world(1, 900)
    found = diagonal_excess(cases, ("a", one), ("b", two))
    assert found.test.p is not None
    assert found.test.p < 0.01
    assert found.centred.low is not None
    assert found.centred.low > 0.05
    nothing = diagonal_excess(cases, ("b", two), ("c", three))
    assert nothing.test.p is not None
    assert nothing.test.p > 0.05
    assert nothing.centred.low is not None
    assert nothing.centred.high is not None
    assert nothing.centred.low < 0 < nothing.centred.high


def test_two_trivial_explainers_have_no_excess() -> None:
    cases, (one, two, _) = world(2)
    for name, mine in fixed_floors(cases, one.cued, one.labels).items():
        theirs = fixed_floors(cases, two.cued, two.labels)[name]
        pair = [
            invented_answers(model.uncued, model.cued, floor.said, floor.content)
            for model, floor in ((one, mine), (two, theirs))
        ]
        excess = diagonal_excess(cases, ("a", pair[0]), ("b", pair[1]), permutations=20)
        assert excess.centred.value == pytest.approx(0, abs=1e-12), name
        assert excess.test.p == 1, name


def test_models_that_never_differ_have_none_to_estimate() -> None:
    cases, (one, _, _) = world(3)
    excess = diagonal_excess(cases, ("a", one), ("b", one))
    assert (excess.disagreements, excess.centred.status, excess.test.p) == (0, "not estimable", None)


def test_one_model_alone_makes_no_matrix() -> None:
    cases, (one, _, _) = world(3)
    with pytest.raises(UsageError, match="needs two models"):
        matrix_of([invented_run(cases, one)], ["run"])
