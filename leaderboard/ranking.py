"""Who stands before whom: ties are shown as ties, and no entry stands above one that is trusted more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from introbench.metrics.arrays import Floats
from introbench.metrics.significance import LEVEL, holm
from introbench_leaderboard.entry import TIERS, Outcomes, Tier

__all__ = ["Contender", "Standing", "contender", "standings"]


@dataclass(frozen=True, slots=True)
class Contender:
    """An entry in one table.

    Attributes:
        id: names the entry.
        tier: how far it is trusted.
        value: its ranking figure; None where nothing can be estimated.
        influence: by cluster, the sum of its cases' first-order influence on that figure.
    """

    id: str
    tier: Tier
    value: float | None
    influence: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an entry stands.

    Attributes:
        id: names the entry.
        place: row of the table, from 1.
        group: number of its tie group within its tier, from 1; None where it has no figure. Entries of one group cannot
            be told from the group's leader.
        leader: id of the best entry of its group.
        difference: the leader's figure minus its own; None where it has none.
        p_holm: two-sided p of that difference, paired by cluster and corrected for all entries that this leader was
            compared with; None for the leader itself, and where nothing can be tested.
    """

    id: str
    place: int
    group: int | None
    leader: str | None
    difference: float | None
    p_holm: float | None


def contender(id: str, tier: Tier, value: float | None, outcomes: Outcomes) -> Contender:
    """An entry with its influence added up within clusters, which is all that a paired test needs of its cases."""
    sums: dict[str, float] = {}
    for cluster, influence in zip(outcomes.clusters, outcomes.influence, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + influence
    return Contender(id, tier, value, sums)


def standings(contenders: Sequence[Contender]) -> list[Standing]:
    """The table: by tier, the most trusted first, then by the figure; entries without one close their tier.

    Within a tier the best entry leads the first group. Every other one is tested against it on the cases that both
    answered, which are the same on one board; those whose difference is not significant at 5 % after Holm's correction
    share its group. The best of the rest leads the next group, and so on.
    """
    found: list[Standing] = []
    for tier in reversed(TIERS):
        members = [each for each in contenders if each.tier == tier]
        known = sorted((each for each in members if each.value is not None), key=lambda each: (-_value(each), each.id))
        groups = _groups(known)
        for each in (*known, *sorted((each for each in members if each.value is None), key=lambda each: each.id)):
            group, leader, difference, p = groups.get(each.id, (None, None, None, None))
            found.append(Standing(each.id, len(found) + 1, group, leader, difference, p))
    return found


_Grouped = tuple[int | None, str | None, float | None, float | None]


def _groups(ranked: Sequence[Contender]) -> dict[str, _Grouped]:
    """By id: number of the group, its leader, the difference to the leader, and p. `ranked` begins with the best."""
    clusters = {name: place for place, name in enumerate(sorted({name for each in ranked for name in each.influence}))}
    sums = np.zeros((len(ranked), len(clusters)))
    for row, each in enumerate(ranked):
        for name, influence in each.influence.items():
            sums[row, clusters[name]] = influence
    values = np.array([_value(each) for each in ranked])
    found: dict[str, _Grouped] = {}
    rest = np.arange(len(ranked))
    number = 0
    while rest.size:
        number += 1
        leader, others = rest[0], rest[1:]
        differences = values[leader] - values[others]
        adjusted = holm(_p_values(differences, sums[leader] - sums[others]))
        tied = np.array([p is None or p > LEVEL for p in adjusted], dtype=np.bool_)
        found[ranked[leader].id] = number, ranked[leader].id, 0.0, None
        for place, difference, p, together in zip(others, differences, adjusted, tied, strict=True):
            if together:
                found[ranked[place].id] = number, ranked[leader].id, float(difference), p
        rest = others[~tied]
    return found


def _p_values(differences: Floats, contributions: Floats) -> list[float | None]:
    """Two-sided p of each difference from its (entries, clusters) linearisation, by t with clusters − 1 degrees.

    None where the entries do the same on every case, so that nothing is left to test.
    """
    size = contributions.shape[1]
    if size < 2:
        return [None] * differences.size
    errors = np.sqrt(size * np.var(contributions, axis=1, ddof=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stats.t.sf(np.abs(differences) / errors, size - 1)
    return [float(value) if error > 1e-12 else None for value, error in zip(p, errors, strict=True)]


def _value(each: Contender) -> float:
    return -np.inf if each.value is None else each.value
