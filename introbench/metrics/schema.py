"""The shape of `summary.json`, versioned, with its published JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from introbench.metrics.behaviour import Behaviour, Saying
from introbench.metrics.deciding import DecidingReading
from introbench.metrics.draws import DrawSpread, NoiseFacts
from introbench.metrics.frozen import Frozen
from introbench.metrics.headline import Headline
from introbench.metrics.intervals import Estimate
from introbench.metrics.ledgers import LedgerCounts
from introbench.metrics.pairs import JView, PairView
from introbench.metrics.pooled import Pooled
from introbench.metrics.read import Role
from introbench.metrics.refusals import JudgedReading, OpeningReading
from introbench.metrics.rerun import Rerun
from introbench.metrics.scores import Scores

__all__ = [
    "SCHEMA_FILE",
    "SCHEMA_VERSION",
    "Breakdown",
    "CaseCounts",
    "CouplingCeiling",
    "Coverage",
    "EmitterSummary",
    "FloorScores",
    "ModelSummary",
    "PairFloor",
    "PairSummary",
    "PooledEmitter",
    "PooledPair",
    "PooledSummary",
    "Summary",
    "TaskSummary",
    "TrivialCoupling",
    "ViewValues",
    "schema_text",
]

SCHEMA_VERSION = 1
"""A reader refuses a higher one in one line. Raised where a field goes or changes its meaning, not where one comes."""
SCHEMA_FILE = Path(__file__).with_name("summary.schema.json")


class ModelSummary(Frozen):
    """A model of the run."""

    name: str
    """The name that people read."""
    role: Role
    """What it is to the run."""
    fingerprint: str
    """Hash of everything that its answers depend on; empty where an interrupted run never loaded the model."""
    tie_margin: float
    """Decisions closer than this (nats) may fall either way on another machine."""
    ledger: LedgerCounts
    """What became of the rows of its ledger."""


class CaseCounts(Frozen):
    """Cases of a task."""

    planned: int | None
    """Cases of any kind that the run planned, by its manifest; null where it does not say."""
    held: int
    """Cases of any kind that cases.jsonl holds; fewer than planned are lost."""
    headline: int
    """Cases that scores are made of."""
    placebo: int
    """Cases with a neutral sentence for a cue; they enter placebo rates only."""
    rewrite: int
    """Cases whose cue rewrites the prompt; reported apart."""
    items: int
    """Different items among the headline cases."""
    clusters: int
    """Different clusters among the headline cases."""


class Coverage(Frozen):
    """What became of the headline cases."""

    cases: int
    """Headline cases."""
    behaved: int
    """Those on which every model concerned answered both behaviour questions."""
    explained: int
    """Those on which the emitter answered the explanation question."""
    scored: int
    """Those with both: what the scores rest on. The rest was not answered."""
    unparsable: int
    """Scored cases whose explanation states no verdict; they count as wrong."""


class FloorScores(Frozen):
    """What one trivial explainer scores, on every score; null where it cannot be estimated."""

    name: str
    """What the explainer does."""
    exact_match: float | None
    """See `Scores`."""
    youden_j: float | None
    """See `Scores`."""
    balanced_accuracy: float | None
    """See `Scores`."""
    macro_f1: float | None
    """See `Scores`."""
    sensitivity: float | None
    """See `Scores`."""
    specificity: float | None
    """See `Scores`."""
    content_accuracy: float | None
    """See `Scores`."""
    content_on_changed: float | None
    """See `Scores`."""
    auroc: float | None
    """See `Scores`."""
    brier: float | None
    """See `Scores`."""


class Breakdown(Frozen):
    """Self on a part of the cases."""

    by: Literal["cue kind", "cue split", "item split", "own label", "edit"]
    """What the cases are divided by. The edit "rewrite" is no part of the headline cases."""
    name: str
    """Which part."""
    exact_match: Estimate
    """See `Scores`."""
    youden_j: Estimate
    """See `Scores`."""


class EmitterSummary(Frozen):
    """One model's behaviour and how well its explanations fit it."""

    model: str
    """Its name."""
    role: Role
    """What it is to the run."""
    coverage: Coverage
    """What the scores rest on."""
    behaviour: Behaviour
    """What it does."""
    saying: Saying
    """What it says."""
    rerun: Rerun
    """How much of both is noise."""
    self_scores: Scores
    """Its explanations against its own labels."""
    outside_tie_margin: Scores
    """The same without the cases that hang on a decision within its tie margin: a check, not a result."""
    floors: list[FloorScores]
    """Trivial explainers against the same labels."""
    headline: Headline
    """Self above the best floor."""
    breakdown: list[Breakdown]
    """Self by part of the cases."""
    opening: OpeningReading | None = None
    """How its refusals are read from the beginnings of replies; null where they are read otherwise."""
    judged: JudgedReading | None = None
    """What the judge said of its replies; null where no behaviour is judged."""
    deciding: DecidingReading | None = None
    """Its verdicts as the token says them that decides; null where no row holds it: explanations are written, the
    backend does not score it, or replies of the two verdicts part at no single token."""


