"""Does an emitter's explanation fit its own behaviour better than a reference's, and by more than base rates explain?

Where the labels of both models agree, an explanation scores the same against either, so all information sits on the
cases D on which they differ: Self − Ref = d · (s_D − o_D).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from introbench.metrics.arrays import Bools, Floats, Ints
from introbench.metrics.intervals import Estimate, cluster_count, linearised, mean, not_estimable, rate, variance
from introbench.metrics.observations import CHANGED, UNCHANGED, Answers, CaseTable, Explanations, Labels
from introbench.metrics.permutation import Transplants, centre, strata_of, transplants_of
from introbench.metrics.roles import roles_of
from introbench.metrics.scores import CLASSES, Graded, grade, youden_contributions
from introbench.metrics.significance import detectable

__all__ = [
    "JView",
    "Pair",
    "PairView",
    "coupling_contributions",
    "exact_view",
    "exact_worth",
    "j_view",
    "pair_of",
    "verdict_view",
    "verdict_worth",
]

NO_DISAGREEMENT = "the two models' labels never differ"
NO_EXCHANGE = "no stratum has two cases to exchange explanations between"


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """An emitter's explanations beside two models' labels, on the cases labelled for both and explained.

    Attributes:
        clusters: (cases,) cluster codes.
        strata: (cases,) see `permutation.strata_of`.
        explanations: what the emitter states.
        own: the emitter's labels.
        reference: the reference's labels.
        transplants: the explanations, movable from case to case.
    """

    clusters: Ints
    strata: Ints
    explanations: Explanations
    own: Labels
    reference: Labels
    transplants: Transplants

    @property
    def graded(self) -> tuple[Graded, Graded]:
        """The explanations scored against the emitter's own labels and against the reference's."""
        own, reference = (grade(self.explanations, labels, self.clusters) for labels in (self.own, self.reference))
        return own, reference


class PairView(BaseModel):
    """Self against Ref in one view of what a match is: verdict and content ("exact"), or the verdict alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    self_score: Estimate
    """Share of cases on which the explanation matches the emitter's own label."""
    reference_score: Estimate
    """Share of cases on which it matches the reference's label."""
    gap: Estimate
    """Self − Ref = d · (s_D − o_D)."""
    drift: Estimate
    """d: share of cases on which the two labels differ."""
    disagreements: int
    """n_D: number of cases on which the two labels differ."""
    self_on_disagreements: Estimate
    """s_D: share of those on which the explanation matches the emitter's own label."""
    reference_on_disagreements: Estimate
    """o_D: share of those on which it matches the reference's label."""
    raw_coupling: Estimate
    """s_D − o_D. Base rates alone can make it large; never a headline."""
    centred_coupling: Estimate
    """s_D − o_D minus its mean over permutations of the explanations within strata. The headline of a pair."""
    alone_share: float | None
    """Share of disagreement cases that are alone in their stratum and contribute 0; null without disagreements."""
    detectable_coupling: float | None
    """Smallest true centred coupling that an interval like this one keeps apart from 0 with 80 % power."""


class JView(BaseModel):
    """Youden's J of the verdict against the emitter's own labels and against the reference's."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    difference: Estimate
    """J_self − J_ref."""
    centred_difference: Estimate
    """J_self − J_ref minus its mean over permutations of the verdicts within strata, over all cases of the pair.

    Its classes are the own verdicts within D."""


def pair_of(
    cases: CaseTable, emitter: Answers, reference: Answers, explanations: Explanations | None = None
) -> tuple[Bools, Pair]:
    """The cases that a pair can be formed on, as a mask over the table, and the pair.

    Args:
        cases: the table; cases that are no headline cases are left out.
        emitter: the model that explains.
        reference: the model that it is set against.
        explanations: stand in for the emitter's own (floors); the emitter need not have explained then.
    """
    usable = cases.headline & emitter.behaved & reference.behaved
    if explanations is None:
        usable &= emitter.explained
        explanations = emitter.explanations
    cases, emitter, reference = cases.take(usable), emitter.take(usable), reference.take(usable)
    explanations = explanations.take(usable)
    pair = Pair(
        clusters=cases.clusters,
        strata=strata_of(cases, emitter.cued, reference.cued),
        explanations=explanations,
        own=emitter.labels,
        reference=reference.labels,
        transplants=transplants_of(explanations, roles_of(cases, emitter.cued)),
    )
    return usable, pair


def exact_view(pair: Pair) -> PairView:
    """A match is the right verdict with the right content."""
    own, reference = pair.graded
    worth = exact_worth(pair.transplants, pair.own) - exact_worth(pair.transplants, pair.reference)
    return _view(pair, own.exact, reference.exact, pair.own.differ(pair.reference), worth)


def verdict_view(pair: Pair) -> PairView:
    """A match is the right verdict."""
    own, reference = pair.graded
    worth = verdict_worth(pair.transplants, pair.own) - verdict_worth(pair.transplants, pair.reference)
    differs = pair.own.changed != pair.reference.changed
    return _view(pair, own.verdict_right, reference.verdict_right, differs, worth, classes=pair.own.changed)


def verdict_worth(transplants: Transplants, labels: Labels) -> Floats:
    """(cases, S) 1 where a transplanted explanation has the label's verdict."""
    truth = np.where(labels.changed, CHANGED, UNCHANGED)
    return np.where(transplants.said[None, :] == truth[:, None], 1.0, 0.0)


def exact_worth(transplants: Transplants, labels: Labels) -> Floats:
    """(cases, S) 1 where a transplanted explanation has the label's verdict and content."""
    return np.where(transplants.content == labels.content[:, None], verdict_worth(transplants, labels), 0.0)


