"""Records for Every Eval Ever: a file of estimates and a file of cases per model and task.

The format is version 0.3.0 of https://github.com/evaleval/every_eval_ever, whose own validator these files pass.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from introbench.errors import SpecError, UsageError
from introbench.export.estimates import Told, told_of
from introbench.export.stated import Stated, config_of, span_of, stated_in, version_of, without_prompts
from introbench.files import disk_errors, slug
from introbench.hashing import bytes_hash, canonical_json, content_hash, text_hash
from introbench.metrics.intervals import CONFIDENCE
from introbench.metrics.read import ModelEntry, TaskEntry
from introbench.metrics.schema import TaskSummary
from introbench.models.spec import ModelSpec, parse_spec
from introbench.report.gather import ReportedRun
from introbench.texts import inert_json

__all__ = ["EvalRecord", "Evaluator", "Relationship", "eval_records", "model_ids"]

SCHEMA_VERSION = "0.3.0"
OURS = "introbench"
_SAME_WEIGHTS = frozenset({"chat_template", "device", "dtype", "pack_tokens"})
"""Options of a spec under which a hub model keeps its public name."""
_HUB_PARTS = 2
_CASES_OF = "exact_match"
"""The estimate that the file of cases belongs to: a row says whether an explanation was right."""

Relationship = Literal["first_party", "third_party", "collaborative", "other"]


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Who stands behind a record.

    Attributes:
        organization: who ran the models.
        relationship: what they are to whoever made the models.
    """

    organization: str
    relationship: Relationship = "other"


@dataclass(frozen=True, slots=True)
class EvalRecord:
    """The two files of one model and task, before they are written.

    Attributes:
        place: of the file of estimates, below the folder that is exported to.
        estimates: its content.
        samples: the content of the file of cases; empty where no case is scored.
        scored: number of cases in it.
        left_out: cases that no score is made of.
        without_prompt: number of scored cases or others whose prompt is not shown.
        reason: why it is not.
    """

    place: Path
    estimates: bytes
    samples: bytes
    scored: int
    left_out: int
    without_prompt: int
    reason: str

    @property
    def samples_place(self) -> Path:
        """Of the file of cases."""
        return _samples_place(self.place)


def model_ids(models: Sequence[ModelEntry], given: Mapping[str, str]) -> dict[str, str]:
    """By model name, the id "DEVELOPER/MODEL" under which others know it.

    A model of the hub has its own; any other stands under "introbench", unless `given` says more.

    Raises UsageError where `given` names no model or gives no such id, and where two models would have the same.
    """
    if unknown := sorted(given.keys() - {model.name for model in models}):
        known = ", ".join(model.name for model in models)
        raise UsageError(f"--model-id {unknown[0]}=…: no model of that name; the run has {known}")
    for name, wanted in given.items():
        parts = wanted.split("/")
        if len(parts) < _HUB_PARTS or any(slug(part) != part for part in parts):
            raise UsageError(f"--model-id {name}={wanted}: write DEVELOPER/MODEL, of letters, digits and . _ = -")
    found = {model.name: given.get(model.name) or _default_id(model) for model in models}
    for name, taken in found.items():
        if twin := next((other for other in found if other != name and found[other].lower() == taken.lower()), None):
            raise UsageError(
                f"{name} and {twin} would both be {taken!r}; tell them apart with --model-id {twin}=DEVELOPER/MODEL"
            )
    return found


def _default_id(model: ModelEntry) -> str:
    spec = _spec(model)
    if spec is not None and _is_public(spec):
        return spec.name.partition("@")[0]
    # A spec may be a path; its last part names the model and no folder of anybody's machine.
    name = model.name.rpartition("/")[2] if model.name == model.spec else model.name
    return f"{OURS}/{slug(name)}"


def _spec(model: ModelEntry) -> ModelSpec | None:
    try:
        return parse_spec(model.spec)
    except SpecError:  # of a stored run that names none
        return None


def _is_public(spec: ModelSpec) -> bool:
    parts = spec.name.partition("@")[0].split("/")
    named = len(parts) == _HUB_PARTS and all(slug(part) == part for part in parts)
    return spec.backend in ("hf", "vllm") and named and spec.options.keys() <= _SAME_WEIGHTS


def eval_records(run: ReportedRun, path: Path, evaluator: Evaluator, ids: Mapping[str, str]) -> Iterator[EvalRecord]:
    """A record per model and task of a run, the same for the same run directory."""
    for model in run.run.models:
        with disk_errors(path / "records"):
            _, last = span_of(path, model)
        for task, summary in zip(run.run.tasks, run.summary.tasks, strict=True):
            yield _record(run, task, summary, model, evaluator, ids[model.name], str(int(last)))


