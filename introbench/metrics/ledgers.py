"""One model's ledger, read and counted: nothing that stands in it goes unmentioned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from introbench.metrics.frozen import Frozen
from introbench.runs.ledger import read_ledger

__all__ = ["Entries", "LedgerCounts", "model_ledger"]


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
    used: set[str] = field(default_factory=set)

    def counted(self) -> LedgerCounts:
        return LedgerCounts(
            rows=self.rows,
            repeated=self.repeated,
            shared=self.rows - self.repeated - self.different,
            used=len(self.used),
            unused=self.different - len(self.used),
        )


def model_ledger(folder: Path) -> tuple[dict[str, Mapping[str, Any]], Entries]:
    """Ledger rows by key, wherever in a model's folder the requests were answered, and their number."""
    # A request may stand twice where two tasks share it; the first answer is the one that is used.
    found: dict[str, Mapping[str, Any]] = {}
    entries = Entries()
    for file in sorted(folder.glob("*.jsonl")):
        records = read_ledger(file)
        entries.rows += len(records)
        entries.repeated += len(records) - len({record["key"] for record in records})
        for record in records:
            found.setdefault(record["key"], record)
    entries.different = len(found)
    return found, entries
