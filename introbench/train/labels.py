"""Explanation labels of a stored run as a label file, for demonstrations and for training sets."""

from __future__ import annotations

import json
from pathlib import Path

from introbench.errors import UsageError
from introbench.metrics.arrays import Bools
from introbench.metrics.read import Run, read_run
from introbench.tasks.labels import Label, LabelFile

__all__ = ["label_file"]

_WAY_OUT = "name a run that was made with --split train"


def label_file(
    run: Path, task: str, model: str | None = None, *, held_out: bool = False, way_out: str = _WAY_OUT
) -> tuple[bytes, int]:
    """The label file of one model and task of a stored run, sorted by item and cue, and how many labels were left out.

    Labels of held-out items and cues are left out unless asked for: the file is meant to be trained on or shown.

    Args:
        way_out: what a message says where nothing is left.

    Raises UsageError where the run has no such task or model, or nothing is left.
    """
    stored = read_run(run)
    entry = next((entry for entry in stored.models if model in (None, entry.name)), None)
    if entry is None:
        raise UsageError(f"{run}: no model {model!r}; it has {', '.join(entry.name for entry in stored.models)}")
    measured = next((found for found in stored.tasks if found.name == task), None)
    if measured is None:
        raise UsageError(f"{run}: no task {task!r}; it has {', '.join(found.name for found in stored.tasks)}")
    answered = (stored.cases.tasks == task) & stored.answers[entry.name].behaved
    training = (stored.cases.item_splits == "train") & (stored.cases.cue_splits == "train")
    chosen = answered if held_out else answered & training
    labels = _labels(run, stored, entry.name, chosen)
    if not labels:
        raise UsageError(f"{run}: {entry.name} has no answered training case of {task}; {way_out}")
    file = LabelFile(
        task=task.partition("?")[0],
        version=measured.version,
        model=entry.spec,
        fingerprint=entry.fingerprint,
        seed=stored.seed,
        behaviour=measured.behaviour,
        items_sha256=measured.items_sha256,
        labels=sorted(labels, key=lambda label: (label.item, label.cue)),
    )
    text = json.dumps(file.model_dump(), indent=1, ensure_ascii=False) + "\n"
    return text.encode(), int(answered.sum() - chosen.sum())


def _labels(run: Path, stored: Run, model: str, chosen: Bools) -> list[Label]:
    truth = stored.answers[model].labels
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
        if chosen[number]
    ]
