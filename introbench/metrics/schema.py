"""The shape of `summary.json`, versioned, with its published JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from introbench.metrics.behaviour import Behaviour, Saying
from introbench.metrics.draws import DrawSpread, NoiseFacts
from introbench.metrics.headline import Headline
from introbench.metrics.intervals import Estimate
from introbench.metrics.pairs import JView, PairView
from introbench.metrics.read import Role
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
    "PairSummary",
    "Summary",
    "TaskSummary",
    "TrivialCoupling",
    "schema_text",
]

SCHEMA_VERSION = 1
SCHEMA_FILE = Path(__file__).with_name("summary.schema.json")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class ModelSummary(_Part):
    """A model of the run."""

    name: str
    """The name that people read."""
    role: Role
    """What it is to the run."""
    fingerprint: str
    """Hash of everything that its answers depend on; empty where an interrupted run never loaded the model."""
    tie_margin: float
    """Decisions closer than this (nats) may fall either way on another machine."""


class CaseCounts(_Part):
    """Cases of a task."""

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


class Coverage(_Part):
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


class FloorScores(_Part):
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


class Breakdown(_Part):
    """Self on a part of the cases."""

    by: Literal["cue kind", "cue split", "item split", "edit"]
    """What the cases are divided by. The edit "rewrite" is no part of the headline cases."""
    name: str
    """Which part."""
    exact_match: Estimate
    """See `Scores`."""
    youden_j: Estimate
    """See `Scores`."""


class EmitterSummary(_Part):
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


class TrivialCoupling(_Part):
    """The trivial explainer with the largest raw coupling: what raw values are worth here."""

    floor: str
    """What the explainer does."""
    raw_coupling: float
    """Its s_D − o_D in the exact view. Its centred coupling is 0 by construction."""


class CouplingCeiling(_Part):
    """Centred coupling of an explainer that always states the emitter's own label: the most that can be reached here.

    It is below 1 where the strata already explain part of what the two models do.
    """

    exact: float | None
    """In the exact view; null where it cannot be estimated."""
    verdict: float | None
    """In the verdict view."""


class PairSummary(_Part):
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
    reasons_against: list[str]
    """Why the centred coupling must not be headlined; empty where it may."""


class TaskSummary(_Part):
    """Everything about one task."""

    name: str
    """Its name in the run."""
    version: int
    """Raised by any change of items or templates."""
    comparability: int
    """Results of different numbers must not be compared."""
    cases: CaseCounts
    """What the run holds."""
    skipped: dict[str, int] = {}
    """What was left out of the items, by reason."""
    notes: list[str] = []
    """What a reader of the results has to know about the items."""
    noise: NoiseFacts | None = None
    """What a noisy task shows before its explanation questions; null for any other."""
    emitters: list[EmitterSummary]
    """Every model of the run."""
    pairs: list[PairSummary]
    """Every target with every other model that is no target, then the other way round."""


class Summary(_Part):
    """Every estimate of a run. Numbers are rounded to 6 decimals; intervals are 95 %."""

    schema_version: Literal[1]
    """Version of this layout."""
    seed: int
    """Root seed of the run."""
    models: list[ModelSummary]
    """Every model of the run."""
    tasks: list[TaskSummary]
    """Every task of the run."""
    draws: list[DrawSpread] = []
    """Noisy tasks over their draws of demonstrations, a row per model."""


def schema_text() -> str:
    """The JSON Schema of `summary.json`, as published beside this module."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Summary.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
