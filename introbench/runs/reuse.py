"""Taking over answers of other runs: the same question to the same model in the same tokens is not asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from introbench.errors import RunDirectoryError
from introbench.runs.ledger import Ledger, LedgerRow, as_row, read_ledger, request_key
from introbench.runs.packing import Pack

__all__ = ["Answered", "answered_in", "take_over"]

Answered = Mapping[str, LedgerRow]
"""Rows of other runs by key. The key holds the model's fingerprint, so a row can serve no other model."""

_MARK = "reused "


def answered_in(runs: Sequence[Path]) -> Answered:
    """All rows of some runs' ledgers. Raises RunDirectoryError where a folder holds no run, or a row is none."""
    found: dict[str, LedgerRow] = {}
    for run in runs:
        if not (run / "manifest.json").is_file():
            raise RunDirectoryError(f"--reuse {run}: holds no run (no manifest.json); name a folder that a run wrote")
        for file in sorted((run / "records").glob("*/*.jsonl")):
            for row in map(as_row, read_ledger(file)):
                known = found.get(row.key)
                # Of two answers to the same question the first, unless the second says more.
                if known is None or (known.deciding is None and row.deciding is not None):
                    found[row.key] = row
    return found


def take_over(packs: Sequence[Pack], fingerprint: str, ledgers: Mapping[str, Ledger], answered: Answered) -> int:
    """Write into the ledgers what the packs ask and other runs have answered; returns the number of rows.

    A row that was asked in other tokens is left out and asked anew. Rows taken over say so in `pack`: they were
    computed in other company, which can move a log-probability in its last digits.
    """
    taken = 0
    for pack in packs:
        rows = []
        for asked in pack.asked:
            row = answered.get(request_key(asked.ask, fingerprint, pack.replicate))
            if row is not None and row.tokens == asked.tokens and not ledgers[pack.task].holds(row.key, row.tokens):
                rows.append(replace(row, pack=_MARK + row.pack.removeprefix(_MARK)))
        if rows:
            ledgers[pack.task].append(rows)
            taken += len(rows)
    return taken
