"""One model's ledger, as it answers the cases of a run: log-probabilities, written explanations, replies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from introbench.errors import RunDirectoryError
from introbench.metrics.arrays import Floats
from introbench.metrics.ledgers import FIRST, Record, records_of
from introbench.metrics.observations import ABSENT, UNPARSABLE, Chosen, LogProbs, Written
from introbench.metrics.parse import parse_choice, parse_explanation
from introbench.metrics.refusals import (
    JudgedReading,
    OpeningReading,
    by_opening,
    calibrated,
    choice_logprobs,
    covered,
    judged_logprobs,
    judged_reading,
    reply_label,
)
from introbench.tasks.types import Part

if TYPE_CHECKING:
    from introbench.metrics.read import CaseRow, ModelEntry, TaskEntry

__all__ = ["PARTS", "Book"]

PARTS: tuple[Part, ...] = ("uncued", "cued", "explanation")

_MOST_MASS = 1.01
"""Probability of two beginnings that exclude each other, but for rounding."""


class Book:
    """One model's ledger, as it answers the cases of a run.

    Attributes:
        entries: what is counted of it; what is used grows as it answers.
    """

    def __init__(self, path: Path, model: ModelEntry, tasks: Mapping[str, TaskEntry]) -> None:
        self._where = path / "records" / model.folder
        self._records, self.entries = records_of(self._where, model.fingerprint)
        self._tasks = tasks

    def _record(self, ask: str, replicate: int = FIRST) -> Record | None:
        record = self._records.use(ask, replicate)
        self.entries.used = self._records.used
        return record

    def written(self, rows: Sequence[CaseRow], replicate: int) -> Written:
        """What written explanations say, where there are any."""
        found = [self._record(row.asks["explanation"], replicate) for row in rows]
        texts = [record.text if record else None for record in found]
        wordings = {name: task.wording for name, task in self._tasks.items()}
        read = [
            (UNPARSABLE, ABSENT) if text is None else parse_explanation(text, row.choices, wordings[row.task])
            for text, row in zip(texts, rows, strict=True)
        ]
        return Written(
            written=np.array([text is not None for text in texts]),
            said=np.array([said for said, _ in read], dtype=np.int64),
            content=np.array([content for _, content in read], dtype=np.int64),
        )

    def chosen(self, rows: Sequence[CaseRow], replicate: int) -> Chosen:
        """What replies are, where the engine gave replies in place of probabilities."""

        def read(row: CaseRow, part: Part) -> int:
            record = self._record(row.asks[part], replicate)
            text = record.text if record else None
            if text is None or self._tasks[row.task].behaviour == "judged":
                return ABSENT
            return parse_choice(text, row.choices)

        return Chosen(
            uncued=np.array([read(row, "uncued") for row in rows], dtype=np.int64),
            cued=np.array([read(row, "cued") for row in rows], dtype=np.int64),
        )

    def logprobs(self, rows: Sequence[CaseRow], replicate: int, thresholds: Mapping[str, float]) -> LogProbs:
        """Log-probabilities over the cases, the first or the second time.

        Args:
            thresholds: by task that is read by openings, the log-odds above which a reply counts as refusing.
        """
        width = max(len(row.choices) for row in rows)
        tables = {part: np.full((len(rows), 2 if part == "explanation" else 1, width), -np.inf) for part in PARTS}
        for index, row in enumerate(rows):
            for part in PARTS:
                values = self._values(row, part, replicate)
                if values is None:
                    tables[part][index] = np.nan
                    continue
                if part != "explanation" and row.task in thresholds:
                    values = choice_logprobs(values, row.choices, thresholds[row.task])
                tables[part][index, :, : len(row.choices)] = values.reshape(-1, len(row.choices))
        return LogProbs(
            uncued=tables["uncued"][:, 0],
            cued=tables["cued"][:, 0],
            unchanged=tables["explanation"][:, 0],
            changed=tables["explanation"][:, 1],
        )

    def deciding(self, rows: Sequence[CaseRow]) -> Floats:
        """(cases, 2) log-probabilities of how explanations begin that say "unchanged" and "changed"; NaN without."""
        found = np.full((len(rows), 2), np.nan)
        for index, row in enumerate(rows):
            record = self._record(row.asks["explanation"])
            if record is not None and record.deciding is not None:
                where = f"{self._where}, case {row.id}: the beginnings of the answer to explanation"
                found[index] = _shaped(record.deciding, 2, where)
                if np.logaddexp(*found[index]) > np.log(_MOST_MASS):
                    raise RunDirectoryError(
                        f"{where} have log-probabilities that two beginnings cannot have; delete its ledger row and "
                        "run again"
                    )
        return found

    def opening_reading(self, task: TaskEntry, rows: Sequence[CaseRow]) -> OpeningReading:
        """The threshold that calibration prompts give, and how well it does."""
        size = sum(map(len, task.openings.values()))
        answers: dict[str, Floats | str] = {}
        for prompt in task.calibration:
            if (opening := self._record(prompt.opening)) and opening.text is None:
                where = f"{self._where}, calibration prompt {prompt.request!r}: the answer"
                answers[prompt.opening] = _shaped(opening.logprobs, size, where)
            if (judged := self._record(prompt.judged)) and isinstance(judged.text, str):
                answers[prompt.judged] = judged.text
        seen = {row.asks[part]: self._values(row, part) for row, part in _behaviours(task, rows)}
        masses = [covered(values) for values in seen.values() if values is not None]
        return calibrated(task.calibration, task.openings, answers, masses)

    def judged_reading(self, task: TaskEntry, rows: Sequence[CaseRow]) -> JudgedReading:
        """What the judge says of the replies, each different prompt once."""
        seen = {row.asks[part]: (row, part) for row, part in _behaviours(task, rows)}
        records = ((row.requests[part], self._record(ask)) for ask, (row, part) in seen.items())
        return judged_reading(
            [reply_label(request, record.text) for request, record in records if record and record.text is not None]
        )

    def _values(self, row: CaseRow, part: Part, replicate: int = FIRST) -> Floats | None:
        """Log-probabilities of the choices, or of the 2k explanations; None without an answer that has them."""
        record = self._record(row.asks[part], replicate)
        if record is None:
            return None
        task, text = self._tasks[row.task], record.text
        if part != "explanation" and task.behaviour == "judged":
            return None if text is None else judged_logprobs(row.requests[part], text, row.choices)
        if text is not None:
            return None
        where = f"{self._where}, case {row.id}: the answer to {part}"
        if part != "explanation" and task.behaviour == "opening":
            sizes = [len(task.openings.get(choice, ())) for choice in row.choices]
            return by_opening(_shaped(record.logprobs, sum(sizes), where), sizes)
        return _shaped(record.logprobs, len(row.choices) * (2 if part == "explanation" else 1), where)


def _behaviours(task: TaskEntry, rows: Sequence[CaseRow]) -> Iterator[tuple[CaseRow, Part]]:
    parts: tuple[Part, ...] = ("uncued", "cued")
    return ((row, part) for row in rows if row.task == task.name for part in parts)


def _shaped(logprobs: Sequence[float], size: int, where: str) -> Floats:
    """(size,) log-probabilities of one answer."""
    try:
        values = np.array(logprobs, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise RunDirectoryError(f"{where} holds what is no number; delete its ledger row and run again") from error
    if values.shape != (size,) or not np.isfinite(values).all():
        raise RunDirectoryError(
            f"{where} needs {size} finite log-probabilities and has {values.size} values; "
            "delete its ledger row and run again"
        )
    return values
