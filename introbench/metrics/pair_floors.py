"""What trivial explainers score on every estimate of a pair."""

from __future__ import annotations

from collections.abc import Iterator

from introbench.metrics.floors import fixed_floors
from introbench.metrics.observations import Answers, CaseTable
from introbench.metrics.pairs import PairView, exact_view, j_view, pair_of, verdict_view
from introbench.metrics.schema import PairFloor, ViewValues

__all__ = ["pair_floors"]


def pair_floors(cases: CaseTable, emitter: Answers, other: Answers) -> Iterator[PairFloor]:
    """Every floor that is not random, over cases that both models answered; none without cases."""
    if cases.hint.size == 0:
        return
    for name, explanations in fixed_floors(cases, emitter.cued, emitter.labels).items():
        _, pair = pair_of(cases, emitter, other, explanations)
        exact, verdict, youden_j = exact_view(pair), verdict_view(pair), j_view(pair)
        yield PairFloor(
            name=name,
            self_score=_both(exact, verdict, "self_score"),
            reference_score=_both(exact, verdict, "reference_score"),
            gap=_both(exact, verdict, "gap"),
            raw_coupling=_both(exact, verdict, "raw_coupling"),
            centred_coupling=_both(exact, verdict, "centred_coupling"),
            youden_j=youden_j.difference.value,
            centred_youden_j=youden_j.centred_difference.value,
        )


def _both(exact: PairView, verdict: PairView, name: str) -> ViewValues:
    return ViewValues(exact=getattr(exact, name).value, verdict=getattr(verdict, name).value)
