"""One model's ledger, read and counted: nothing that stands in it goes unmentioned."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introbench.metrics.frozen import Frozen
from introbench.runs.ledger import ledger_rows, request_key

__all__ = ["FIRST", "Entries", "LedgerCounts", "Record", "model_ledger", "records_of"]

FIRST = 0
"""Replicate number of what every case is asked."""


class LedgerCounts(Frozen):
    """What became of the rows of one model's ledger."""

    rows: int = 0
    """Rows read; a torn last line of a file is none."""
    repeated: int = 0
    """Rows whose request stands in the same file before; they are not used, and a run writes none."""
    shared: int = 0
    """Rows whose request stands in another file too, as where two tasks share it; one of them is used."""
    used: int = 0
    """Different requests that answer a question of the cases."""
    unused: int = 0
    """Different requests that answer none: of another fingerprint, or of cases that are not there."""


@dataclass(slots=True)
class Entries:
    """What is counted of one model's ledger while it is read."""

    rows: int = 0
    repeated: int = 0
    different: int = 0
    used: int = 0

    def counted(self) -> LedgerCounts:
        return LedgerCounts(
            rows=self.rows,
            repeated=self.repeated,
            shared=self.rows - self.repeated - self.different,
            used=self.used,
            unused=self.different - self.used,
        )


@dataclass(slots=True)
class Record:
    """What the metrics need of a ledger row.

    Attributes:
        logprobs: nats of what was scored, in the order of the request.
        text: the reply, where one was written.
        used: whether it has answered a question.
    """

    logprobs: Sequence[float]
    text: str | None
    used: bool = False


def model_ledger(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Ledger rows by key, wherever in a model's folder the requests were answered."""
    # A request may stand twice where two tasks share it; the first answer is the one that is used.
    found: dict[str, Mapping[str, Any]] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for record in ledger_rows(file):
            found.setdefault(record["key"], record)
    return found


def records_of(folder: Path, fingerprint: str) -> tuple[dict[tuple[int, str], Record], Entries]:
    """The same without what no metric reads: by replicate and hash of what was asked, and how many rows there are.

    Rows of another fingerprint are counted only.
    """
    found: dict[tuple[int, str], Record] = {}
    foreign: set[str] = set()
    entries = Entries()
    for file in sorted(folder.glob("*.jsonl")):
        here: set[str] = set()
        for row in ledger_rows(file):
            entries.rows += 1
            entries.repeated += row["key"] in here
            here.add(row["key"])
            replicate, ask = row.get("replicate", FIRST), sys.intern(str(row["ask"]))
            if row["key"] != request_key(ask, fingerprint, replicate):
                foreign.add(row["key"])
            elif (replicate, ask) not in found:
                found[replicate, ask] = Record(_compact(row["logprobs"]), row.get("text"))
    entries.different = len(found) + len(foreign)
    return found, entries


def _compact(values: Sequence[float]) -> Sequence[float]:
    """Eight bytes a number. What is no number is kept, for whoever reads it to say where it stands."""
    try:
        return array("d", values)
    except (TypeError, ValueError, OverflowError):
        return values
