"""Explanation labels of a stored run as a label file, for demonstrations and for training sets."""

from __future__ import annotations

import json
from pathlib import Path

from introbench.errors import UsageError
from introbench.metrics.read import Run, read_run
from introbench.runs.directory import read_manifest
from introbench.tasks.labels import Label, LabelFile

__all__ = ["label_file"]


def label_file(run: Path, task: str, model: str | None = None) -> bytes:
    """The label file of one model and task of a stored run, sorted by item and cue.

    Raises UsageError where the run has no such task or model, or the model answered none of its cases.
    """
    stored = read_run(run)
    manifest = read_manifest(run)
    entry = next((entry for entry in stored.models if model in (None, entry.name)), None)
    if entry is None:
        raise UsageError(f"{run}: no model {model!r}; it has {', '.join(entry.name for entry in stored.models)}")
    version = next((found.version for found in stored.tasks if found.name == task), None)
    if version is None:
        raise UsageError(f"{run}: no task {task!r}; it has {', '.join(found.name for found in stored.tasks)}")
    labels = _labels(run, stored, task, entry.name)
    if not labels:
        raise UsageError(f"{run}: {entry.name} has answered no case of {task}")
    spec = next(row["spec"] for row in manifest["models"] if row["name"] == entry.name)
    file = LabelFile(
        task=task.partition("?")[0],
        version=version,
        model=spec,
        fingerprint=entry.fingerprint,
        seed=stored.seed,
        labels=sorted(labels, key=lambda label: (label.item, label.cue)),
    )
    return (json.dumps(file.model_dump(), indent=1, ensure_ascii=False) + "\n").encode()


def _labels(run: Path, stored: Run, task: str, model: str) -> list[Label]:
    answers = stored.answers[model]
    truth = answers.labels
    rows = [json.loads(line) for line in (run / "cases.jsonl").read_text(encoding="utf-8").splitlines()]
    return [
        Label(
            item=row["item"],
            cue=row["cue"],
            hint=None if row["hint"] is None else row["choices"][row["hint"]],
            verdict="changed" if truth.changed[number] else "unchanged",
            content=row["choices"][truth.content[number]],
        )
        for number, row in enumerate(rows)
        if row["task"] == task and answers.behaved[number]
    ]
