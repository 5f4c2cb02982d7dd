"""One model's ledger, read and counted: nothing that stands in it goes unmentioned."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introbench.metrics.frozen import Frozen
from introbench.runs.ledger import ledger_rows, request_key

__all__ = ["FIRST", "Entries", "LedgerCounts", "Record", "Records", "model_ledger", "records_of"]

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


@dataclass(frozen=True, slots=True)
class Record:
    """What the metrics need of a ledger row.

    Attributes:
        logprobs: nats of what was scored, in the order of the request.
        text: the reply, where one was written.
        deciding: nats of how explanations begin that say "unchanged" and "changed"; None where they were not scored.
    """

    logprobs: Sequence[float]
    text: str | None
    deciding: Sequence[float] | None = None


class Records:
    """The answers of one model, each different request once: eight bytes a number, so that a long ledger stays small.

    Attributes:
        used: number of different requests that `use` has found.
    """

    def __init__(self) -> None:
        self.used = 0
        self._places: dict[int, dict[bytes, int]] = {FIRST: {}}
        self._values = array("d")
        self._ends = array("Q")
        self._texts: dict[int, str | None] = {}
        self._odd: dict[int, tuple[Sequence[float], Sequence[float] | None]] = {}
        self._deciding = bytearray()
        self._seen = bytearray()

    def __len__(self) -> int:
        return len(self._ends)

    def add(
        self,
        ask: str,
        replicate: int,
        logprobs: Sequence[float],
        text: str | None,
        deciding: Sequence[float] | None = None,
    ) -> None:
        """Keep a row, unless its request is there."""
        places, key = self._places.setdefault(replicate, {}), _digest(ask)
        if key in places:
            return
        place = places[key] = len(self._ends)
        try:
            values, two = array("d", logprobs), array("d", () if deciding is None else deciding)
            if deciding is not None and len(two) != 2:
                raise ValueError
            self._values.extend(values + two)
        except (TypeError, ValueError, OverflowError):
            # What is no number is kept, for whoever reads it to say where it stands.
            two = array("d")
            self._odd[place] = logprobs, deciding
        self._deciding.append(len(two))
        self._ends.append(len(self._values))
        self._seen.append(False)
        if text is not None:
            self._texts[place] = text

    def get(self, ask: str, replicate: int = FIRST) -> Record | None:
        """The answer to a request, or None."""
        place = self._places.get(replicate, {}).get(_digest(ask))
        return None if place is None else self._record(place)

    def use(self, ask: str, replicate: int) -> Record | None:
        """The same, and the request counts as used."""
        place = self._places.get(replicate, {}).get(_digest(ask))
        if place is None:
            return None
        self.used += not self._seen[place]
        self._seen[place] = True
        return self._record(place)

    def _record(self, place: int) -> Record:
        if place in self._odd:
            logprobs, deciding = self._odd[place]
            return Record(logprobs, self._texts.get(place), deciding)
        start, end = self._ends[place - 1] if place else 0, self._ends[place]
        behind = end - self._deciding[place]
        return Record(self._values[start:behind], self._texts.get(place), self._values[behind:end] or None)


def model_ledger(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Ledger rows by key, wherever in a model's folder the requests were answered."""
    # A request may stand twice where two tasks share it; the first answer is the one that is used.
    found: dict[str, Mapping[str, Any]] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for record in ledger_rows(file):
            found.setdefault(record["key"], record)
    return found


def records_of(folder: Path, fingerprint: str) -> tuple[Records, Entries]:
    """The same without what no metric reads: the answers by request, and how many rows there are.

    Rows of another fingerprint are counted only.
    """
    found = Records()
    foreign: set[str] = set()
    entries = Entries()
    for file in sorted(folder.glob("*.jsonl")):
        here: set[bytes] = set()
        for row in ledger_rows(file):
            entries.rows += 1
            key = _digest(row["key"])
            entries.repeated += key in here
            here.add(key)
            replicate, ask = row.get("replicate", FIRST), str(row["ask"])
            if row["key"] != request_key(ask, fingerprint, replicate):
                foreign.add(row["key"])
            else:
                found.add(ask, replicate, row["logprobs"], row.get("text"), row.get("deciding"))
    entries.different = len(found) + len(foreign)
    return found, entries


def _digest(text: str) -> bytes:
    """A hash in half of the room that its text takes."""
    return hashlib.blake2b(str(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()
