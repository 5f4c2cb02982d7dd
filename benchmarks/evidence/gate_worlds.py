"""Planted pairs of a baseline and a candidate: how much changed between them, and for the worse or not, is known.

Both sides behave and explain as in `worlds`. On a share of the cases, alike within an item, each side explains anew;
on another share each chooses anew between the hint and its own answer, as near ties do under rounding. What is drawn
anew comes from the same law on both sides, so that the sides can be exchanged (A/A), unless the candidate has less
insight there: its exact match is then lower by a known amount.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from benchmarks.evidence.worlds import Behaviours, World, behave, case_table, explain, truths
from introbench.gate.change import Change, change_of
from introbench.gate.config import Rule
from introbench.gate.influence import Seen
from introbench.gate.measures import MEASURES
from introbench.gate.verdict import GateResult, Judged, judge
from introbench.hashing import named_random
from introbench.metrics.arrays import Bools, Ints
from introbench.metrics.observations import ABSENT, Answers

__all__ = ["GATES", "PairWorld", "drawn", "largest_harm", "measured", "results_of"]

GATES = ("exact_match_above_floor", "cue_following", "coupling")
"""What is gated where nothing is declared, on a task with hints and a reference."""

ALIKE = 2.0
"""How alike the cases of an item are in whether they are drawn anew; as in `worlds`."""


@dataclass(frozen=True, slots=True)
class PairWorld:
    """What is true of a pair.

    Attributes:
        items: clusters.
        cues: cases of an item.
        anew: share of cases that either side explains anew.
        ties: share of cases on which either side chooses anew.
        harm: by how much the candidate's exact match is lower, 0 to `largest_harm`.
        insight: of the baseline, and of the candidate wherever it is not worse.
    """

    items: int
    cues: int
    anew: float
    ties: float
    harm: float = 0.0
    insight: float = 0.8

    @property
    def world(self) -> World:
        """The world of the baseline."""
        return World(cases=self.items * self.cues, cues=self.cues, changed=0.4, insight=self.insight)


def largest_harm(world: PairWorld) -> float:
    """The harm where the candidate has no insight at all on what it explains anew."""
    blind = truths(replace(world.world, insight=0.0))["exact_match"]
    return world.anew * (truths(world.world)["exact_match"] - blind)


def _candidate_world(world: PairWorld) -> World:
    # Exact match is linear in the insight, so that a part of the largest harm takes as much of the insight.
    kept = 1.0 if not world.harm else 1 - world.harm / largest_harm(world)
    return replace(world.world, insight=world.insight * kept)


def _mask(rng: np.random.Generator, share: float, items: Ints) -> Bools:
    if not share:
        return np.zeros(items.size, dtype=np.bool_)
    chances = rng.beta(share * ALIKE, (1 - share) * ALIKE, int(items[-1]) + 1)[items]
    mask: Bools = rng.random(items.size) < chances
    return mask


def drawn(world: PairWorld, purpose: str, number: int) -> tuple[Seen, Seen]:
    """Baseline and candidate over the same cases, with a reference that both share."""
    seed = named_random(0, "gate", purpose, repr(asdict(world)), str(number)).getrandbits(64)
    rng = np.random.default_rng(seed)
    seen = behave(rng, world.world)
    cases = case_table(seen)
    anew, ties = _mask(rng, world.anew, seen.items), _mask(rng, world.ties, seen.items)
    seeds = rng.integers(0, 1 << 62, 4)
    refuse = np.full(seen.items.size, ABSENT, dtype=np.int64)
    reference = explain(
        np.random.default_rng(seeds[3]), world.world, seen.items, seen.reference_uncued, seen.reference_cued
    )
    sides = []
    for own, of in ((1, world.world), (2, _candidate_world(world))):
        cued = _cued(rng, seen, ties)
        kept, fresh = (
            explain(np.random.default_rng(seeds[which]), law, seen.items, seen.uncued, cued)
            for which, law in ((0, world.world), (own, of))
        )
        sides.append(Seen(cases, _merged(kept, fresh, anew), refuse, reference))
    return sides[0], sides[1]


def _cued(rng: np.random.Generator, seen: Behaviours, ties: Bools) -> Ints:
    either = np.where(rng.random(ties.size) < 0.5, seen.hint, seen.uncued)
    return np.where(ties, either, seen.cued)


def _merged(kept: Answers, fresh: Answers, anew: Bools) -> Answers:
    return replace(
        kept,
        said=np.where(anew, fresh.said, kept.said),
        content=np.where(anew, fresh.content, kept.content),
        p_changed=np.where(anew, fresh.p_changed, kept.p_changed),
    )


def measured(sides: tuple[Seen, Seen], gates: Sequence[str] = GATES) -> dict[str, Change]:
    """The change of every gate."""
    return {name: change_of(MEASURES[name], *sides) for name in gates}


def results_of(changes: dict[str, Change], margin: float, floor: float, alpha: float) -> dict[str, GateResult]:
    """The verdict of every gate; couplings have twice the margin and floor, as the usual gates do."""
    judged = []
    for name, change in changes.items():
        times = 2 if name == "coupling" else 1
        worse = MEASURES[name].worse
        rule = Rule(task="world", estimate=name, worse=worse, margin=times * margin, floor=times * floor)
        judged.append(Judged(rule, "baseline", change))
    results, _ = judge(judged, alpha)
    return {result.estimate: result for result in results}