def _view(
    pair: Pair, own: Floats, reference: Floats, differs: Bools, worth: Floats, *, classes: Bools | None = None
) -> PairView:
    """One view of a pair.

    Args:
        own: (cases,) matches with the emitter's labels.
        reference: (cases,) matches with the reference's.
        worth: (cases, S) their difference for transplanted explanations.
        classes: (cases,) the own verdicts, where a match is the right verdict.
    """
    clusters = pair.clusters
    difference = own - reference
    centred, alone, found = _centred_coupling(pair, differs, worth, classes)
    nothing = NO_DISAGREEMENT if own.size else ""

    def on_disagreements(estimate: Estimate) -> Estimate:
        return estimate if differs.any() or not nothing else not_estimable(nothing)

    return PairView(
        self_score=rate(own, clusters),
        reference_score=rate(reference, clusters),
        gap=mean(difference, clusters),
        drift=rate(differs.astype(np.float64), clusters),
        disagreements=int(np.count_nonzero(differs)),
        self_on_disagreements=on_disagreements(rate(own[differs], clusters[differs])),
        reference_on_disagreements=on_disagreements(rate(reference[differs], clusters[differs])),
        raw_coupling=on_disagreements(mean(difference[differs], clusters[differs])),
        centred_coupling=on_disagreements(centred),
        alone_share=alone,
        detectable_coupling=found,
    )


def _centred_coupling(
    pair: Pair, differs: Bools, worth: Floats, classes: Bools | None
) -> tuple[Estimate, float | None, float | None]:
    """Centred s_D − o_D, the share of D that is alone in its stratum, and the detectable coupling.

    Explanations are exchanged within D only. Exchanged with cases outside D, an explainer that merely reacts to what
    makes the two models differ would be set against its explanations of other cases, and that sensitivity to membership
    in D would leak into the coupling.
    """
    size = int(np.count_nonzero(differs))
    if size == 0:
        return not_estimable("no cases"), None, None
    value, parts, paired = coupling_contributions(pair, differs, worth)
    clusters, alone = pair.clusters[differs], float(np.mean(~paired))
    if not paired.any():
        return not_estimable(NO_EXCHANGE, n=size, clusters=cluster_count(clusters)), alone, None
    # Lone cases carry no information on the coupling, so they do not count towards having enough clusters.
    informative = cluster_count(clusters[paired])
    if classes is not None:
        informative = _rarer(clusters[paired], classes[differs][paired])
    error = math.sqrt(variance(parts, clusters)) if cluster_count(clusters) > 1 else math.nan
    found = detectable(error, cluster_count(clusters))
    return linearised(value, parts, clusters, smaller_class=informative), alone, found


def _rarer(clusters: Ints, classes: Bools) -> int:
    """Clusters of the rarer verdict in D.

    With few cases of one, explanations are often constant by chance, and the interval of a centred verdict is a point.
    """
    return min(cluster_count(clusters[classes == each]) for each in (True, False))


def coupling_contributions(pair: Pair, differs: Bools, worth: Floats) -> tuple[float, Floats, Bools]:
    """The centred coupling, its linearisation, and which cases have others in their stratum, over the cases of D.

    Args:
        differs: (cases,) D, the cases on which the two labels differ; at least one.
        worth: (cases, S) what every explanation scores on every case against the own label minus the reference's.
    """
    centred = centre(worth[differs], pair.transplants.source[differs], pair.strata[differs])
    size = int(np.count_nonzero(differs))
    inflated = centred.contributions * centred.inflation
    return float(np.sum(centred.contributions)) / size, (inflated - np.mean(inflated)) / size, centred.paired


def j_view(pair: Pair) -> JView:
    """J_self − J_ref, raw and centred.

    Given the labels, J is linear in the verdicts: a right one is worth 1 over the size of its class.
    """
    graded = pair.graded
    for one, whose in zip(graded, ("emitter", "reference"), strict=True):
        for mask, name in zip((one.changed, ~one.changed), CLASSES, strict=True):
            if not mask.any():
                nothing = not_estimable(f"no case is {name} for the {whose}", n=mask.size)
                return JView(difference=nothing, centred_difference=nothing)
    (own, own_parts), (reference, reference_parts) = (youden_contributions(one) for one in graded)
    smaller = min(cluster_count(pair.clusters[mask]) for one in graded for mask in (one.changed, ~one.changed))
    return JView(
        difference=linearised(own - reference, own_parts - reference_parts, pair.clusters, smaller_class=smaller),
        centred_difference=_centred_j(pair),
    )


def _centred_j(pair: Pair) -> Estimate:
    """Sensitivity and specificity against either model are centred one by one, each as a ratio of sums.

    Verdicts are exchanged among the cases on which the models differ, and among the others, never between: an
    explainer that reacts to what makes models differ would else seem to know itself.
    """
    differs = pair.own.changed != pair.reference.changed
    strata = 2 * pair.strata + differs
    value, parts, exchanged = 0.0, np.zeros(pair.clusters.size), differs
    right = {1: verdict_worth(pair.transplants, pair.own), -1: verdict_worth(pair.transplants, pair.reference)}
    for sign, labels in ((1, pair.own), (-1, pair.reference)):
        for mask in (labels.changed, ~labels.changed):
            size = np.count_nonzero(mask)
            centred = centre(right[sign] * mask[:, None], pair.transplants.source, strata)
            if not centred.paired.any():
                return not_estimable(NO_EXCHANGE, n=mask.size)
            exchanged = differs & centred.paired
            value += sign * float(np.sum(centred.contributions)) / size
            inflated = centred.contributions * centred.inflation
            parts += sign * (inflated - mask * np.sum(inflated) / size) / size
    rarer = _rarer(pair.clusters[exchanged], pair.own.changed[exchanged])
    return linearised(value, parts, pair.clusters, smaller_class=rarer)
