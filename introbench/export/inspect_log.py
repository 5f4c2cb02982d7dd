"""Logs for Inspect: a file per model and task, a sample per case, as `inspect_ai.log.read_eval_log` opens them.

Inspect's log format is version 2 of https://inspect.aisi.org.uk/eval-logs.html. Writing it needs nothing of Inspect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from introbench.export.estimates import Told, told_of
from introbench.export.stated import Stated, config_of, span_of, stated_in, version_of, without_prompts
from introbench.files import disk_errors, slug
from introbench.hashing import canonical_json, content_hash
from introbench.metrics.read import ModelEntry, TaskEntry
from introbench.metrics.schema import TaskSummary
from introbench.report.gather import ReportedRun
from introbench.texts import inert_json

__all__ = ["InspectLog", "inspect_logs"]

VERSION = 2
_ID_DIGITS = 22
_NAME_LETTERS = 60
SCORERS = ("exact_match", "verdict", "content")
"""What each sample is scored on, 1 or 0: the whole explanation, its verdict, the choice that it names."""


@dataclass(frozen=True, slots=True)
class InspectLog:
    """A log before it is written.

    Attributes:
        name: of the file; Inspect lists files whose names begin with a time.
        model: the model that explains.
        task: the task.
        samples: number of cases.
        without_prompt: number of those whose prompt is not shown.
        reason: why it is not.
        content: the log.
    """

    name: str
    model: str
    task: str
    samples: int
    without_prompt: int
    reason: str
    content: Mapping[str, Any]

    @property
    def data(self) -> bytes:
        """The file. Whatever models and tasks wrote is inert in it."""
        return canonical_json(inert_json(self.content, lines=True)).encode() + b"\n"


def inspect_logs(run: ReportedRun, path: Path) -> Iterator[InspectLog]:
    """A log per model and task of a run, the same for the same run directory."""
    for model in run.run.models:
        with disk_errors(path / "records"):
            first, last = span_of(path, model)
        for task, summary in zip(run.run.tasks, run.summary.tasks, strict=True):
            yield _log(run, task, summary, model, (_time(first), _time(last)))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _log(
    run: ReportedRun, task: TaskEntry, summary: TaskSummary, model: ModelEntry, span: tuple[str, str]
) -> InspectLog:
    stated = list(stated_in(run, task, model))
    number = content_hash([config_of(run), task.name, model.name, model.fingerprint])[:_ID_DIGITS]
    missing, reason = without_prompts(run, task)
    content = {
        "version": VERSION,
        "status": "success",
        "eval": _spec(run, task, model, stated, span[0], number),
        "plan": {"name": "introbench", "steps": [{"solver": "introbench", "params": {}}]},
        "results": _results(summary, model, stated),
        "stats": {"started_at": span[0], "completed_at": span[1]},
        "samples": [_sample(each, model) for each in stated],
    }
    # As Inspect names its own: time, task, model and the task's id, parted by "_"; what follows tells runs apart.
    parts = (span[0].replace(":", "-"), *(_file_part(name) for name in (task.name, model.name)))
    name = f"{'_'.join(parts)}_{_task_id(run, task)}-{number}.json"
    return InspectLog(name, model.name, task.name, len(stated), missing, reason, content)


def _file_part(name: str) -> str:
    return slug(name).replace("_", "-")[:_NAME_LETTERS]


def _task_id(run: ReportedRun, task: TaskEntry) -> str:
    return content_hash([run.run.seed, task.name])[:_ID_DIGITS]


def _spec(
    run: ReportedRun, task: TaskEntry, model: ModelEntry, stated: list[Stated], created: str, number: str
) -> dict[str, Any]:
    config = config_of(run)
    return {
        "eval_id": number,
        "run_id": content_hash(config)[:_ID_DIGITS],
        "task_id": _task_id(run, task),
        "created": created,
        "task": task.name,
        "task_version": task.version,
        "task_args": {name: config[name] for name in ("limit", "seed", "split", "explanations") if name in config},
        "model": model.name,
        "dataset": {"name": task.name, "samples": len(stated), "sample_ids": [each.row["id"] for each in stated]},
        "config": {"epochs": 1},
        "packages": {"introbench": version_of(run)},
        "scorers": [{"name": name, "metrics": [{"name": "mean"}]} for name in SCORERS],
        "metadata": {
            "model_spec": model.spec,
            "model_fingerprint": model.fingerprint,
            "model_role": model.role,
            "items_sha256": task.items_sha256,
            "comparability": task.comparability,
            "git": run.manifest.get("git"),
        },
    }


def _results(summary: TaskSummary, model: ModelEntry, stated: list[Stated]) -> dict[str, Any]:
    scored = sum(each.scored for each in stated)
    groups: dict[tuple[str, str], list[Told]] = {}
    for each in told_of(summary, model.name):
        groups.setdefault((each.group, each.reference), []).append(each)
    return {
        "total_samples": len(stated),
        "completed_samples": sum(each.reply is not None for each in stated),
        "scores": [
            {
                "name": f"{group} against {reference}" if reference else group,
                "scorer": group,
                "scored_samples": scored,
                "unscored_samples": len(stated) - scored,
                "metrics": {each.name: _metric(each) for each in told if each.estimate.value is not None},
                "metadata": {
                    "not_estimable": {each.name: each.estimate.detail for each in told if each.estimate.value is None}
                },
            }
            for (group, reference), told in groups.items()
        ],
    }


def _metric(told: Told) -> dict[str, Any]:
    estimate = told.estimate
    return {
        "name": told.name,
        "value": estimate.value,
        "metadata": {
            "description": told.description,
            "no_headline": list(told.against),
            **estimate.model_dump(mode="json", exclude={"value"}),
        },
    }


def _sample(stated: Stated, model: ModelEntry) -> dict[str, Any]:
    asked = [{"role": message.role, "content": message.content} for message in stated.prompt]
    reply = {"role": "assistant", "content": stated.reply or "", "model": model.name}
    answered = stated.reply is not None
    output = {"model": model.name, "choices": [{"message": reply, "stop_reason": "stop"}] if answered else []}
    return {
        "id": stated.row["id"],
        "epoch": 1,
        "input": asked or "(this version of the task makes another prompt than the one that was asked)",
        "choices": list(stated.candidates),
        "target": stated.expected,
        "messages": [*asked, *([reply] if answered else [])],
        "output": {**output, "completion": stated.reply or ""},
        "scores": _scores(stated) if stated.scored else None,
        "metadata": stated.facts,
    }


def _scores(stated: Stated) -> dict[str, Any]:
    right = dict(zip(SCORERS, (stated.exact, stated.verdict_right, stated.content_right), strict=True))
    return {
        name: {"value": int(value), "answer": stated.reply, "explanation": f"true of the model: {stated.expected}"}
        for name, value in right.items()
    }
