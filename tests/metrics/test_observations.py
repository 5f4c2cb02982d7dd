"""Decisions follow the two steps of the explanation, and roles survive being moved from case to case."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulate import invented_cases

from introbench.metrics.observations import ABSENT, CHANGED, UNCHANGED, UNPARSABLE, LogProbs, decide
from introbench.metrics.roles import FIRST_OTHER, HINT, KEY, OWN_CUED, role_name, roles_of


def one(uncued: list[float], cued: list[float], unchanged: list[float], changed: list[float]) -> LogProbs:
    return LogProbs(*(np.array([row], dtype=np.float64) for row in (uncued, cued, unchanged, changed)))


def test_the_verdict_is_decided_by_the_sum_of_its_candidates_and_the_content_within_it() -> None:
    spread, concentrated = np.log([0.2, 0.2, 0.2]), np.log([0.3, 0.01, 0.01])
    answers = decide(one([-1, -2, -3], [-3, -1, -2], list(concentrated), list(spread + np.array([0, 0.01, 0]))))
    assert answers.said[0] == CHANGED  # a flat arg-max would have said "unchanged"
    assert answers.content[0] == 1
    p_changed = 0.2 * (2 + np.exp(0.01))
    assert answers.p_changed[0] == pytest.approx(p_changed / (p_changed + 0.32))
    assert answers.candidate_mass[0] == pytest.approx(p_changed + 0.32)
    assert answers.verdict_margin[0] == pytest.approx(np.log(p_changed / 0.32))
    assert answers.content_margin[0] == pytest.approx(0.01)


def test_behaviour_is_the_first_of_the_highest() -> None:
    answers = decide(one([-1, -1, -3], [-3, -2, -1], [-1, -1, -1], [-1, -1, -1]))
    assert (answers.uncued[0], answers.cued[0]) == (0, 2)
    assert (answers.said[0], answers.content[0]) == (UNCHANGED, 0)
    assert answers.uncued_margin[0] == 0
    assert answers.cued_lead[0] == pytest.approx((np.exp(-1) - np.exp(-2)) / (np.exp(-1) + np.exp(-2) + np.exp(-3)))
    assert answers.labels.changed[0]
    assert answers.labels.content[0] == 0
    assert answers.unsure_behaviour(0.001)[0]
    assert answers.unsure_explanation(0.001)[0]


def test_a_case_with_fewer_choices_is_not_touched_by_the_padding() -> None:
    inf = -np.inf
    answers = decide(one([-1, -2, inf, inf], [-2, -1, inf, inf], [-5, -6, inf, inf], [-1, -3, inf, inf]))
    assert (answers.uncued[0], answers.cued[0], answers.said[0], answers.content[0]) == (0, 1, CHANGED, 0)
    assert answers.uncued_margin[0] == pytest.approx(1)
    assert answers.candidate_mass[0] == pytest.approx(np.exp([-5, -6, -1, -3]).sum())


def test_a_request_without_an_answer_is_neither_behaviour_nor_explanation() -> None:
    nan = [np.nan] * 3
    silent = decide(one([-1, -2, -3], nan, nan, nan))
    assert not silent.behaved[0]
    assert not silent.explained[0]
    assert (silent.uncued[0], silent.cued[0], silent.said[0], silent.content[0]) == (0, ABSENT, UNPARSABLE, ABSENT)


def test_roles_go_by_precedence_and_others_keep_their_order() -> None:
    cases = invented_cases(np.array([1, 1, 2, -1]), np.array([3, 1, 0, -1]), choices=np.array([5, 4, 4, 2]))
    roles = roles_of(cases, np.array([0, 1, 2, 1]))
    assert roles.of_choice.tolist() == [
        [OWN_CUED, HINT, FIRST_OTHER, KEY, FIRST_OTHER + 1],
        [FIRST_OTHER, OWN_CUED, FIRST_OTHER + 1, FIRST_OTHER + 2, -1],
        [KEY, FIRST_OTHER, OWN_CUED, FIRST_OTHER + 1, -1],
        [FIRST_OTHER, OWN_CUED, -1, -1, -1],
    ]


def test_other_roles_wrap_around_and_fall_back_to_the_own_cued_answer() -> None:
    cases = invented_cases(np.array([1, 0]), np.array([3, 1]), choices=np.array([5, 2]))
    roles = roles_of(cases, np.array([0, 0]))
    assert roles.to_choice[0, FIRST_OTHER:].tolist() == [2, 4, 2, 4, 2]
    assert roles.to_choice[1, FIRST_OTHER:].tolist() == [0, 0, 0, 0, 0]
    assert role_name(FIRST_OTHER + 1) == "other_2"


@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_naming_a_choice_by_its_role_names_that_choice(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cases = invented_cases(rng.integers(0, k, 20), rng.integers(-1, k, 20), choices=k)
    roles = roles_of(cases, rng.integers(0, k, 20))
    for choice in range(k):
        role = roles.of_choice[:, choice]
        assert (roles.to_choice[np.arange(20), role] == choice).all()
