"""The prompts of a stored run, rebuilt from its tasks: the run directory holds only their hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introbench.errors import IntrobenchError
from introbench.hashing import content_hash
from introbench.runs.config import resolve_config
from introbench.runs.plan import make_plan
from introbench.tasks.types import Case, EditKind, Message

__all__ = ["CaseText", "TaskTexts", "cued_span", "rebuilt_texts"]


@dataclass(frozen=True, slots=True)
class CaseText:
    """The three prompts of one case. x = prefix + cued + suffix and x∖C = prefix + uncued + suffix.

    Attributes:
        before: turns that precede both.
        before_explanation: turns that precede the explanation turn.
        prefix: text before the span in which they differ.
        cued: that span in x.
        uncued: that span in x∖C.
        suffix: text behind it.
        question: what the explanation turn asks, behind x where it repeats x.
        explanation: the whole conversation that ends with that turn.
    """

    before: tuple[Message, ...]
    before_explanation: tuple[Message, ...]
    prefix: str
    cued: str
    uncued: str
    suffix: str
    question: str
    explanation: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class TaskTexts:
    """The prompts of one task of a run.

    Attributes:
        texts: by case id.
        missing: number of cases whose prompts are not what this version makes, so that they are not shown.
        reason: why they are not; empty where all are shown.
    """

    texts: Mapping[str, CaseText]
    missing: int
    reason: str


def rebuilt_texts(
    manifest: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], include_paths: Sequence[Path] = ()
) -> dict[str, TaskTexts]:
    """The prompts of every task of a run, each checked against the hash that the run holds of it.

    Args:
        rows: the rows of cases.jsonl.
        include_paths: folders with the plugins of tasks that are not installed.
    """
    return {
        str(task["name"]): _task_texts(
            manifest, task, [row for row in rows if row["task"] == task["name"]], include_paths
        )
        for task in manifest["tasks"]
    }


def _task_texts(
    manifest: Mapping[str, Any],
    task: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    include_paths: Sequence[Path],
) -> TaskTexts:
    try:
        cases = _cases(manifest, task, include_paths)
    except IntrobenchError as error:
        return TaskTexts({}, len(rows), str(error))
    except (KeyError, TypeError, ValueError, AttributeError):
        # An invented or damaged manifest: the numbers do not rest on its configuration, only the prompts do.
        return TaskTexts({}, len(rows), "manifest.json does not say how the cases were planned")
    if isinstance(cases, str):
        return TaskTexts({}, len(rows), cases)
    known = {case.id: case for case in cases}
    texts = {
        row["id"]: _case_text(known[row["id"]])
        for row in rows
        if row["id"] in known and _messages(known[row["id"]]) == row.get("messages")
    }
    missing = len(rows) - len(texts)
    return TaskTexts(texts, missing, "this version of the task makes other prompts of them" if missing else "")


def _cases(manifest: Mapping[str, Any], task: Mapping[str, Any], include_paths: Sequence[Path]) -> Sequence[Case] | str:
    """The cases that the manifest's configuration gives today, or why there are none."""
    config = manifest["config"]
    resolved, variants = resolve_config(
        "scripted/oracle",  # what a task asks does not depend on who is asked
        (),
        [str(task["name"])],
        split=config["split"],
        limit=config["limit"],
        seed=config["seed"],
        aa_share=0,
        include_paths=include_paths,
    )
    installed = variants[0].task.info.version
    if installed != task["version"]:
        return f"they were made by version {task['version']} of the task, and version {installed} is installed"
    return make_plan(resolved, variants).tasks[0].cases


def _messages(case: Case) -> str:
    return content_hash([question.messages_hash for question in case.questions])


def _case_text(case: Case) -> CaseText:
    *before, cued = case.cued.messages
    *before_explanation, asked = case.explanation.messages
    return CaseText(
        tuple(before),
        tuple(before_explanation),
        *cued_span(cued.content, case.uncued.messages[-1].content, case.cue.edit),
        question=asked.content.removeprefix(cued.content).lstrip("\n"),
        explanation=case.explanation.messages,
    )


def cued_span(cued: str, uncued: str, edit: EditKind) -> tuple[str, str, str, str]:
    """Prefix, the span in x, the span in x∖C, and suffix.

    The span of a substitution is widened to whole words. A rewrite has no span: all of it is one.
    """
    if edit == "rewrite":
        return "", cued, uncued, ""
    if cued.endswith(uncued):
        return "", cued.removesuffix(uncued), "", uncued
    start = _shared(cued, uncued)
    room = min(len(cued), len(uncued)) - start
    end = min(_shared(cued[::-1], uncued[::-1]), room)
    if edit == "substitute":
        while start and cued[start - 1].isalnum():
            start -= 1
        while end and cued[-end].isalnum():
            end -= 1
    return cued[:start], cued[start : len(cued) - end], uncued[start : len(uncued) - end], cued[len(cued) - end :]


def _shared(one: str, other: str) -> int:
    """Number of characters with which both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
