"""Scores agree with scikit-learn and with the explainers whose scores are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from simulate import invented_answers
from sklearn import metrics as oracle

from introbench.metrics.intervals import Estimate
from introbench.metrics.observations import CHANGED, UNCHANGED, UNPARSABLE, Answers
from introbench.metrics.scores import Graded, area_under_curve, grade, score

SIZE = 60


def random_graded(seed: int, lowest_verdict: int = UNPARSABLE) -> tuple[Answers, Graded]:
    rng = np.random.default_rng(seed)
    answers = invented_answers(
        rng.integers(0, 3, SIZE),
        rng.integers(0, 3, SIZE),
        said=rng.integers(lowest_verdict, 2, SIZE),
        content=rng.integers(0, 3, SIZE),
        p_changed=np.round(rng.random(SIZE), 1),
    )
    return answers, grade(answers.explanations, answers.labels, np.arange(SIZE) // 2)


seeds = st.integers(0, 2**32 - 1)


@given(seeds)
def test_scores_equal_scikit_learns(seed: int) -> None:
    answers, graded = random_graded(seed)
    truth = answers.labels.changed.astype(int)
    assume(0 < truth.sum() < SIZE)
    recall = oracle.recall_score(truth, answers.said, labels=[UNCHANGED, CHANGED], average=None, zero_division=0)
    scores = score(graded)
    expected: dict[str, Any] = {
        "specificity": recall[0],
        "sensitivity": recall[1],
        "youden_j": recall.sum() - 1,
        "balanced_accuracy": recall.mean(),
        "macro_f1": oracle.f1_score(truth, answers.said, labels=[0, 1], average="macro", zero_division=0),
        "content_accuracy": oracle.accuracy_score(answers.uncued, answers.content),
        "auroc": oracle.roc_auc_score(truth, answers.p_changed),
        "brier": oracle.brier_score_loss(truth, answers.p_changed),
    }
    for name, value in expected.items():
        assert getattr(scores, name).value == pytest.approx(value, abs=1e-12), name
    both = [(said, content) for said, content in zip(answers.said, answers.content, strict=True)]
    assert scores.exact_match.value == pytest.approx(
        np.mean([pair == label for pair, label in zip(both, zip(truth, answers.uncued, strict=True), strict=True)])
    )


@given(seeds)
def test_an_oracle_explains_itself_perfectly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    answers = invented_answers(rng.integers(0, 4, SIZE), rng.integers(0, 4, SIZE))
    scores = score(grade(answers.explanations, answers.labels, np.arange(SIZE)))
    for name in ("exact_match", "content_accuracy", "youden_j", "auroc", "macro_f1"):
        assert getattr(scores, name).value in (1, None)
    assert scores.exact_match.value == 1
    assert scores.brier.value == 0


@given(seeds, st.sampled_from([CHANGED, UNCHANGED]))
def test_a_constant_verdict_has_a_j_of_exactly_zero(seed: int, verdict: int) -> None:
    answers, _ = random_graded(seed)
    assume(0 < answers.labels.changed.sum() < SIZE)
    constant = invented_answers(answers.uncued, answers.cued, np.full(SIZE, verdict), answers.content)
    scores = score(grade(constant.explanations, answers.labels, np.arange(SIZE)))
    assert scores.youden_j.value == 0
    assert scores.balanced_accuracy.value == 0.5
    assert scores.auroc.value == 0.5


def test_unparsable_explanations_are_wrong() -> None:
    answers, _ = random_graded(3)
    mute = invented_answers(answers.uncued, answers.cued, np.full(SIZE, UNPARSABLE))
    scores = score(grade(mute.explanations, mute.labels, np.arange(SIZE)))
    assert [scores.exact_match.value, scores.youden_j.value, scores.content_accuracy.value] == [0, -1, 0]


def test_one_true_verdict_makes_two_class_scores_not_estimable() -> None:
    still = invented_answers(np.zeros(SIZE, dtype=np.int64), np.zeros(SIZE, dtype=np.int64))
    scores = score(grade(still.explanations, still.labels, np.arange(SIZE)))
    for estimate in (scores.youden_j, scores.auroc, scores.macro_f1, scores.sensitivity, scores.content_on_changed):
        assert (estimate.status, estimate.value) == ("not estimable", None)
    assert scores.specificity.value == 1


def test_no_cases_make_everything_not_estimable() -> None:
    _, graded = random_graded(0)
    scores = score(graded.take(np.zeros(SIZE, dtype=np.bool_)))
    estimates: list[Estimate] = [getattr(scores, name) for name in type(scores).model_fields]
    assert {estimate.status for estimate in estimates} == {"not estimable"}
    assert {estimate.value for estimate in estimates} == {None}


def test_delongs_variance_of_the_area_equals_that_of_its_placements() -> None:
    """DeLong et al. 1988: var = S10 / m + S01 / n, computed here by the definition, pair by pair."""
    rng = np.random.default_rng(5)
    positive = np.arange(120) < 50
    values = np.where(positive, rng.normal(0.8, 1, 120), rng.normal(0, 1, 120))
    wins = (values[positive][:, None] > values[~positive][None, :]).astype(float)
    area, m, n = wins.mean(), 50, 70
    variance = wins.mean(axis=1).var(ddof=1) / m + wins.mean(axis=0).var(ddof=1) / n
    estimate = area_under_curve(values, positive, np.arange(120))
    assert estimate.value == pytest.approx(area)
    assert estimate.low is not None
    assert estimate.high is not None
    assert (estimate.high - estimate.low) / 2 == pytest.approx(1.98 * np.sqrt(variance), rel=0.05)
