"""Reads a run directory into the tables that the metrics work on. The only metrics module that opens files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from introbench.errors import RunDirectoryError
from introbench.hashing import content_hash
from introbench.metrics.arrays import Floats
from introbench.metrics.book import PARTS, Book
from introbench.metrics.draws import NoiseFacts
from introbench.metrics.ledgers import FIRST, LedgerCounts
from introbench.metrics.observations import ABSENT, Answers, CaseTable, decide, with_chosen, with_written
from introbench.metrics.parse import Wording
from introbench.metrics.refusals import CalibrationPrompt, JudgedReading, OpeningReading
from introbench.tasks.openings import COMPLY, REFUSE
from introbench.tasks.types import PLACEBO, BehaviourReading, Part

__all__ = ["CaseRow", "ModelEntry", "Role", "Run", "TaskEntry", "case_rows", "read_run"]

AGAIN = 1
"""Replicate number of what some cases are asked once more."""

Role = Literal["target", "base", "reference"]


Hash = Annotated[str, AfterValidator(sys.intern)]
"""Hash of a question. Cases of an item share some: one text in memory for all."""


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
    skipped: dict[str, int] = {}
    """What was left out of its items, by reason."""
    notes: list[str] = []
    """What a reader of the results has to know about its items."""
    openings: dict[str, list[str]] = {}
    """By choice, the openings that it was read by; empty where it was read otherwise."""
    calibration: list[CalibrationPrompt] = []
    """The training prompts that were asked to set openings against judged replies."""
    cases: int | None = None
    """Cases that the run planned; None where the manifest does not say."""
    items_sha256: str = ""
    """Hash of what its items were read from; empty where the manifest does not say."""
    noise: NoiseFacts | None = None
    """What a noisy task shows; null for any other."""


class _Manifest(_Read):
    layout: Literal[1] = Field(alias="schema")
    seed: int
    models: list[ModelEntry]
    tasks: list[TaskEntry]


@checked_dataclass(frozen=True, slots=True, config=ConfigDict(extra="ignore"))
class CaseRow:
    """A case, as `cases.jsonl` has it. A model of pydantic would take four times the memory.

    Attributes:
        id: "task/item/cue".
        messages: hash of the messages of its three questions.
        requests: by part, what a judged reply replies to.
    """

    id: str
    task: str
    item: str
    cluster: str
    item_split: str
    cue_kind: str
    cue_split: str
    edit: Literal["insert", "substitute", "rewrite"]
    choices: Annotated[list[str], Field(min_length=2)]
    hint: int | None
    key: int | None
    asks: dict[Part, Hash]
    messages: str = ""
    requests: dict[Part, str] = field(default_factory=dict)


_CASE_ROW = TypeAdapter(CaseRow)


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
        openings: by names of task and model, how well beginnings of replies stand for what replies do.
        judged: by names of task and model, what the judge said of replies.
        deciding: by model name, (cases, 2) log-probabilities of how explanations begin that say "unchanged" and
            "changed", nats; NaN where they were not scored.
        asks: per case, what its three questions were, as one text; empty where that is not known.
        choices: per case, the texts of its choices; empty where they are not known.
        ledgers: by model name, what became of the rows of its ledger.
    """

    seed: int
    models: tuple[ModelEntry, ...]
    tasks: tuple[TaskEntry, ...]
    cases: CaseTable
    answers: Mapping[str, Answers]
    again: Mapping[str, Answers]
    openings: Mapping[tuple[str, str], OpeningReading] = field(default_factory=dict)
    judged: Mapping[tuple[str, str], JudgedReading] = field(default_factory=dict)
    deciding: Mapping[str, Floats] = field(default_factory=dict)
    asks: tuple[str, ...] = ()
    choices: tuple[tuple[str, ...], ...] = ()
    ledgers: Mapping[str, LedgerCounts] = field(default_factory=dict)


def read_run(path: Path) -> Run:
    """Reads the manifest, the cases and every model's ledger.

    Requests without an answer are kept as unanswered. Ledger rows of another fingerprint belong to other measurements
    and are not used.

    Raises:
        RunDirectoryError: a file is missing, is not what it should be, or does not fit the cases.
    """
    manifest = _manifest(path / "manifest.json")
    rows = list(case_rows(path / "cases.jsonl"))
    if not rows:
        raise RunDirectoryError(f"{path / 'cases.jsonl'} holds no case; run `introbench run` again with more items")
    unknown = {row.task for row in rows} - {task.name for task in manifest.tasks}
    if unknown:
        raise RunDirectoryError(f"{path / 'manifest.json'} lacks task {min(unknown)!r}, which cases.jsonl has cases of")
    tasks = {task.name: task for task in manifest.tasks}
    for row in rows:
        _check_case(row, tasks[row.task].behaviour, path / "cases.jsonl")
    _check_ids(rows, path / "cases.jsonl")
    books = {model.name: Book(path, model, tasks) for model in manifest.models}
    openings = {
        (task.name, model): book.opening_reading(task, rows) for task, model, book in _read_by("opening", tasks, books)
    }
    first, again = (_answers(rows, books, openings, replicate) for replicate in (FIRST, AGAIN))
    judged = {
        (task.name, model): book.judged_reading(task, rows) for task, model, book in _read_by("judged", tasks, books)
    }
    return Run(
        seed=manifest.seed,
        models=tuple(manifest.models),
        tasks=tuple(manifest.tasks),
        cases=_table(rows),
        answers=first,
        again=again,
        openings=openings,
        judged=judged,
        deciding={name: book.deciding(rows) for name, book in books.items()},
        asks=tuple(" ".join(row.asks[part] for part in PARTS) for row in rows),
        choices=_choices(rows),
        ledgers={name: book.entries.counted() for name, book in books.items()},
    )


