"""The estimates of one model on one task that other tools are told, each with its range and direction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from introbench.metrics.headline import AboveFloor
from introbench.metrics.intervals import Estimate
from introbench.metrics.pairs import PairView
from introbench.metrics.schema import TaskSummary
from introbench.metrics.scores import Scores

__all__ = ["Told", "told_of"]

_ABOVE = "_above_best_floor"
_LOWEST = {
    "youden_j": -1.0,
    "exact_match" + _ABOVE: -1.0,
    "youden_j" + _ABOVE: -2.0,
    "gap": -1.0,
    "raw_coupling": -1.0,
    "centred_coupling": -2.0,
}
"""Of estimates that can be negative; they are at most as much above 0. The others reach from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Told:
    """An estimate under the name by which it is told.

    Attributes:
        name: as it stands in summary.json.
        group: what it belongs to: a part of the explanation, or the pair with a reference.
        description: what it means.
        estimate: the number with its interval.
        lower_is_better: whether less is better.
        reference: the model that labels are taken from beside the own ones; empty where there is none.
        against: why it must not be headlined, where something speaks against it.
    """

    name: str
    group: str
    description: str
    estimate: Estimate
    lower_is_better: bool = False
    reference: str = ""
    against: tuple[str, ...] = ()

    @property
    def range(self) -> tuple[float, float]:
        """The least and the most that it can be."""
        lowest = _LOWEST.get(self.name, 0.0)
        return lowest, -lowest or 1.0


def told_of(task: TaskSummary, model: str) -> Iterator[Told]:
    """Every score of a model, the headlines above their floors, and its pairs with other models."""
    for emitter in task.emitters:
        if emitter.model != model:
            continue
        for name, field in Scores.model_fields.items():
            group = "content" if name.startswith("content") else name if name == "exact_match" else "verdict"
            estimate: Estimate = getattr(emitter.self_scores, name)
            yield Told(name, group, _plain(field.description), estimate, name == "brier")
        for name, group in (("exact_match", "exact_match"), ("youden_j", "verdict")):
            part: AboveFloor = getattr(emitter.headline, name)
            floor = f" ({part.floor})" if part.floor else ""
            meaning = f"Score minus that of the best explainer without counterfactual knowledge{floor}."
            yield Told(name + _ABOVE, group, meaning, part.above, against=tuple(emitter.headline.reasons_against))
    for pair in task.pairs:
        if pair.emitter == model:
            for name in ("gap", "drift", "raw_coupling", "centred_coupling"):
                meaning = _plain(PairView.model_fields[name].description)
                yield Told(
                    name,
                    "coupling",
                    meaning,
                    getattr(pair.exact, name),
                    reference=pair.reference,
                    against=tuple(pair.reasons_against),
                )


def _plain(text: str | None) -> str:
    return " ".join((text or "").split())
