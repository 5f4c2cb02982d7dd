"""How often 95 % intervals hold the truth, and how often tests of true null hypotheses reject, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.evidence.worlds import World, behave, draw, explain, truths
from introbench.hashing import named_random
from introbench.metrics.intervals import Estimate
from introbench.metrics.matrix import diagonal_excess
from introbench.metrics.observations import Answers, CaseTable, Explanations
from introbench.metrics.pairs import Pair, exact_view, j_view, pair_of, verdict_view
from introbench.metrics.scores import Scores, grade, score
from introbench.metrics.significance import LEVEL, paired_test

__all__ = ["LEAST_COVERAGE", "Tally", "coverage_of", "lacking", "levels_of", "name_of"]

LEAST_COVERAGE = 0.93
FEWEST_DATA_SETS = 400
"""A cell that gives an estimate with enough clusters less often says nothing about its coverage."""

TRUTH_CASES = 400_000
"""Cases of the simulation that stands for the long run where there is no closed form."""

PERMUTATIONS = 199


@dataclass(slots=True)
class Tally:
    """What was counted of one estimate or test in one cell.

    Attributes:
        hits: intervals that hold the truth, or tests that reject.
        trials: data sets with enough clusters and an interval, or a test.
        low: intervals that lie wholly below the truth.
        hits_of_all: hits with those of data sets that have too few clusters.
        all: trials with those data sets. Where most have too few, the others are a selection: they hold more of the
            rarer class than the world does in the long run.
    """

    hits: int = 0
    trials: int = 0
    low: int = 0
    hits_of_all: int = 0
    all: int = 0

    @property
    def share(self) -> float | None:
        """Coverage, or rejection rate; None without any data set."""
        return self.hits / self.trials if self.trials else None

    def add(self, estimate: Estimate, truth: float) -> None:
        """Count one interval, and among the trials where it may be headlined."""
        if estimate.low is None or estimate.high is None:
            return
        # Limits that touch the truth hold it; rounding must not decide.
        holds = estimate.low - 1e-9 <= truth <= estimate.high + 1e-9
        self.all += 1
        self.hits_of_all += holds
        if estimate.status == "ok":
            self.trials += 1
            self.hits += holds
            self.low += estimate.high + 1e-9 < truth


def name_of(world: World) -> str:
    """The cell's name in tables."""
    coupling = "coupled" if world.insight else "uncoupled"
    return f"n={world.cases} cues={world.cues} changed={world.changed:.0%} {coupling}"


def _generator(world: World, purpose: str, number: int) -> np.random.Generator:
    seed = named_random(0, purpose, repr(asdict(world)), str(number)).getrandbits(64)
    return np.random.default_rng(seed)


def _pair_truths(world: World) -> dict[str, float]:
    """Gap, drift and raw coupling in the long run."""
    cases, emitter, reference = draw(_generator(world, "truth", 0), replace(world, cases=TRUTH_CASES))
    _, pair = pair_of(cases, emitter, reference)
    own, other = pair.graded
    differs = pair.own.differ(pair.reference)
    difference = own.exact - other.exact
    return {
        "gap": float(np.mean(difference)),
        "drift": float(np.mean(differs)),
        "raw_coupling": float(np.mean(difference[differs])),
    }


def _perfect(cases: CaseTable, emitter: Answers, reference: Answers) -> Pair:
    """The pair of an emitter that always states its own label."""
    labels = emitter.labels
    said = Explanations(said=labels.changed.astype(np.int64), content=labels.content, p_changed=emitter.p_changed)
    return pair_of(cases, emitter, reference, said)[1]


def coverage_of(world: World, data_sets: int) -> dict[str, Tally]:
    """Every estimate's coverage in one cell.

    A centred coupling has no fixed truth: it is what the planted insight makes of the data set's own behaviour. The
    share of explanations that state the own label contributes what a perfect self-explainer would, the rest nothing.
    """
    known, of_pair = truths(world), _pair_truths(world)
    tallies = {name: Tally() for name in (*known, *of_pair, "centred_coupling", "centred_verdict", "centred_j")}
    for number in range(data_sets):
        cases, emitter, reference = draw(_generator(world, "coverage", number), world)
        scores: Scores = score(grade(emitter.explanations, emitter.labels, cases.clusters))
        for name, truth in known.items():
            tallies[name].add(getattr(scores, name), truth)
        _, pair = pair_of(cases, emitter, reference)
        exact, perfect = exact_view(pair), _perfect(cases, emitter, reference)
        for name, truth in of_pair.items():
            tallies[name].add(getattr(exact, name), truth)
        for name, mine, best in (
            ("centred_coupling", exact.centred_coupling, exact_view(perfect).centred_coupling),
            ("centred_verdict", verdict_view(pair).centred_coupling, verdict_view(perfect).centred_coupling),
            ("centred_j", j_view(pair).centred_difference, j_view(perfect).centred_difference),
        ):
            if best.value is not None:
                tallies[name].add(mine, world.insight * best.value)
    return tallies


def levels_of(world: World, data_sets: int, *, first: int = 0) -> dict[str, Tally]:
    """How often each test rejects where nothing is to be found, on data sets number `first` and the following.

    Paired tests: two explanations of the same behaviour with the same insight. Permutation test: a world without any.
    """
    tallies = {name: Tally() for name in ("paired", "permutation")}
    blind = replace(world, insight=0.0)
    for number in range(first, first + data_sets):
        rng = _generator(world, "levels", number)
        seen = behave(rng, world)
        one, other = (explain(rng, world, seen.items, seen.uncued, seen.cued) for _ in range(2))
        grades = [grade(each.explanations, each.labels, seen.items) for each in (one, other)]
        _count(tallies["paired"], paired_test(grades[0].exact - grades[1].exact, seen.items).p)
        cases, emitter, reference = draw(rng, blind)
        excess = diagonal_excess(cases, ("A", emitter), ("B", reference), permutations=PERMUTATIONS, seed=number)
        _count(tallies["permutation"], excess.test.p if excess.centred.status == "ok" else None)
    return tallies


def _count(tally: Tally, p: float | None) -> None:
    if p is not None:
        tally.trials += 1
        tally.hits += p <= LEVEL


@dataclass(frozen=True, slots=True)
class Lack:
    """A cell in which an interval holds the truth too seldom, or a test rejects too often.

    Attributes:
        cell: its name.
        name: estimate or test.
        share: coverage or rejection rate.
        error: Monte-Carlo standard error of the share.
        facts: the whole tally.
    """

    cell: str
    name: str
    share: float
    error: float
    facts: Mapping[str, Any] = field(default_factory=dict)


def lacking(cell: str, tallies: Mapping[str, Tally], *, tests: bool = False) -> list[Lack]:
    """What falls short by more than two Monte-Carlo errors."""
    found = []
    bound = LEVEL if tests else LEAST_COVERAGE
    for name, tally in tallies.items():
        if tally.share is None or tally.trials < FEWEST_DATA_SETS:
            continue
        error = float(np.sqrt(bound * (1 - bound) / tally.trials))
        short = tally.share > bound + 2 * error if tests else tally.share < bound - 2 * error
        if short:
            found.append(Lack(cell, name, tally.share, error, asdict(tally)))
    return found


def monte_carlo_error(tally: Tally) -> float:
    """Standard error of a share near 95 % from this many data sets."""
    return float(stats.binom.std(tally.trials, 0.95)) / tally.trials if tally.trials else float("nan")
