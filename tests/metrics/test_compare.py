"""Comparisons pair cases, show what flipped, and refuse what cannot be compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulate import invented_answers, invented_cases, invented_run

from introbench.errors import NotComparableError, UsageError
from introbench.metrics.compare import compare_runs
from introbench.metrics.observations import Answers, CaseTable
from introbench.metrics.read import Run, TaskEntry
from introbench.metrics.scores import grade, score

NAMES = ("first", "second")


def model(seed: int, cases: CaseTable, insight: float) -> Answers:
    rng, size = np.random.default_rng(seed), cases.hint.size
    uncued = rng.integers(0, 4, size)
    cued = np.where(rng.random(size) < 0.5, cases.hint, uncued)
    knows = rng.random(size) < insight
    said = np.where(knows, uncued != cued, rng.random(size) < 0.5).astype(np.int64)
    return invented_answers(uncued, cued, said, np.where(knows, uncued, cued))


def two_runs(size: int = 400, per_item: int = 2) -> tuple[Run, Run]:
    rng = np.random.default_rng(9)
    cases = invented_cases(rng.integers(0, 4, size), rng.integers(0, 4, size), clusters=np.arange(size) // per_item)
    return invented_run(cases, model(1, cases, 0.8)), invented_run(cases, model(2, cases, 0.3))


def test_scores_are_those_of_each_run_and_differences_are_paired() -> None:
    runs = two_runs()
    (task,) = compare_runs(runs, NAMES).tasks
    cases = runs[0].cases
    own = [score(grade(r.answers["target"].explanations, r.answers["target"].labels, cases.clusters)) for r in runs]
    exact = task.scores[0]
    assert (exact.a, exact.b) == (own[0].exact_match, own[1].exact_match)
    assert (task.scores[3].a, task.scores[3].b) == (own[0].youden_j, own[1].youden_j)
    for compared in task.scores:
        assert compared.a.value is not None
        assert compared.b.value is not None
        assert compared.difference.value == pytest.approx(compared.b.value - compared.a.value)
        assert compared.test.p is not None
        assert compared.test.p < 0.01
        assert compared.test.detectable is not None
    assert exact.test.method == "cluster sign-flip"
    assert task.scores[3].test.method == "clustered t"


def test_flips_account_for_the_whole_difference_and_lost_ones_come_first() -> None:
    (task,) = compare_runs(two_runs(), NAMES).tasks
    assert (task.lost, task.gained) == tuple(
        sum(flip.direction == which for flip in task.flips) for which in ("lost", "gained")
    )
    difference = task.scores[0].difference.value
    assert difference == pytest.approx((task.gained - task.lost) / task.scored)
    assert [flip.direction for flip in task.flips] == ["lost"] * task.lost + ["gained"] * task.gained
    for flip in task.flips:
        assert (flip.a.right, flip.b.right) == ((True, False) if flip.direction == "lost" else (False, True))
        right = flip.a if flip.a.right else flip.b
        assert (right.said, right.named) == (right.verdict, right.uncued)


def test_single_case_clusters_are_tested_by_mcnemar() -> None:
    (task,) = compare_runs(two_runs(per_item=1), NAMES).tasks
    assert task.scores[0].test.method == "exact McNemar"


def test_a_run_against_itself_shows_no_difference() -> None:
    run = two_runs()[0]
    (task,) = compare_runs((run, run), NAMES).tasks
    assert (task.lost, task.gained, task.drift.value, task.flips) == (0, 0, 0, [])
    assert [compared.difference.value for compared in task.scores] == [0, 0, 0, 0]
    assert task.scores[0].test.p == 1


def test_swapping_the_runs_turns_every_sign() -> None:
    first, second = two_runs()
    (task,), (turned,) = compare_runs((first, second), NAMES).tasks, compare_runs((second, first), NAMES).tasks
    assert (task.lost, task.gained) == (turned.gained, turned.lost)
    for one, other in zip(task.scores, turned.scores, strict=True):
        assert one.difference.value is not None
        assert other.difference.value == pytest.approx(-one.difference.value)
        assert other.test.p == pytest.approx(one.test.p)


def test_the_order_of_cases_does_not_matter_and_missing_ones_are_counted() -> None:
    first, second = two_runs()
    order = np.random.default_rng(0).permutation(400)[:300]
    shuffled = replace(
        second,
        cases=second.cases.take(order),
        answers={name: answers.take(order) for name, answers in second.answers.items()},
    )
    comparison = compare_runs((first, shuffled), NAMES)
    assert comparison.left_out == (100, 0)
    kept = np.sort(order)
    cut = [
        replace(run, cases=run.cases.take(kept), answers={"target": run.answers["target"].take(kept)})
        for run in (first, second)
    ]
    assert comparison.tasks == compare_runs((cut[0], cut[1]), NAMES).tasks


def test_the_parts_hold_every_case_once_per_division() -> None:
    (task,) = compare_runs(two_runs(), NAMES).tasks
    for by in ("cue kind", "cue split", "labels"):
        assert sum(part.difference.n for part in task.parts if part.by == by) == task.scored
    for part in task.parts:
        if part.p is not None and part.p_adjusted is not None:
            assert part.p_adjusted >= part.p


def test_what_cannot_be_compared_is_said() -> None:
    first, second = two_runs()
    other = replace(second, tasks=(TaskEntry(name="invented", version=1, comparability=2),))
    with pytest.raises(NotComparableError, match="comparability 1 in first and 2 in second"):
        compare_runs((first, other), NAMES)
    elsewhere = replace(second, cases=replace(second.cases, ids=np.char.add("x", second.cases.ids)))
    with pytest.raises(NotComparableError, match="share no case"):
        compare_runs((first, elsewhere), NAMES)
    asked = [
        replace(run, asks=tuple(f"{name} {case}" for case in range(400)))
        for run, name in zip((first, second), "ab", strict=True)
    ]
    with pytest.raises(NotComparableError, match="case invented/0 asks other questions"):
        compare_runs((asked[0], asked[1]), NAMES)
    with pytest.raises(UsageError, match="no model 'nobody'; it has target"):
        compare_runs((first, second), NAMES, ("nobody", None))


def test_probabilities_and_single_replies_are_not_set_side_by_side() -> None:
    first, second = two_runs(40)
    replies = replace(second, models=tuple(entry.model_copy(update={"answers": "path"}) for entry in second.models))
    with pytest.raises(NotComparableError, match="are read differently"):
        compare_runs((first, replies), NAMES)
    assert compare_runs((replies, replies), NAMES).tasks
