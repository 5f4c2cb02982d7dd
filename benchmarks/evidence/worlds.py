"""Planted worlds: two models whose behaviour, explanations and knowledge of themselves are known.

Each item has a fact that either model knows with a chance of 3 in 5, else it guesses; every cue hints at a random one
of four choices, and a model follows it with a propensity of its own for each item: the cases of an item are alike.
The emitter states its own label with a chance `insight` (another propensity of the item); else it says "changed" by
habit, and names its own cued answer with "unchanged" and any choice with "changed". It then knows nothing but its own
cued answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

from introbench.metrics.arrays import Bools, Floats, Ints, Strings
from introbench.metrics.observations import ABSENT, CHANGED, UNPARSABLE, Answers, CaseTable

__all__ = ["CHOICES", "Behaviours", "World", "answers_of", "behave", "case_table", "draw", "explain", "truths"]

CHOICES = 4
KNOWS = 0.6
SIGNAL = 1.0
"""Standard deviations by which the stated log-odds of "changed" differ between explanations that say so and others."""
ALIKE = 2.0
"""How alike the cases of an item are: propensities are Beta(mean · 2, (1 − mean) · 2)."""


@dataclass(frozen=True, slots=True)
class World:
    """What is true of a world.

    Attributes:
        cases: number of cases; the last item may have fewer cues than the others.
        cues: cues per item, 1 to 4.
        changed: chance that the cue changes the emitter's answer, up to 3/4.
        reference_changed: the same of the reference.
        insight: chance that the emitter states its own label instead of a habit.
        habit: chance of "changed" where it does not.
    """

    cases: int
    cues: int = 1
    changed: float = 0.3
    reference_changed: float = 0.3
    insight: float = 0.0
    habit: float = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Behaviours:
    """What happens before any explanation. All (cases,).

    Attributes:
        items: item of each case.
        hint: the hinted choice; choice 0 is the key.
        uncued: the emitter's choice without the cue, the same for all cues of an item.
        cued: its choice with the cue.
        reference_uncued: the reference's choice without the cue.
        reference_cued: its choice with the cue.
    """

    items: Ints
    hint: Ints
    uncued: Ints
    cued: Ints
    reference_uncued: Ints
    reference_cued: Ints


def _propensity(rng: np.random.Generator, mean: float, items: Ints) -> Floats:
    """One draw for each item, handed to its cases; 0 and 1 are certain."""
    if mean in (0.0, 1.0):
        return np.full(items.size, mean)
    return rng.beta(mean * ALIKE, (1 - mean) * ALIKE, int(items[-1]) + 1)[items]


def _happens(rng: np.random.Generator, mean: float, items: Ints) -> Bools:
    """Per case, whether something of this mean chance happens."""
    happens: Bools = rng.random(items.size) < _propensity(rng, mean, items)
    return happens


def behave(rng: np.random.Generator, world: World) -> Behaviours:
    """Both models' behaviour."""
    items = (np.arange(world.cases) // world.cues).astype(np.int64)
    hint = rng.integers(0, CHOICES, world.cases)

    def model(changed: float) -> tuple[Ints, Ints]:
        known = rng.random(int(items[-1]) + 1) < KNOWS
        uncued = np.where(known, 0, rng.integers(1, CHOICES, known.size))[items]
        # A random hint differs from the uncued answer three times in four.
        follows = _happens(rng, changed * CHOICES / (CHOICES - 1), items)
        return uncued, np.where(follows, hint, uncued)

    return Behaviours(items, hint, *model(world.changed), *model(world.reference_changed))


@cache
def _names(size: int) -> Strings:
    """Numbers as short texts: in long ones, moving them about takes most of a cell's time."""
    return np.arange(size).astype(f"U{len(str(size))}")


def case_table(behaviours: Behaviours) -> CaseTable:
    """The cases of a world; items are clusters, all cues are of one kind."""
    size = behaviours.items.size
    nothing, same = np.zeros(size, dtype=np.bool_), np.full(size, "world")
    return CaseTable(
        ids=_names(size),
        tasks=same,
        items=_names(size)[behaviours.items],
        clusters=behaviours.items,
        cue_kinds=same,
        cue_splits=same,
        item_splits=same,
        hint=behaviours.hint,
        key=np.zeros(size, dtype=np.int64),
        choices=np.full(size, CHOICES, dtype=np.int64),
        placebo=nothing,
        rewrite=nothing,
    )


def answers_of(uncued: Ints, cued: Ints, said: Ints, content: Ints, p_changed: Floats) -> Answers:
    """A model's answers, far from any tie."""
    sure: Floats = np.ones(uncued.size)
    every = np.ones(uncued.size, dtype=np.bool_)
    return Answers(
        behaved=every,
        explained=every,
        uncued=uncued,
        cued=cued,
        said=said,
        content=np.where(said == UNPARSABLE, ABSENT, content),
        p_changed=p_changed,
        uncued_margin=sure,
        cued_margin=sure,
        uncued_lead=sure,
        cued_lead=sure,
        verdict_margin=sure,
        content_margin=sure,
        candidate_mass=sure,
    )


def explain(rng: np.random.Generator, world: World, items: Ints, uncued: Ints, cued: Ints) -> Answers:
    """A model that explains itself with the world's insight and habit."""
    size = items.size
    knows = _happens(rng, world.insight, items)
    habit = _happens(rng, world.habit, items)
    said = np.where(knows, uncued != cued, habit).astype(np.int64)
    guess = np.where(habit, rng.integers(0, CHOICES, size), cued)
    log_odds = np.where(said == CHANGED, SIGNAL / 2, -SIGNAL / 2) + rng.normal(size=size)
    return answers_of(uncued, cued, said, np.where(knows, uncued, guess), 1 / (1 + np.exp(-log_odds)))


def draw(rng: np.random.Generator, world: World) -> tuple[CaseTable, Answers, Answers]:
    """Cases, emitter and reference. The reference explains itself with the same insight and habit."""
    seen = behave(rng, world)
    emitter = explain(rng, world, seen.items, seen.uncued, seen.cued)
    reference = explain(rng, world, seen.items, seen.reference_uncued, seen.reference_cued)
    return case_table(seen), emitter, reference


def truths(world: World) -> dict[str, float]:
    """What the scores of the emitter against its own labels are in the long run, in closed form."""
    q, g, p = world.insight, world.habit, world.changed
    sensitivity, specificity = q + (1 - q) * g, q + (1 - q) * (1 - g)
    on_changed = q + (1 - q) * g / CHOICES
    says = {"changed": p * sensitivity + (1 - p) * (1 - specificity)}
    f1 = 2 * p * sensitivity / (p + says["changed"])
    other_f1 = 2 * (1 - p) * specificity / (1 - p + 1 - says["changed"])
    apart = float(stats.norm.cdf(SIGNAL / math.sqrt(2)))
    hit, alarm = sensitivity, 1 - specificity
    same = hit * alarm + (1 - hit) * (1 - alarm)
    return {
        "exact_match": p * on_changed + (1 - p) * specificity,
        "youden_j": sensitivity + specificity - 1,
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "macro_f1": (f1 + other_f1) / 2,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "content_accuracy": p * on_changed + (1 - p) * (q + (1 - q) * (g / CHOICES + 1 - g)),
        "content_on_changed": on_changed,
        "auroc": hit * (1 - alarm) * apart + (1 - hit) * alarm * (1 - apart) + same / 2,
    }
