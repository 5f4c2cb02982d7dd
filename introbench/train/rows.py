"""What a model is trained on: cases with the explanation and the behaviour to learn, and what is held to M0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from introbench.hashing import bytes_hash, canonical_json
from introbench.tasks.types import Case

__all__ = ["LabelOrigin", "TrainingCase", "TrainingSet", "Verdict"]

Verdict = Literal["unchanged", "changed"]


@dataclass(frozen=True)
class TrainingCase:
    """A case and what is learnt on it. The pairs are for the cued and the uncued prompt, in this order.

    Attributes:
        case: the case, with its prompts and candidate explanations.
        verdict: verdict of the explanation to learn; None where no explanation is trained on this case.
        content: index of the choice that the explanation names; None where there is none to learn.
        behaviour: index of the choice to be learnt as the reply to each prompt; None where none is.
        keep: whether the behaviour on each prompt is held to that of M0 (the KL term).
    """

    case: Case
    verdict: Verdict | None
    content: int | None
    behaviour: tuple[int | None, int | None] = (None, None)
    keep: tuple[bool, bool] = (True, True)

    @property
    def candidate(self) -> int | None:
        """Index of the explanation to learn among the case's 2k candidates; None where there is none."""
        if self.verdict is None or self.content is None:
            return None
        return self.content + len(self.case.item.choices) * (self.verdict == "changed")

    def as_json(self) -> Mapping[str, Any]:
        """What is learnt, without the prompts, which follow from task and case."""
        return {
            "case": self.case.id,
            "hint": self.case.hint,
            "verdict": self.verdict,
            "content": self.content,
            "behaviour": list(self.behaviour),
            "keep": list(self.keep),
        }


@dataclass(frozen=True, slots=True)
class LabelOrigin:
    """Where labels of a training set come from.

    Attributes:
        source: as the arm names it: "M0", a model spec, or the name of a run or label file without its folder.
        model: spec of the model whose behaviour they describe.
        fingerprint: fingerprint of that model.
        sha256: hash of the label file, or of what the stored run gives as one.
        cases: number of explanations in the training set that come from it.
    """

    source: str
    model: str
    fingerprint: str
    sha256: str
    cases: int


@dataclass(frozen=True)
class TrainingSet:
    """Everything that one training learns from.

    Attributes:
        cases: what is learnt, in plan order; the order of training is the trainer's business.
        tasks: names of the tasks, the one that is explained first.
        origins: where the explanation labels come from.
        counts: what became of the cases and labels, by what was done to them ("no label", "flipped", "left out to
            balance verdicts"…).
        agreement: share of explanations that equal E(student) as it is before training, 0 to 1; None where there is
            no explanation to learn.
        change_rate: share of explanations whose verdict is "changed", 0 to 1; None as above.
        warnings: what whoever trains has to know, a sentence each.
    """

    cases: tuple[TrainingCase, ...]
    tasks: tuple[str, ...]
    origins: tuple[LabelOrigin, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    agreement: float | None = None
    change_rate: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def explained(self) -> int:
        """Number of cases on which an explanation is learnt."""
        return sum(row.candidate is not None for row in self.cases)

    def jsonl(self) -> bytes:
        """A row per case: what stands beside an adapter as the record of what it was trained on."""
        return b"".join(self._lines())

    @cached_property
    def sha256(self) -> str:
        """Hash of what is learnt."""
        return bytes_hash(self.jsonl())

    def _lines(self) -> Iterator[bytes]:
        for row in self.cases:
            yield canonical_json(row.as_json()).encode() + b"\n"
