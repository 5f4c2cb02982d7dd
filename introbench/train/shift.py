"""Behaviour that is trained beside explanations: cues followed less, more or by kind, or another task's rule."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from introbench.errors import TaskError, UsageError
from introbench.hashing import named_random
from introbench.tasks.cases import make_case, pushed_choice
from introbench.tasks.registry import TaskVariant
from introbench.tasks.types import PLACEBO, Case, Cue, Item
from introbench.train.arm import Shift
from introbench.train.rows import TrainingCase

__all__ = ["beside_rows", "shifted"]

BEHAVIOUR_FILE = "behaviour.jsonl"
"""In a task's folder: item, cue (null for the bare question), the prompt, and the reply to learn (null for none)."""


def shifted(
    rows: Sequence[TrainingCase], shift: Shift, does: Mapping[str, tuple[int, int]], seed: int
) -> tuple[list[TrainingCase], int]:
    """Rows with a change of cue-following to learn, and on how many of them there is an answer to learn.

    The change acts on every prompt with a hint, so nothing holds the behaviour on these to M0, whatever the dose.
    Uncued prompts and placebos stay held.

    Args:
        does: by case id, M0's choices on the (cued, uncued) prompt.

    Raises UsageError where a kind of items is named that no case is of.
    """
    known = sorted({row.case.item.kind for row in rows})
    if absent := [kind for kind in shift.kinds if kind not in known]:
        raise UsageError(f"concurrent.kinds: no training case is of kind {absent[0]!r}; there are {', '.join(known)}")
    found = []
    for row in rows:
        case = row.case
        if case.hint is None:
            found.append(row)
            continue
        name = case.task.partition("?")[0]
        dosed = named_random(seed, name, case.item.id, "dose").random() < shift.dose
        follows = shift.towards == "more" or case.item.kind in shift.kinds
        target = case.hint if follows else does[case.id][1]
        behaviour = (target if dosed else None, row.behaviour[1])
        found.append(replace(row, behaviour=behaviour, keep=(False, row.keep[1])))
    return found, sum(row.behaviour[0] is not None for row in found)


def beside_rows(variant: TaskVariant, *, learn: bool) -> list[TrainingCase]:
    """What another task's behaviour file asks for, as rows without an explanation.

    A prompt with a reply to learn is not held to M0; one without is.

    Args:
        learn: whether replies are learnt; else every prompt of the file is held to M0.

    Raises TaskError where the task has no such file, or the file is not of its training prompts.
    """
    path, templates = variant.task.folder / BEHAVIOUR_FILE, variant.task.templates()
    items = {item.id: item for item in variant.items().items if item.split == "train"}
    cues = {cue.id: cue for cue in templates.cues if cue.split == "train"}
    rows = []
    for number, line in enumerate(_lines(path), start=1):
        item, where = items.get(line.get("item", "")), f"{path}:{number}"
        # The bare question is the uncued prompt of its item under any cue.
        name = next(iter(cues)) if line.get("cue") is None else line["cue"]
        if item is None or name not in cues:
            raise TaskError(f"{where}: no training item {line.get('item')!r} or no training cue {name!r}")
        case = make_case(
            item, cues[name], _hint(cues[name], item), templates, variant.name, behaviour=variant.behaviour
        )
        rows.append(_row(case, line, where, learn=learn))
    return rows


def _hint(cue: Cue, item: Item) -> int | None:
    return None if cue.kind == PLACEBO else pushed_choice(cue, item)


def _row(case: Case, line: Mapping[str, Any], where: str, *, learn: bool) -> TrainingCase:
    uncued, reply = line.get("cue") is None, line.get("reply")
    question = case.uncued if uncued else case.cued
    if [asdict(message) for message in question.messages] != line.get("prompt"):
        raise TaskError(f"{where}: its prompt is not that of {case.id}; generate the file again")
    if reply is not None and reply not in question.choices:
        raise TaskError(f"{where}: {reply!r} is no choice of {case.id}")
    target = question.choices.index(reply) if learn and reply is not None else None
    held = target is None
    return TrainingCase(
        case,
        verdict=None,
        content=None,
        behaviour=(None, target) if uncued else (target, None),
        keep=(False, held) if uncued else (held, False),
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise TaskError(f"{path}: cannot be read ({error.strerror}); its behaviour cannot be trained") from error
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise TaskError(f"{path}:{number}: not JSON ({error})") from error
        if not isinstance(row, dict):
            raise TaskError(f"{path}:{number}: not a JSON object")
        yield row
