"""The order of the table: tiers first, ties as ties, and tests that hold what they promise."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
from bundles import bundle_of, run_for_board
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from introbench.metrics.intervals import variance
from introbench_leaderboard.entry import TIERS, Tier, read_entries, read_outcomes
from introbench_leaderboard.ranking import Contender, contender, standings
from introbench_leaderboard.store import accept


def invented(name: str, value: float | None, influence: np.ndarray, tier: Tier = "recomputed") -> Contender:
    return Contender(name, tier, value, {f"cluster {place}": each for place, each in enumerate(influence.tolist())})


def noise(seed: int, clusters: int = 100, scale: float = 0.01) -> np.ndarray:
    draws = np.random.default_rng(seed).normal(0, scale, clusters)
    return draws - draws.mean()


def test_nobody_stands_above_who_is_trusted_more() -> None:
    table = standings(
        [
            invented("typed", 0.99, noise(1)),
            invented("checked", 0.2, noise(2), "spot-checked"),
            invented("again", 0.1, noise(3), "reproduced"),
            invented("nothing", None, noise(4), "reproduced"),
        ]
    )
    assert [each.id for each in table] == ["again", "nothing", "checked", "typed"]
    assert [each.place for each in table] == [1, 2, 3, 4]
    assert [each.group for each in table] == [1, None, 1, 1], "groups are of one tier"


def test_entries_within_noise_share_a_group_and_others_do_not() -> None:
    table = standings([invented("b", 0.50, noise(1)), invented("a", 0.52, noise(2)), invented("far", -0.5, noise(3))])
    assert [(each.id, each.group, each.leader) for each in table] == [("a", 1, "a"), ("b", 1, "a"), ("far", 2, "far")]


def test_the_p_is_that_of_a_paired_t_over_clusters() -> None:
    first, second = noise(1), noise(2)
    table = standings([invented("a", 0.5, first), invented("b", 0.4, second)])
    error = math.sqrt(variance(first - second, np.arange(100)))
    assert table[1].p_holm == pytest.approx(2 * stats.t.sf(0.1 / error, 99))


def test_pairing_tells_apart_what_two_intervals_cannot() -> None:
    """Two entries that err on the same clusters differ by little, and surely."""
    shared = noise(1, scale=0.05)
    table = standings([invented("a", 0.50, shared), invented("b", 0.45, shared + noise(2, scale=0.001))])
    assert [each.group for each in table] == [1, 2]


def test_holm_counts_every_entry_that_the_leader_is_compared_with() -> None:
    pair = [invented("leader", 0.5, noise(1)), invented("next", 0.5 - 0.3, noise(2))]
    alone = standings(pair)[1]
    p = alone.p_holm if alone.group == 1 else None
    many = [invented(f"twin {number}", 0.5 - 0.3, noise(2)) for number in range(40)]
    crowd = standings([pair[0], *many])
    error = math.sqrt(variance(noise(1) - noise(2), np.arange(100)))
    single = 2 * stats.t.sf(0.3 / error, 99)
    assert 0.05 / 40 < single < 0.05, "the case that the correction decides"
    assert (alone.group, p) == (2, None)
    assert {each.group for each in crowd} == {1}
    assert crowd[1].p_holm == pytest.approx(min(1.0, 40 * single))


def test_equal_entries_are_tied_without_a_test() -> None:
    table = standings([invented("a", 0.5, noise(1)), invented("b", 0.5, noise(1))])
    assert [(each.group, each.p_holm) for each in table] == [(1, None), (1, None)]


def test_under_the_null_a_pair_is_told_apart_one_time_in_twenty() -> None:
    rng = np.random.default_rng(5)
    apart = 0
    for _ in range(1000):
        hits = rng.normal(0, 1, (2, 60))
        values = hits.mean(axis=1)
        members = [invented(name, float(values[row]), (hits[row] - values[row]) / 60) for row, name in enumerate("ab")]
        apart += standings(members)[1].group == 2
    assert 0.03 < apart / 1000 < 0.075


@given(
    st.lists(
        st.tuples(st.sampled_from(TIERS), st.none() | st.floats(-1, 1), st.integers(0, 20)), min_size=1, max_size=12
    )
)
def test_every_entry_stands_once_and_order_of_arrival_does_not_matter(
    drawn: list[tuple[Tier, float | None, int]],
) -> None:
    members = [invented(f"e{place}", value, noise(seed, 8), tier) for place, (tier, value, seed) in enumerate(drawn)]
    table = standings(members)
    assert sorted(each.id for each in table) == sorted(each.id for each in members)
    assert table == standings(members[::-1])
    tiers = {each.id: TIERS.index(each.tier) for each in members}
    assert [tiers[each.id] for each in table] == sorted((tiers[each.id] for each in table), reverse=True)


def test_a_thousand_entries_are_ranked_in_seconds() -> None:
    rng = np.random.default_rng(0)
    members = [invented(f"e{place}", float(rng.normal(0, 0.3)), noise(place, 400)) for place in range(1000)]
    began = time.process_time()
    assert len(standings(members)) == 1000
    assert time.process_time() - began < 10


def test_the_influence_of_cases_gives_the_interval_of_the_ranking_figure(tmp_path: Path) -> None:
    run = run_for_board(tmp_path / "run", "me=scripted/reporter", limit=30)
    prepared = bundle_of(run)
    accept(tmp_path / "store", prepared.data, prepared.submission)
    ((folder, entry),) = read_entries(tmp_path / "store")
    (ranked,) = entry.tasks
    outcomes = read_outcomes(folder, ranked)
    above = ranked.above_floor
    assert above.value is not None and above.low is not None and above.high is not None
    found = contender(str(entry.id), entry.tier, above.value, outcomes)
    scored = {outcomes.clusters[place] for place in range(len(outcomes.cases)) if outcomes.scored(place)}
    sums = np.array([found.influence[cluster] for cluster in sorted(scored)])
    half = stats.t.ppf(0.975, sums.size - 1) * math.sqrt(variance(sums, np.arange(sums.size)))
    assert (above.high - above.low) / 2 == pytest.approx(half, abs=2e-6)
