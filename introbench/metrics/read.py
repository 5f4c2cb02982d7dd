"""Reads a run directory into the tables that the metrics work on. The only metrics module that opens files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from introbench.errors import RunDirectoryError
from introbench.hashing import content_hash
from introbench.metrics.arrays import Floats
from introbench.metrics.observations import (
    ABSENT,
    UNPARSABLE,
    Answers,
    CaseTable,
    Chosen,
    LogProbs,
    Written,
    decide,
    with_chosen,
    with_written,
)
from introbench.metrics.parse import Wording, parse_choice, parse_explanation
from introbench.runs.ledger import read_ledger, request_key
from introbench.tasks.types import PLACEBO, BehaviourReading, Part

__all__ = ["ModelEntry", "Role", "Run", "TaskEntry", "read_run"]

FIRST, AGAIN = 0, 1
"""Replicate numbers: what every case is asked, and what some are asked once more."""

Role = Literal["target", "base", "reference"]
PARTS: tuple[Part, ...] = ("uncued", "cued", "explanation")


class _Read(BaseModel):
    """What is read of a file; what else stands in it is somebody else's business."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class ModelEntry(_Read):
    """A model of the run, as the manifest names it."""

    name: str
    """The name that people read."""
    folder: str
    """Its folder below records/."""
    spec: str = ""
    """What it was loaded from."""
    role: Role
    """What it is to the run."""
    fingerprint: str = ""
    """Hash of everything that its answers depend on."""
    answers: Literal["seq", "path"] = "seq"
    """Whether its answers are probabilities of every choice, or the one reply that it was led to."""
    tie_margin: float = Field(default=0.0, ge=0)
    """Decisions closer than this (nats) may fall either way on another machine; 0 until the weights were loaded."""


class TaskEntry(_Read):
    """A task of the run, as the manifest names it."""

    name: str
    """The name as given in the run, parameters included."""
    version: int
    """Raised by any change of items or templates."""
    comparability: int
    """Results of different numbers must not be compared."""
    behaviour: BehaviourReading = "text"
    """How the choices were read."""
    wording: Wording = Wording("No change: {choice}", "Change: {choice}")
    """The replies that the explanation question asks for."""


class _Manifest(_Read):
    layout: Literal[1] = Field(alias="schema")
    seed: int
    models: list[ModelEntry]
    tasks: list[TaskEntry]


class _CaseRow(_Read):
    id: str
    task: str
    item: str
    cluster: str
    item_split: str
    cue_kind: str
    cue_split: str
    edit: Literal["insert", "substitute", "rewrite"]
    choices: list[str] = Field(min_length=2)
    hint: int | None
    key: int | None
    asks: dict[Part, str]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A run as the metrics see it.

    Attributes:
        seed: root seed of the run.
        models: every model, in the order of the manifest.
        tasks: every task, in the order of the manifest.
        cases: the cases of all tasks.
        answers: by model name, its decisions over the cases.
        again: by model name, its decisions where it was asked a second time; unanswered elsewhere.
    """

    seed: int
    models: tuple[ModelEntry, ...]
    tasks: tuple[TaskEntry, ...]
    cases: CaseTable
    answers: Mapping[str, Answers]
    again: Mapping[str, Answers]


def read_run(path: Path) -> Run:
    """Reads the manifest, the cases and every model's ledger.

    Requests without an answer are kept as unanswered. Ledger rows of another fingerprint belong to other measurements
    and are not used.

    Raises:
        RunDirectoryError: a file is missing, is not what it should be, or does not fit the cases.
    """
    manifest = _manifest(path / "manifest.json")
    rows = list(_case_rows(path / "cases.jsonl"))
    if not rows:
        raise RunDirectoryError(f"{path / 'cases.jsonl'} holds no case; run `introbench run` again with more items")
    unknown = {row.task for row in rows} - {task.name for task in manifest.tasks}
    if unknown:
        raise RunDirectoryError(f"{path / 'manifest.json'} lacks task {min(unknown)!r}, which cases.jsonl has cases of")
    for row in rows:
        _check_case(row, path / "cases.jsonl")
    ledgers = {model.name: _ledger(path / "records" / model.folder) for model in manifest.models}
    wordings = {task.name: task.wording for task in manifest.tasks}

    def answers(replicate: int) -> dict[str, Answers]:
        found = {}
        for model in manifest.models:
            scored = decide(_logprobs(rows, model, ledgers[model.name], replicate, path))
            written = _written(rows, model, ledgers[model.name], replicate, wordings)
            chosen = _chosen(rows, model, ledgers[model.name], replicate)
            found[model.name] = with_chosen(with_written(scored, written), chosen)
        return found

    return Run(
        seed=manifest.seed,
        models=tuple(manifest.models),
        tasks=tuple(manifest.tasks),
        cases=_table(rows),
        answers=answers(FIRST),
        again=answers(AGAIN),
    )


def _manifest(path: Path) -> _Manifest:
    try:
        manifest = _Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RunDirectoryError(f"{path} cannot be read ({error.strerror}); is this a run directory?") from error
    except ValidationError as error:
        raise RunDirectoryError(f"{path} is no manifest of this version: {_first(error)}") from error
    names = [model.name for model in manifest.models]
    if len(set(names)) < len(names):
        raise RunDirectoryError(f"{path} names a model twice; give its models different names")
    return manifest


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, on one line."""
    detail = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in detail["loc"])
    return f"{place}: {detail['msg']}" if place else detail["msg"]


