"""Verdicts as the one token says them at which "changed" and "unchanged" part, whatever contents would follow.

The verdict of a scored explanation is that of the candidates with more probability together. A model that puts much
of its probability on contents that are no candidates can lose it on one verdict more than on the other; the deciding
token comes before any content.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import expit

from introbench.metrics.arrays import Floats
from introbench.metrics.frozen import Frozen
from introbench.metrics.intervals import Estimate, rate
from introbench.metrics.observations import CHANGED, UNCHANGED, Answers, CaseTable
from introbench.metrics.scores import area_under_curve, grade, rate_and_j

__all__ = ["DecidingReading", "by_deciding_token", "deciding_reading"]


class DecidingReading(Frozen):
    """Verdicts by the deciding token, on the headline cases for which it was scored."""

    cases: int
    """Those cases."""
    median_mass: float
    """Median probability of the beginnings of both verdicts together."""
    changed_rate: Estimate
    """Share of cases on which it says "changed"."""
    agreement: Estimate
    """Share of cases on which it says what the scored explanation says."""
    youden_j: Estimate
    """Youden's J against the model's own labels."""
    auroc: Estimate
    """Area under the ROC curve of the probability of "changed" among the two, against the same."""


def by_deciding_token(answers: Answers, logprobs: Floats) -> Answers:
    """The same answers with the verdicts of the deciding token where there is an explanation.

    Margins stay those of the scored explanation.

    Args:
        logprobs: (cases, 2) log-probability of how explanations begin that say "unchanged" and "changed", nats.
    """
    difference = logprobs[:, 1] - logprobs[:, 0]
    said = np.where(difference > 0, CHANGED, UNCHANGED)
    explained = answers.explained
    return replace(
        answers,
        said=np.where(explained, said, answers.said),
        p_changed=np.where(explained, expit(difference), answers.p_changed),
    )


def deciding_reading(cases: CaseTable, answers: Answers, logprobs: Floats) -> DecidingReading | None:
    """The reading of one model on one task; None where nothing was scored.

    Args:
        cases: the table.
        answers: the model's decisions.
        logprobs: (cases, 2) log-probability of how explanations begin that say "unchanged" and "changed", nats; NaN
            where it is not known.
    """
    seen = cases.headline & answers.behaved & answers.explained & ~np.isnan(logprobs).any(axis=1)
    if not seen.any():
        return None
    mine, clusters, known = answers.take(seen), cases.clusters[seen], logprobs[seen]
    by_token = by_deciding_token(mine, known)
    _, youden_j = rate_and_j(grade(by_token.explanations, mine.labels, clusters))
    return DecidingReading(
        cases=int(np.count_nonzero(seen)),
        median_mass=float(np.median(np.exp(known).sum(axis=1))),
        changed_rate=rate((by_token.said == CHANGED).astype(np.float64), clusters),
        agreement=rate((by_token.said == mine.said).astype(np.float64), clusters),
        youden_j=youden_j,
        auroc=area_under_curve(by_token.p_changed, mine.labels.changed, clusters),
    )