def _choices(rows: Sequence[CaseRow]) -> tuple[tuple[str, ...], ...]:
    """Per case, the texts of its choices; cases of an item share them, in memory too."""
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    found = (tuple(row.choices) for row in rows)
    return tuple(known.setdefault(choices, choices) for choices in found)


def _answers(
    rows: Sequence[CaseRow],
    books: Mapping[str, Book],
    openings: Mapping[tuple[str, str], OpeningReading],
    replicate: int,
) -> dict[str, Answers]:
    found = {}
    for model, book in books.items():
        thresholds = {task: reading.threshold for (task, name), reading in openings.items() if name == model}
        scored = decide(book.logprobs(rows, replicate, thresholds))
        written = with_written(scored, book.written(rows, replicate))
        found[model] = with_chosen(written, book.chosen(rows, replicate))
    return found


def _read_by(
    behaviour: BehaviourReading, tasks: Mapping[str, TaskEntry], books: Mapping[str, Book]
) -> Iterator[tuple[TaskEntry, str, Book]]:
    """Every task that is read in one way, with every model's name and ledger."""
    return ((task, model, books[model]) for task in tasks.values() if task.behaviour == behaviour for model in books)


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


def case_rows(path: Path) -> Iterator[CaseRow]:
    """The rows of a `cases.jsonl`. Raises RunDirectoryError that names file and line."""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                yield _case_row(line, f"{path}, line {number}")
    except OSError as error:
        raise RunDirectoryError(f"{path} cannot be read ({error.strerror}); is this a run directory?") from error


def _case_row(line: bytes, where: str) -> CaseRow:
    try:
        return _CASE_ROW.validate_json(line)
    except ValidationError as error:
        raise RunDirectoryError(f"{where}: {_first(error)}") from error


def _check_case(row: CaseRow, behaviour: BehaviourReading, path: Path) -> None:
    for name, choice in (("hint", row.hint), ("key", row.key)):
        if choice is not None and not 0 <= choice < len(row.choices):
            raise RunDirectoryError(f"{path}, case {row.id}: {name} {choice} is none of its {len(row.choices)} choices")
    if (row.hint is None) != (row.cue_kind == PLACEBO):
        raise RunDirectoryError(f"{path}, case {row.id}: a case has a hint if and only if its cue is no placebo")
    missing = set(PARTS) - set(row.asks)
    if missing:
        raise RunDirectoryError(f"{path}, case {row.id}: asks lack {min(missing)!r}")
    if behaviour == "judged" and not {"uncued", "cued"} <= row.requests.keys():
        raise RunDirectoryError(f"{path}, case {row.id}: its replies are judged, and requests lack what they reply to")
    if behaviour in ("opening", "judged") and sorted(row.choices) != sorted((COMPLY, REFUSE)):
        raise RunDirectoryError(f"{path}, case {row.id}: its choices must be {COMPLY!r} and {REFUSE!r}")


def _check_ids(rows: Sequence[CaseRow], path: Path) -> None:
    """A case that stands twice would count twice."""
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            raise RunDirectoryError(f"{path}: case {row.id} stands there twice; restore the file or run again")
        seen.add(row.id)


def _table(rows: Sequence[CaseRow]) -> CaseTable:
    # As numpy's unique numbers them; an array of hashes would take a quarter of a kilobyte a case, several times over.
    clusters = [content_hash([row.task, row.cluster]) for row in rows]
    codes = {cluster: code for code, cluster in enumerate(sorted(set(clusters)))}
    return CaseTable(
        ids=np.array([row.id for row in rows]),
        tasks=np.array([row.task for row in rows]),
        items=np.array([row.item for row in rows]),
        clusters=np.array([codes[cluster] for cluster in clusters], dtype=np.int64),
        cue_kinds=np.array([row.cue_kind for row in rows]),
        cue_splits=np.array([row.cue_split for row in rows]),
        item_splits=np.array([row.item_split for row in rows]),
        hint=np.array([ABSENT if row.hint is None else row.hint for row in rows], dtype=np.int64),
        key=np.array([ABSENT if row.key is None else row.key for row in rows], dtype=np.int64),
        choices=np.array([len(row.choices) for row in rows], dtype=np.int64),
        placebo=np.array([row.cue_kind == PLACEBO for row in rows]),
        rewrite=np.array([row.edit == "rewrite" for row in rows]),
    )
