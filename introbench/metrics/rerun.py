"""A/A: how often the same model answers otherwise when it is asked again in other company."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from introbench.metrics.arrays import Bools
from introbench.metrics.intervals import Estimate, rate
from introbench.metrics.observations import Answers, CaseTable

__all__ = ["Rerun", "rerun_of"]


class Rerun(BaseModel):
    """Decisions that fell otherwise the second time, on the headline cases that were asked twice.

    Nothing but rounding differs between the two: the second time an item comes in halves, among halves of other items.
    What a drift is worth shows beside this.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    label_flips: Estimate
    """Share of cases whose label, verdict or content, differs."""
    verdict_flips: Estimate
    """Share of cases whose label differs in the verdict."""
    explanation_flips: Estimate
    """Share of cases whose explanation, verdict or content, differs."""


def rerun_of(cases: CaseTable, answers: Answers, again: Answers) -> Rerun:
    """Compare one model's two answers over a table of cases."""
    behaved = cases.headline & answers.behaved & again.behaved
    explained = cases.headline & answers.explained & again.explained
    first, second = answers.labels, again.labels

    def share(mask: Bools, among: Bools) -> Estimate:
        return rate(mask[among].astype(np.float64), cases.clusters[among])

    return Rerun(
        label_flips=share(first.differ(second), behaved),
        verdict_flips=share(first.changed != second.changed, behaved),
        explanation_flips=share((answers.said != again.said) | (answers.content != again.content), explained),
    )