class TrivialCoupling(Frozen):
    """The trivial explainer with the largest raw coupling: what raw values are worth here."""

    floor: str
    """What the explainer does."""
    raw_coupling: float
    """Its s_D − o_D in the exact view. Its centred coupling is 0 by construction."""


class ViewValues(Frozen):
    """One number in both views of what a match is."""

    exact: float | None
    """Verdict and content."""
    verdict: float | None
    """The verdict alone."""


class PairFloor(Frozen):
    """What one trivial explainer scores on every estimate of a pair; null where it cannot be estimated."""

    name: str
    """What the explainer does."""
    self_score: ViewValues
    """Match with the emitter's own labels."""
    reference_score: ViewValues
    """Match with the reference's labels."""
    gap: ViewValues
    """Self − Ref."""
    raw_coupling: ViewValues
    """s_D − o_D."""
    centred_coupling: ViewValues
    """0 by construction."""
    youden_j: float | None
    """J_self − J_ref."""
    centred_youden_j: float | None
    """0 by construction."""


class CouplingCeiling(Frozen):
    """Centred coupling of an explainer that always states the emitter's own label: the most that can be reached here.

    It is below 1 where the strata already explain part of what the two models do.
    """

    exact: float | None
    """In the exact view; null where it cannot be estimated."""
    verdict: float | None
    """In the verdict view."""


class PairSummary(Frozen):
    """An emitter's explanations against its own labels and against another model's."""

    emitter: str
    """The model that explains."""
    reference: str
    """The model that it is set against."""
    coverage: Coverage
    """What the scores rest on."""
    collapsed: str | None
    """The one verdict that the emitter gives (nearly) always on these cases; null where there is none."""
    reference_scores: Scores
    """The explanations against the reference's labels (Ref)."""
    exact: PairView
    """Verdict and content."""
    verdict: PairView
    """The verdict alone."""
    youden_j: JView
    """J_self − J_ref."""
    ceiling: CouplingCeiling
    """What a perfect self-explainer would show on the same cases."""
    trivial: TrivialCoupling | None
    """What a trivial explainer shows; null where the labels never differ."""
    floors: list[PairFloor]
    """Every trivial explainer that is not random, on the same cases."""
    reasons_against: list[str]
    """Why the centred coupling must not be headlined; empty where it may."""


class TaskSummary(Frozen):
    """Everything about one task."""

    name: str
    """Its name in the run."""
    version: int
    """Raised by any change of items or templates."""
    comparability: int
    """Results of different numbers must not be compared."""
    cases: CaseCounts
    """What the run holds."""
    skipped: dict[str, int] = Field(default_factory=dict)
    """What was left out of the items, by reason."""
    notes: list[str] = Field(default_factory=list)
    """What a reader of the results has to know about the items."""
    noise: NoiseFacts | None = None
    """What a noisy task shows before its explanation questions; null for any other."""
    emitters: list[EmitterSummary]
    """Every model of the run."""
    pairs: list[PairSummary]
    """Every target with every other model that is no target, then the other way round."""


class PooledEmitter(Frozen):
    """One model's Self over all tasks."""

    model: str
    """Its name."""
    exact_match: Pooled
    """See `Scores`."""
    youden_j: Pooled
    """See `Scores`."""
    balanced_accuracy: Pooled
    """See `Scores`."""
    content_on_changed: Pooled
    """See `Scores`."""
    exact_match_above_floor: Pooled
    """Exact match above the best floor of each task."""
    youden_j_above_floor: Pooled
    """Youden's J above the best floor of each task."""


class PooledPair(Frozen):
    """One pair over all tasks."""

    emitter: str
    """The model that explains."""
    reference: str
    """The model that it is set against."""
    gap: Pooled
    """Self − Ref in the exact view."""
    centred_coupling: Pooled
    """In the exact view."""
    centred_coupling_of_verdict: Pooled
    """In the verdict view."""


class PooledSummary(Frozen):
    """Every task with the same weight."""

    emitters: list[PooledEmitter]
    """Every model of the run."""
    pairs: list[PooledPair]
    """The pairs of every task."""


class Summary(Frozen):
    """Every estimate of a run. Numbers are rounded to 6 decimals; intervals are 95 %."""

    schema_version: Literal[1]
    """Version of this layout."""
    seed: int
    """Root seed of the run."""
    models: list[ModelSummary]
    """Every model of the run."""
    tasks: list[TaskSummary]
    """Every task of the run."""
    pooled: PooledSummary | None
    """Over the tasks; null where there is only one."""
    draws: list[DrawSpread] = Field(default_factory=list)
    """Noisy tasks over their draws of demonstrations, a row per model."""


def schema_text() -> str:
    """The JSON Schema of `summary.json`, as published beside this module."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Summary.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
