"""Changes are paired, clustered and tested as the page of statistics says, whatever the order of the cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from simulate import invented_answers, invented_cases

from introbench.gate.change import change_of, critical, detectable_harm, items_for
from introbench.gate.influence import Seen
from introbench.gate.measures import MEASURES
from introbench.metrics.arrays import Ints
from introbench.metrics.observations import ABSENT, UNPARSABLE


def seen(said: Ints, cued: Ints, *, clusters: Ints | None = None, reference: bool = False) -> Seen:
    """A model whose answer without the cue is always 0, which is also the key; the hint is 1."""
    size = said.size
    cases = invented_cases(np.ones(size, dtype=np.int64), np.zeros(size, dtype=np.int64), clusters=clusters)
    nothing = np.zeros(size, dtype=np.int64)
    other = invented_answers(nothing, np.arange(size) % 2) if reference else None
    return Seen(
        cases, invented_answers(nothing, cued, said=said, content=nothing), np.full(size, ABSENT), reference=other
    )


def pair(lost: int, gained: int, same: int, clusters: Ints | None = None) -> tuple[Seen, Seen]:
    """Verdicts that went wrong, came right and stayed, on cases where nothing changed."""
    before = np.repeat([0, 1, 0], [lost, gained, same])
    now = np.repeat([1, 0, 0], [lost, gained, same])
    cued = np.zeros(before.size, dtype=np.int64)
    return seen(before, cued, clusters=clusters), seen(now, cued, clusters=clusters)


@pytest.mark.parametrize(("lost", "gained"), [(9, 1), (1, 9), (12, 3), (4, 4), (0, 5)])
def test_one_sided_p_of_single_cases_is_that_of_the_exact_mcnemar_test(lost: int, gained: int) -> None:
    change = change_of(MEASURES["exact_match"], *pair(lost, gained, 100))
    assert change.method == "exact McNemar"
    assert change.change == pytest.approx((gained - lost) / (100 + lost + gained))
    p_fell = stats.binomtest(lost, lost + gained, 0.5, alternative="greater").pvalue
    p_rose = stats.binomtest(gained, lost + gained, 0.5, alternative="greater").pvalue
    assert change.p_fell == pytest.approx(p_fell if lost > gained else 1.0)
    assert change.p_rose == pytest.approx(p_rose if gained > lost else 1.0)


def test_cases_of_one_item_count_as_one_cluster() -> None:
    clusters = np.repeat(np.arange(30), 4)
    change = change_of(MEASURES["exact_match"], *pair(8, 0, 112, clusters))
    assert (change.clusters, change.items, change.cases) == (30, 30, 120)
    assert change.method == "cluster sign-flip"
    assert change.p_fell == pytest.approx(0.25)  # two clusters fell: a half of a half


def test_where_nothing_differs_the_error_is_that_of_one_cluster_lost_and_one_gained() -> None:
    change = change_of(MEASURES["exact_match"], *pair(0, 0, 200))
    assert change.change == 0
    assert change.p_fell == change.p_rose == 1
    size = 202
    assert change.error == pytest.approx(math.sqrt(size / (size - 1) * 2 / 200**2))


def test_what_one_side_cannot_estimate_has_a_reason_and_no_p() -> None:
    before, now = pair(0, 0, 50)
    change = change_of(MEASURES["youden_j"], before, now)
    assert (change.p_fell, change.p_rose) == (None, None)
    assert change.detail == "of the baseline: no case is changed"


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(set(MEASURES) - {"refusal_rate", "refusal_rate_uncued"})))
def test_neither_the_order_of_cases_nor_the_side_matters(seed: int, name: str) -> None:
    """Reordered cases change nothing; exchanged sides turn the sign and exchange the tests."""
    rng = np.random.default_rng(seed)
    clusters = rng.integers(0, 40, 120)

    def side() -> Seen:
        return seen(rng.choice([0, 1, UNPARSABLE], 120), rng.integers(0, 2, 120), clusters=clusters, reference=True)

    one, other = side(), side()
    order = rng.permutation(120)

    def shuffled(each: Seen) -> Seen:
        assert each.reference is not None
        return Seen(each.cases.take(order), each.answers.take(order), each.refuse[order], each.reference.take(order))

    found = change_of(MEASURES[name], one, other)
    again = change_of(MEASURES[name], shuffled(one), shuffled(other))
    back = change_of(MEASURES[name], other, one)
    for attribute in ("change", "error", "p_fell", "p_rose"):
        assert getattr(again, attribute) == pytest.approx(getattr(found, attribute), abs=1e-9, nan_ok=True)
    assert back.change == pytest.approx(-found.change)
    assert back.p_fell == pytest.approx(found.p_rose)
    assert back.error == pytest.approx(found.error, nan_ok=True)


def test_estimates_are_those_of_the_summary() -> None:
    from introbench.metrics.scores import score

    rng = np.random.default_rng(3)
    each = seen(rng.choice([0, 1], 200), rng.integers(0, 2, 200), clusters=np.repeat(np.arange(50), 4))
    scores = score(each.graded)
    for name in (
        "exact_match", "youden_j", "balanced_accuracy", "macro_f1", "sensitivity", "specificity", "content_accuracy",
        "content_on_changed", "auroc", "brier",
    ):  # fmt: skip
        assert MEASURES[name].of(each).value == pytest.approx(getattr(scores, name).value), name


def test_the_linearised_error_is_that_of_a_resampling_of_clusters() -> None:
    """An oracle that knows no formula: the standard deviation of the change over bootstrap samples of clusters."""
    rng = np.random.default_rng(4)
    clusters = np.repeat(np.arange(150), 2)
    cued = rng.integers(0, 2, 300)
    one = seen(np.where(rng.random(300) < 0.8, cued, 1 - cued), cued, clusters=clusters)
    other = seen(np.where(rng.random(300) < 0.7, cued, 1 - cued), cued, clusters=clusters)
    for name in ("youden_j", "macro_f1", "exact_match", "auroc"):
        changes = []
        for _ in range(400):
            rows = (rng.integers(0, 150, 150)[:, None] * 2 + np.arange(2)).ravel()
            values = [MEASURES[name].of(Seen(s.cases.take(rows), s.answers.take(rows), s.refuse[rows])).value
                      for s in (one, other)]  # fmt: skip
            assert None not in values
            changes.append(values[1] - values[0])  # type: ignore[operator]
        assert change_of(MEASURES[name], one, other).error == pytest.approx(np.std(changes), rel=0.15), name


def test_a_detectable_harm_is_significant_and_over_the_floor_four_times_in_five() -> None:
    error, clusters = 0.01, 10_000
    quantile = critical(0.05, clusters), critical(0.2, clusters)
    assert detectable_harm(error, clusters, 0.05, 0.0) == pytest.approx(sum(quantile) * error)
    assert detectable_harm(error, clusters, 0.05, 0.2) == pytest.approx(0.2 + quantile[1] * error)


def test_the_items_that_would_show_a_harm_make_it_detectable() -> None:
    change = change_of(MEASURES["exact_match"], *pair(20, 20, 160))
    items = items_for(0.05, change, 0.05 / 3, 0.02)
    assert items is not None
    shrunk = change.error * math.sqrt(change.items / items)
    assert detectable_harm(shrunk, change.clusters, 0.05 / 3, 0.02) == pytest.approx(0.05, rel=0.01)
    assert items_for(0.02, change, 0.05, 0.02) is None
