"""One model's estimates, each with what every case contributes to it: what changes are computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from introbench.metrics.arrays import Bools, Floats, Ints
from introbench.metrics.floors import Floor, floors_of
from introbench.metrics.intervals import cluster_count
from introbench.metrics.observations import ABSENT, Answers, CaseTable
from introbench.metrics.pairs import coupling_contributions, pair_of
from introbench.metrics.scores import Graded, auroc_contributions, grade, youden_contributions

__all__ = [
    "Influence",
    "Seen",
    "area",
    "balanced",
    "brier",
    "changes",
    "coupling",
    "cued_is_hint",
    "exact_above_floor",
    "headline",
    "labelled",
    "share",
    "two_classes",
    "with_choice",
    "youden_above_floor",
]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One model over the cases that baseline and candidate share. All (cases,).

    Attributes:
        cases: the table.
        answers: what the model did and said.
        refuse: index of the choice that refuses; ABSENT where there is none.
        reference: another model of its run; None where there is none.
    """

    cases: CaseTable
    answers: Answers
    refuse: Ints
    reference: Answers | None = None

    @property
    def graded(self) -> Graded:
        """The model's explanations beside its own labels, on every case."""
        return grade(self.answers.explanations, self.answers.labels, self.cases.clusters)


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """An estimate with its linearisation.

    Attributes:
        value: the estimate; None where the cases give none.
        parts: (cases,) first-order influence of each case; 0 on cases that it does not rest on.
        among: (cases,) cases that it rests on.
        values: (cases,) what it is the mean of over those; None where it is no mean.
        smaller: clusters of the rarer class, where there are classes; else of all.
        detail: why there is no estimate; else empty.
    """

    value: float | None
    parts: Floats
    among: Bools
    values: Floats | None
    smaller: int
    detail: str = ""


def _nothing(size: int, detail: str) -> Influence:
    return Influence(None, np.zeros(size), np.zeros(size, dtype=np.bool_), None, 0, detail)


def _mean(seen: Seen, values: Floats, among: Bools, what: str) -> Influence:
    """Mean of values over some cases; `what` says which, for where there are none."""
    size = int(np.count_nonzero(among))
    if not size:
        return _nothing(among.size, f"no case {what}")
    value = float(np.mean(values[among]))
    parts = np.where(among, values - value, 0.0) / size
    return Influence(value, parts, among, values, cluster_count(seen.cases.clusters[among]))


def share(
    hits: Callable[[Seen], Bools | Floats], among: Callable[[Seen], Bools], what: str
) -> Callable[..., Influence]:
    """A mean of hits over some cases; `what` says which they are, for where there are none."""
    return lambda seen: _mean(seen, np.asarray(hits(seen), dtype=np.float64), among(seen), what)


def headline(seen: Seen) -> Bools:
    """Cases that scores are made of."""
    return seen.cases.headline


def labelled(changed: bool) -> Callable[[Seen], Bools]:
    """Headline cases whose own label has that verdict."""
    return lambda seen: seen.cases.headline & (seen.answers.labels.changed == changed)


def _spread(parts: Floats, among: Bools) -> Floats:
    """Contributions of some cases as those of all."""
    whole = np.zeros(among.size)
    whole[among] = parts
    return whole


def two_classes(seen: Seen, of: Callable[[Graded], tuple[float, Floats]]) -> Influence:
    """A function of the verdicts that needs both classes of labels."""
    among = seen.cases.headline
    graded = seen.graded.take(among)
    for mask, name in ((graded.changed, "changed"), (~graded.changed, "unchanged")):
        if not mask.any():
            return _nothing(among.size, f"no case is {name}")
    value, parts = of(graded)
    smaller = min(cluster_count(graded.clusters[mask]) for mask in (graded.changed, ~graded.changed))
    return Influence(value, _spread(parts, among), among, None, smaller)


def balanced(graded: Graded) -> tuple[float, Floats]:
    """Balanced accuracy and its linearisation."""
    value, parts = youden_contributions(graded)
    return (value + 1) / 2, parts / 2


def area(seen: Seen) -> Influence:
    """Area under the ROC curve of P(changed)."""
    among = seen.cases.headline & np.isfinite(seen.answers.p_changed)
    graded = seen.graded.take(among)
    if not (graded.changed.any() and (~graded.changed).any()):
        return _nothing(among.size, "no probabilities of both verdicts")
    value, parts = auroc_contributions(graded.p_changed, graded.changed)
    smaller = min(cluster_count(graded.clusters[mask]) for mask in (graded.changed, ~graded.changed))
    return Influence(value, _spread(parts, among), among, None, smaller)


def _floors(seen: Seen) -> list[Floor]:
    among = seen.cases.headline
    answers = seen.answers.take(among)
    return floors_of(seen.cases.take(among), answers, answers.labels) if among.any() else []


def exact_above_floor(seen: Seen) -> Influence:
    """Exact match minus that of the best floor on the same cases."""
    among = seen.cases.headline
    floors = _floors(seen)
    if not floors:
        return _nothing(among.size, "no case is explained")
    best = max(floors, key=lambda floor: float(np.mean(floor.graded.exact)))
    return _mean(seen, seen.graded.exact - _spread(best.graded.exact, among), among, "is explained")


def youden_above_floor(seen: Seen) -> Influence:
    """Youden's J minus that of the best floor on the same cases."""
    own = two_classes(seen, youden_contributions)
    if own.value is None:
        return own
    scored = [youden_contributions(floor.graded) for floor in _floors(seen)]
    value, parts = max(scored, key=lambda each: each[0])
    return Influence(own.value - value, own.parts - _spread(parts, own.among), own.among, None, own.smaller)


def coupling(worth: Callable[..., Floats], verdicts: bool) -> Callable[[Seen], Influence]:
    """The centred coupling with the reference: on cases where labels, or their verdicts, differ."""

    def of(seen: Seen) -> Influence:
        size = seen.cases.hint.size
        if seen.reference is None:
            return _nothing(size, "there is no reference")
        usable, pair = pair_of(seen.cases, seen.answers, seen.reference)
        differs = pair.own.changed != pair.reference.changed if verdicts else pair.own.differ(pair.reference)
        if not differs.any():
            return _nothing(size, "the labels of model and reference never differ")
        difference = worth(pair.transplants, pair.own) - worth(pair.transplants, pair.reference)
        value, parts, informative = coupling_contributions(pair, differs, difference)
        if not informative.any():
            return _nothing(size, "no stratum has two cases to exchange explanations between")
        among = _spread(differs.astype(np.float64), usable) > 0
        whole = _spread(_spread(parts, differs), usable)
        return Influence(value, whole, among, None, cluster_count(pair.clusters[differs][informative]))

    return of


def cued_is_hint(seen: Seen) -> Bools:
    """Whether the cued answer is what the cue suggests."""
    hit: Bools = seen.answers.cued == seen.cases.hint
    return hit


def with_choice(column: Callable[[Seen], Ints]) -> Callable[[Seen], Bools]:
    """Headline cases that have such a choice: a hint, a key, a refusal."""
    return lambda seen: seen.cases.headline & (column(seen) != ABSENT)


def changes(seen: Seen) -> Bools:
    """Whether the cue changes the answer."""
    changed: Bools = seen.answers.labels.changed
    return changed


def brier(seen: Seen) -> Floats:
    """Squared error of P(changed)."""
    error: Floats = np.nan_to_num(seen.answers.p_changed) - seen.answers.labels.changed
    return error**2