def _case_rows(path: Path) -> Iterator[_CaseRow]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RunDirectoryError(f"{path} cannot be read ({error.strerror}); is this a run directory?") from error
    for number, line in enumerate(lines, start=1):
        if number == len(lines) and not line:
            return
        try:
            yield _CaseRow.model_validate_json(line)
        except ValidationError as error:
            raise RunDirectoryError(f"{path}, line {number}: {_first(error)}") from error


def _check_case(row: _CaseRow, path: Path) -> None:
    for name, choice in (("hint", row.hint), ("key", row.key)):
        if choice is not None and not 0 <= choice < len(row.choices):
            raise RunDirectoryError(f"{path}, case {row.id}: {name} {choice} is none of its {len(row.choices)} choices")
    if (row.hint is None) != (row.cue_kind == PLACEBO):
        raise RunDirectoryError(f"{path}, case {row.id}: a case has a hint if and only if its cue is no placebo")
    missing = set(PARTS) - set(row.asks)
    if missing:
        raise RunDirectoryError(f"{path}, case {row.id}: asks lack {min(missing)!r}")


def _table(rows: Sequence[_CaseRow]) -> CaseTable:
    clusters = np.array([content_hash([row.task, row.cluster]) for row in rows])
    return CaseTable(
        ids=np.array([row.id for row in rows]),
        tasks=np.array([row.task for row in rows]),
        items=np.array([row.item for row in rows]),
        clusters=np.unique(clusters, return_inverse=True)[1].astype(np.int64),
        cue_kinds=np.array([row.cue_kind for row in rows]),
        cue_splits=np.array([row.cue_split for row in rows]),
        item_splits=np.array([row.item_split for row in rows]),
        hint=np.array([ABSENT if row.hint is None else row.hint for row in rows], dtype=np.int64),
        key=np.array([ABSENT if row.key is None else row.key for row in rows], dtype=np.int64),
        choices=np.array([len(row.choices) for row in rows], dtype=np.int64),
        placebo=np.array([row.cue_kind == PLACEBO for row in rows]),
        rewrite=np.array([row.edit == "rewrite" for row in rows]),
    )


def _ledger(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Ledger rows by key, wherever in a model's folder the requests were answered."""
    # A request may stand twice where two tasks share it; the first answer is the one that is used.
    found: dict[str, Mapping[str, Any]] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for record in read_ledger(file):
            found.setdefault(record["key"], record)
    return found


def _written(
    rows: Sequence[_CaseRow],
    model: ModelEntry,
    ledger: Mapping[str, Mapping[str, Any]],
    replicate: int,
    wordings: Mapping[str, Wording],
) -> Written:
    """What a model's written explanations say, where it wrote any."""
    found = [ledger.get(request_key(row.asks["explanation"], model.fingerprint, replicate)) for row in rows]
    texts = [record.get("text") if record else None for record in found]
    read = [
        (UNPARSABLE, ABSENT) if text is None else parse_explanation(text, row.choices, wordings[row.task])
        for text, row in zip(texts, rows, strict=True)
    ]
    return Written(
        written=np.array([text is not None for text in texts]),
        said=np.array([said for said, _ in read], dtype=np.int64),
        content=np.array([content for _, content in read], dtype=np.int64),
    )


def _chosen(
    rows: Sequence[_CaseRow], model: ModelEntry, ledger: Mapping[str, Mapping[str, Any]], replicate: int
) -> Chosen:
    """What a model's replies are, where its engine gave replies."""

    def read(part: Part) -> list[int]:
        found = [ledger.get(request_key(row.asks[part], model.fingerprint, replicate)) for row in rows]
        texts = [record.get("text") if record else None for record in found]
        return [
            ABSENT if text is None else parse_choice(text, row.choices) for text, row in zip(texts, rows, strict=True)
        ]

    return Chosen(uncued=np.array(read("uncued"), dtype=np.int64), cued=np.array(read("cued"), dtype=np.int64))


def _logprobs(
    rows: Sequence[_CaseRow],
    model: ModelEntry,
    ledger: Mapping[str, Mapping[str, Any]],
    replicate: int,
    path: Path,
) -> LogProbs:
    """A model's log-probabilities over the cases, the first or the second time."""
    width = max(len(row.choices) for row in rows)
    tables = {part: np.full((len(rows), 2 if part == "explanation" else 1, width), -np.inf) for part in PARTS}
    for index, row in enumerate(rows):
        for part in PARTS:
            key = request_key(row.asks[part], model.fingerprint, replicate)
            if key in ledger and ledger[key].get("text") is None:
                where = f"{path / 'records' / model.folder}, case {row.id}: the answer to {part}"
                tables[part][index, :, : len(row.choices)] = _shaped(
                    ledger[key]["logprobs"], part, len(row.choices), where
                )
            else:
                tables[part][index] = np.nan
    return LogProbs(
        uncued=tables["uncued"][:, 0],
        cued=tables["cued"][:, 0],
        unchanged=tables["explanation"][:, 0],
        changed=tables["explanation"][:, 1],
    )


def _shaped(logprobs: Sequence[float], part: Part, choices: int, where: str) -> Floats:
    """(1 or 2, choices) log-probabilities of one answer; for an explanation, "unchanged" and then "changed"."""
    size = 2 * choices if part == "explanation" else choices
    try:
        values = np.array(logprobs, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise RunDirectoryError(f"{where} holds what is no number; delete its ledger row and run again") from error
    if values.shape != (size,) or not np.isfinite(values).all():
        raise RunDirectoryError(
            f"{where} needs {size} finite log-probabilities and has {values.size} values; "
            "delete its ledger row and run again"
        )
    return values.reshape(-1, choices)
