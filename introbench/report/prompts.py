"""The prompts of a stored run, rebuilt from its tasks: the run directory holds only their hashes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introbench.errors import IntrobenchError
from introbench.hashing import content_hash
from introbench.runs.config import resolve_config
from introbench.runs.plan import Rendering, rendering_of
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
    manifest: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], include_paths: Sequence[Path] = ()
) -> dict[str, TaskTexts]:
    """The prompts of every task of a run, each checked against the hash that the run holds of it.

    Args:
        rows: the rows of cases.jsonl.
        include_paths: folders with the plugins of tasks that are not installed.
    """
    asked: dict[str, dict[str, str | None]] = {str(task["name"]): {} for task in manifest["tasks"]}
    for row in rows:
        if row["task"] in asked:
            asked[row["task"]][row["id"]] = row.get("messages")
    return {
        str(task["name"]): _task_texts(manifest, task, asked[str(task["name"])], include_paths)
        for task in manifest["tasks"]
    }


class _Rendered(Mapping[str, CaseText]):
    """The prompts of cases by id, rendered whenever they are asked for: kept, they would be the most of a report."""

    def __init__(self, rendering: Rendering, places: Mapping[str, int]) -> None:
        self._rendering, self._places = rendering, places
        self._cases: dict[str, Case] = {}

    def __getitem__(self, case: str) -> CaseText:
        place = self._places[case]
        if case not in self._cases:  # those of one item mostly follow each other
            self._cases = {each.id: each for each in self._rendering.cases(self._rendering.items[place])}
        return _case_text(self._cases[case])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _task_texts(
    manifest: Mapping[str, Any],
    task: Mapping[str, Any],
    asked: Mapping[str, str | None],
    include_paths: Sequence[Path],
) -> TaskTexts:
    """The prompts of one task.

    Args:
        asked: by case id, the hash of its messages.
    """
    try:
        rendering = _rendering(manifest, task, include_paths)
        if isinstance(rendering, str):
            return TaskTexts({}, len(asked), rendering)
        places = {
            case.id: place
            for place, item in enumerate(rendering.items)
            for case in rendering.cases(item)
            if case.id in asked and _messages(case) == asked[case.id]
        }
    except IntrobenchError as error:
        return TaskTexts({}, len(asked), str(error))
    except (KeyError, TypeError, ValueError, AttributeError):
        # An invented or damaged manifest: the numbers do not rest on its configuration, only the prompts do.
        return TaskTexts({}, len(asked), "manifest.json does not say how the cases were planned")
    missing = len(asked) - len(places)
    reason = "this version of the task makes other prompts of them" if missing else ""
    return TaskTexts(_Rendered(rendering, places), missing, reason)


def _rendering(manifest: Mapping[str, Any], task: Mapping[str, Any], include_paths: Sequence[Path]) -> Rendering | str:
    """How the manifest's configuration renders the task's cases today, or why it does not."""
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
    return rendering_of(resolved, variants[0])


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