def _record(
    run: ReportedRun,
    task: TaskEntry,
    summary: TaskSummary,
    model: ModelEntry,
    evaluator: Evaluator,
    model_id: str,
    time: str,
) -> EvalRecord:
    evaluation = f"{OURS}/{task.name}/{model_id}/{time}"
    number = content_hash([config_of(run), evaluation, model.fingerprint])
    place = _place(task, model_id, number)
    stated = list(stated_in(run, task, model))
    scored = [each for each in stated if each.scored]
    written = model.answers == "path" or config_of(run).get("explanations") == "free"
    samples = "".join(
        canonical_json(inert_json(_sample(each, task, model_id, evaluation, written=written), lines=True)) + "\n"
        for each in scored
    ).encode()
    told = list(told_of(summary, model.name))
    content: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": evaluation,
        "evaluation_timestamp": time,
        "retrieved_timestamp": time,
        "source_metadata": {
            "source_name": OURS,
            "source_type": "evaluation_run",
            "source_organization_name": evaluator.organization,
            "evaluator_relationship": evaluator.relationship,
            "additional_details": _counts(told, stated, scored),
        },
        "eval_library": {"name": OURS, "version": version_of(run)},
        "model_info": _model_info(model, model_id),
        "evaluation_results": [
            _result(each, run, task, evaluation) for each in told if each.estimate.value is not None
        ],
    }
    if scored:
        content["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": _samples_place(place).as_posix(),
            "hash_algorithm": "sha256",
            "checksum": bytes_hash(samples),
            "total_rows": len(scored),
        }
    data = canonical_json(inert_json(content, lines=True)).encode() + b"\n"
    return EvalRecord(place, data, samples, len(scored), len(stated) - len(scored), *without_prompts(run, task))


def _place(task: TaskEntry, model_id: str, number: str) -> Path:
    developer, _, model = model_id.partition("/")
    name = uuid.UUID(bytes=sha256(number.encode()).digest()[:16], version=4)
    return Path("data", f"{OURS}_{slug(task.name)}", developer, model.replace("/", "_"), f"{name}.json")


def _samples_place(place: Path) -> Path:
    return place.with_name(f"{place.stem}_samples.jsonl")


def _counts(told: Sequence[Told], stated: Sequence[Stated], scored: Sequence[Stated]) -> dict[str, str]:
    """What the estimates do not say of themselves, as texts."""
    missing = [f"{_label(each)}: {each.estimate.detail}" for each in told if each.estimate.value is None]
    return {
        "cases": str(len(stated)),
        "cases_scored": str(len(scored)),
        "cases_of_placebo_or_rewriting_cues_or_unanswered": str(len(stated) - len(scored)),
        "unparsable": str(sum(each.said == "unparsable" for each in scored)),
        "not_estimable": "; ".join(missing) or "none",
    }


def _label(told: Told) -> str:
    return f"{told.name} against {told.reference}" if told.reference else told.name


def _model_info(model: ModelEntry, model_id: str) -> dict[str, Any]:
    spec = _spec(model)
    elsewhere = spec is None or spec.backend in ("openai", "lm-eval")
    public = spec is not None and _is_public(spec)
    revision = spec.name.partition("@")[2] if spec is not None and public else ""
    return {
        "name": model_id.partition("/")[2],
        "id": model_id,
        "additional_details": {
            "deployment_type": "unknown" if elsewhere else "self_deployed",
            "model_availability": "open_weights" if public else "unknown",
            "fingerprint": model.fingerprint,
            "role_in_run": model.role,
            **({"revision": revision} if revision else {}),
        },
    }


def _result(told: Told, run: ReportedRun, task: TaskEntry, evaluation: str) -> dict[str, Any]:
    estimate = told.estimate
    lowest, highest = told.range
    limits = {"lower": estimate.low, "upper": estimate.high, "confidence_level": CONFIDENCE, "method": estimate.method}
    interval = {} if estimate.low is None else {"confidence_interval": limits}
    config = config_of(run)
    data = {
        "version": task.version,
        "comparability": task.comparability,
        "items_sha256": task.items_sha256,
        **{name: config.get(name) for name in ("split", "limit", "seed")},
    }
    return {
        "evaluation_result_id": f"{evaluation}#{_label(told)}",
        "evaluation_name": f"{OURS} {task.name}",
        "source_data": {
            "dataset_name": task.name,
            "source_type": "other",
            "additional_details": {name: str(value) for name, value in data.items()},
        },
        "metric_config": {
            "evaluation_description": told.description,
            "metric_id": f"{OURS}.{told.name}",
            "metric_name": _label(told),
            "metric_kind": told.name,
            "metric_unit": "proportion",
            "metric_parameters": {"reference": told.reference} if told.reference else {},
            "lower_is_better": told.lower_is_better,
            "score_type": "continuous",
            "min_score": lowest,
            "max_score": highest,
        },
        "score_details": {
            "score": estimate.value,
            "details": {
                "status": estimate.status,
                "clusters": str(estimate.clusters),
                "no_headline": "; ".join(told.against) or "nothing speaks against it",
            },
            "uncertainty": {**interval, "num_samples": estimate.n},
        },
    }


def _sample(stated: Stated, task: TaskEntry, model_id: str, evaluation: str, *, written: bool) -> dict[str, Any]:
    *before, asked = [message.content for message in stated.prompt] or [""]
    found = f"{stated.said}: {stated.content}" if stated.content is not None else str(stated.said)
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": evaluation,
        "model_id": model_id,
        "evaluation_name": f"{OURS} {task.name}",
        "evaluation_result_id": f"{evaluation}#{_CASES_OF}",
        "sample_id": stated.row["id"],
        "sample_hash": text_hash(canonical_json([inert_json(asked, lines=True), stated.row["id"]])),
        "interaction_type": "single_turn",
        "input": {"raw": asked, "reference": [stated.expected], "choices": list(stated.candidates)},
        "output": {"raw": [stated.reply or ""]},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": found,
                "extraction_method": "parsed" if written else "probabilities of the candidates",
                "is_terminal": True,
            }
        ],
        "evaluation": {"score": float(stated.exact), "is_correct": stated.exact},
        "metadata": {**stated.facts, **({"turns_before": canonical_json(before)} if before else {})},
    }
