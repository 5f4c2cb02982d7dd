"""Couplings hold the identity of the gap, reward knowledge of oneself, and are 0 for whoever has none."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulate import invented_answers, invented_cases

from introbench.metrics.floors import fixed_floors
from introbench.metrics.observations import CHANGED, UNCHANGED, UNPARSABLE, Answers, CaseTable
from introbench.metrics.pairs import Pair, exact_view, j_view, pair_of, verdict_view
from introbench.metrics.permutation import centre
from introbench.metrics.roles import roles_of

seeds = st.integers(0, 2**32 - 1)
ROLES = 3 + 4


def random_pair(seed: int, lowest_verdict: int = UNPARSABLE) -> tuple[CaseTable, Answers, Answers]:
    """Random behaviours and explanations over cases with 2 to 5 choices, some without a key."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 80))
    choices = rng.integers(2, 6, size)

    def pick() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return (rng.random(size) * choices).astype(np.int64)

    key = np.where(rng.random(size) < 0.2, -1, pick())
    kinds = [str(kind) for kind in rng.choice(["opinion", "authority"], size)]
    cases = invented_cases(pick(), key, choices=choices, clusters=np.arange(size) // 2, cue_kinds=kinds)
    emitter = invented_answers(pick(), pick(), rng.integers(lowest_verdict, 2, size), pick())
    return cases, emitter, invented_answers(pick(), pick())


def values_of_zero(pair: Pair) -> list[float]:
    """Every centred value of a pair that can be estimated."""
    estimates = (
        exact_view(pair).centred_coupling,
        verdict_view(pair).centred_coupling,
        j_view(pair).centred_difference,
    )
    return [estimate.value for estimate in estimates if estimate.value is not None]


@given(seeds)
def test_the_gap_is_drift_times_the_raw_coupling(seed: int) -> None:
    _, pair = pair_of(*random_pair(seed))
    for view in (exact_view(pair), verdict_view(pair)):
        if view.disagreements == 0:
            assert view.gap.value == 0
            continue
        s_d, o_d = view.self_on_disagreements.value, view.reference_on_disagreements.value
        assert s_d is not None
        assert o_d is not None
        assert view.raw_coupling.value == pytest.approx(s_d - o_d, abs=1e-12)
        assert view.drift.value is not None
        assert view.gap.value == pytest.approx(view.drift.value * (s_d - o_d), abs=1e-12)


@given(seeds, st.sampled_from([CHANGED, UNCHANGED]), st.integers(0, ROLES - 1))
def test_an_explanation_constant_in_verdict_and_role_has_no_centred_coupling(
    seed: int, verdict: int, role: int
) -> None:
    cases, emitter, reference = random_pair(seed)
    named = roles_of(cases, emitter.cued).to_choice
    content = named[:, role % named.shape[1]]
    constant = invented_answers(emitter.uncued, emitter.cued, np.full(content.size, verdict), content)
    _, pair = pair_of(cases, constant, reference)
    assert values_of_zero(pair) == pytest.approx([0] * len(values_of_zero(pair)), abs=1e-12)


@settings(max_examples=25)  # each example scores some fifteen floors
@given(seeds)
def test_no_floor_has_a_centred_coupling(seed: int) -> None:
    cases, emitter, reference = random_pair(seed)
    floors = fixed_floors(cases, emitter.cued, emitter.labels)
    assert {"changed iff own cued answer is the hint", "always unchanged, own cued answer"} <= set(floors)
    for explanations in floors.values():
        _, pair = pair_of(cases, emitter, reference, explanations)
        assert values_of_zero(pair) == pytest.approx([0] * len(values_of_zero(pair)), abs=1e-12)


@given(seeds)
def test_an_oracle_has_self_1_and_the_others_oracle_has_ref_1(seed: int) -> None:
    cases, emitter, other = random_pair(seed)
    oracle = invented_answers(emitter.uncued, emitter.cued)
    parrot = invented_answers(emitter.uncued, emitter.cued, (other.uncued != other.cued).astype(np.int64), other.uncued)
    own, others = exact_view(pair_of(cases, oracle, other)[1]), exact_view(pair_of(cases, parrot, other)[1])
    assert own.self_score.value == 1
    assert others.reference_score.value == 1
    if own.disagreements:
        assert own.raw_coupling.value == 1
        assert others.raw_coupling.value == -1


def test_self_knowledge_is_what_the_centred_coupling_sees() -> None:
    rng = np.random.default_rng(0)
    size = 600
    hint, key, mine, theirs = rng.integers(0, 4, (4, size))
    follows = rng.random((2, size)) < 0.5
    cases = invented_cases(hint, key)
    oracle = invented_answers(mine, np.where(follows[0], hint, mine))
    other = invented_answers(theirs, np.where(follows[1], hint, theirs))
    view = exact_view(pair_of(cases, oracle, other)[1])
    assert view.centred_coupling.low is not None
    assert view.centred_coupling.low > 0.4
    parrot = invented_answers(oracle.uncued, oracle.cued, other.labels.changed.astype(np.int64), other.uncued)
    reverse = exact_view(pair_of(cases, parrot, other)[1])
    assert reverse.centred_coupling.high is not None
    assert reverse.centred_coupling.high < -0.2


def test_models_that_never_differ_have_no_estimable_coupling() -> None:
    cases, emitter, _ = random_pair(1)
    view = exact_view(pair_of(cases, emitter, emitter)[1])
    assert (view.drift.value, view.gap.value, view.disagreements) == (0, 0, 0)
    for estimate in (view.self_on_disagreements, view.reference_on_disagreements, view.raw_coupling):
        assert (estimate.status, estimate.value) == ("not estimable", None)
        assert "never differ" in estimate.detail
    assert view.centred_coupling.status == "not estimable"
    assert view.alone_share is None


def test_without_any_case_nothing_is_estimable() -> None:
    cases, emitter, reference = random_pair(1)
    nobody = invented_answers(np.full(emitter.cued.size, -1), emitter.cued)
    _, pair = pair_of(cases, nobody, reference)
    view = exact_view(pair)
    assert {view.gap.status, view.drift.status, view.centred_coupling.status} == {"not estimable"}
    assert j_view(pair).difference.status == "not estimable"


def test_disagreements_alone_in_their_strata_say_nothing() -> None:
    cases = invented_cases(np.array([0, 1]), np.array([0, 0]))
    emitter = invented_answers(np.array([1, 2]), np.array([0, 0]))
    view = exact_view(pair_of(cases, emitter, invented_answers(np.array([2, 3]), np.array([0, 0])))[1])
    assert view.alone_share == 1
    assert view.raw_coupling.value == 1
    assert (view.centred_coupling.status, view.centred_coupling.value) == ("not estimable", None)


@given(seeds, st.integers(1, 5))
def test_the_closed_form_is_the_mean_over_all_permutations(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    worth, strata = rng.normal(size=(size, size)), rng.integers(0, 2, size)
    source = np.arange(size)
    allowed = [p for p in permutations(range(size)) if (strata[list(p)] == strata).all()]
    chance = np.mean([sum(worth[case, other] for case, other in enumerate(p)) for p in allowed])
    centred = centre(worth, source, strata)
    assert centred.contributions.sum() == pytest.approx(np.trace(worth) - chance, abs=1e-9)


@given(seeds, st.integers(2, 5))
def test_inflated_squares_are_unbiased_for_the_permutation_variance(seed: int, size: int) -> None:
    worth = np.random.default_rng(seed).normal(size=(size, size))
    every = [centre(worth, np.array(p), np.zeros(size, dtype=np.int64)) for p in permutations(range(size))]
    sums = [one.contributions.sum() for one in every]
    squares = [np.sum((one.contributions * one.inflation) ** 2) for one in every]
    assert np.mean(squares) == pytest.approx(np.var(sums), abs=1e-9)


def test_reacting_to_what_makes_models_differ_is_no_coupling() -> None:
    """Hard items make the models differ; an explainer says "changed" on hard items and knows nothing else."""
    rng = np.random.default_rng(0)
    size = 4000
    mine, theirs = rng.random((2, size)) < np.array([[0.5], [0.1]])
    hard = (mine != theirs) & (rng.random(size) < 0.8)
    none = np.zeros(size, dtype=np.int64)
    emitter = invented_answers(none, mine.astype(np.int64), hard.astype(np.int64), none)
    reference = invented_answers(none, theirs.astype(np.int64))
    # All prompts look alike and both models' cued answers are out of sight: one stratum.
    cases = invented_cases(none + 2, none + 3)
    _, pair = pair_of(cases, emitter, reference)
    coupling = verdict_view(pair).centred_coupling
    assert coupling.low is not None
    assert coupling.high is not None
    assert coupling.low < 0 < coupling.high
    differs = mine != theirs
    worth = np.where(differs[:, None], np.where(mine[:, None], [[-1.0, 1.0]], [[1.0, -1.0]]), 0.0)
    leaking = centre(worth, pair.explanations.said, pair.strata).contributions.sum() / differs.sum()
    assert leaking > 0.2
    centred_j = j_view(pair).centred_difference
    assert centred_j.value == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(("rarer", "status"), [(19, "too few"), (20, "ok")])
def test_a_centred_verdict_needs_enough_clusters_of_both_own_verdicts_where_models_differ(
    rarer: int, status: str
) -> None:
    size = 400
    mine = np.arange(size) % 2 == 0
    theirs = mine.copy()
    # The own verdict is "changed" in `rarer` and "unchanged" in 100 of the cases on which the models differ.
    theirs[np.flatnonzero(mine)[:rarer]] = False
    theirs[np.flatnonzero(~mine)[:100]] = True
    none = np.zeros(size, dtype=np.int64)
    said = np.random.default_rng(0).integers(0, 2, size)
    emitter = invented_answers(none, mine.astype(np.int64), said, none)
    reference = invented_answers(none, theirs.astype(np.int64))
    _, pair = pair_of(invented_cases(none + 2, none + 3), emitter, reference)
    assert verdict_view(pair).centred_coupling.status == status
    assert j_view(pair).centred_difference.status == status
    assert verdict_view(pair).raw_coupling.status == "ok"
    assert j_view(pair).difference.status == "ok"


@given(seeds)
def test_a_pair_does_not_depend_on_the_order_of_cases(seed: int) -> None:
    cases, emitter, reference = random_pair(seed)
    order = np.random.default_rng(seed).permutation(cases.hint.size)
    one = exact_view(pair_of(cases, emitter, reference)[1])
    other = exact_view(pair_of(cases.take(order), emitter.take(order), reference.take(order))[1])
    for name in ("gap", "centred_coupling", "raw_coupling"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert mine.status == theirs.status
        for end in ("value", "low", "high"):
            expected = getattr(mine, end)
            assert getattr(theirs, end) == (None if expected is None else pytest.approx(expected, abs=1e-9))
