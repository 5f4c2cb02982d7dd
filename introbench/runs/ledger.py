"""The ledger: a row per request answered, appended and flushed as it comes; cache, resume and audit in one."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from introbench.errors import RunDirectoryError
from introbench.files import disk_errors
from introbench.hashing import canonical_json, content_hash

__all__ = [
    "Ledger",
    "LedgerRow",
    "as_row",
    "canonical_ledger",
    "ledger_rows",
    "read_ledger",
    "request_key",
    "row_check",
]

_NOT_CANONICAL = ("host", "time")
_CHECK = "check"
_CHECK_DIGITS = 16


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One answered request.

    Attributes:
        key: hash of what was asked, of whom, and which replicate.
        ask: hash of the messages and choices.
        replicate: 0, or the number of a repeated measurement.
        tokens: hash of the token ids, None where the backend has none.
        logprobs: summed log-probability per choice in nats, rounded to 6 decimals; empty for a written reply.
        text: the reply, where one was written.
        pack: which pack of the plan computed it, and behind a "/" which part, where memory did not hold the whole.
        time: seconds since the epoch when it was written.
        host: start of the hash of the machine's name: tells machines apart and names none.
        deciding: log-probabilities of how explanations begin that say "unchanged" and "changed", up to the token at
            which they part; None, and not written, where they were not scored.
    """

    key: str
    ask: str
    replicate: int
    tokens: str | None
    logprobs: tuple[float, ...]
    text: str | None
    pack: str
    time: float
    host: str
    deciding: tuple[float, float] | None = None


def request_key(ask: str, fingerprint: str, replicate: int = 0) -> str:
    """Ledger key of a request: no other model, question or replicate has it."""
    return content_hash([ask, fingerprint, replicate])


class Ledger:
    """The ledger of one model and task, as one rank writes it. Opening it repairs a torn last line.

    The first rank writes the ledger file, any other one a file of its own beside it, which `merge` folds in.

    Raises RunDirectoryError where a file cannot be read or written, or a row is not a ledger row.
    """

    def __init__(self, path: Path, rank: int = 0) -> None:
        self.path = path
        self._own = path.with_name(f"{path.stem}.rank-{rank}{path.suffix}") if rank else path
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _repair(self._own)
        rows = read_ledger(path) if path.exists() else []
        self._tokens: dict[str, str | None] = {row["key"]: row["tokens"] for row in rows}

    def holds(self, key: str, tokens: str | None) -> bool:
        """Whether a request is answered. Raises RunDirectoryError where it was asked in other tokens."""
        if key not in self._tokens:
            return False
        if self._tokens[key] != tokens:
            raise RunDirectoryError(
                f"{self.path}: holds an answer to other token ids for the same question; the tokenizer or chat "
                "template renders differently now: choose another --out"
            )
        return True

    def append(self, rows: Iterable[LedgerRow]) -> None:
        """Write rows whose keys are not there yet, in one write, and flush them to the disk."""
        fresh = [row for row in rows if row.key not in self._tokens]
        data = "".join(_line(_fields(row)) for row in fresh).encode()
        with disk_errors(self._own), self._own.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._tokens.update((row.key, row.tokens) for row in fresh)

    def merge(self) -> None:
        """Fold in what other ranks have written, and remove their files: for the first rank, while no other writes.

        Killed in between, it does the rest when it is called again.
        """
        for file in sorted(self.path.parent.glob(f"{glob.escape(self.path.stem)}.rank-*{self.path.suffix}")):
            self.append(map(as_row, read_ledger(file)))
            with disk_errors(file):
                file.unlink()


def ledger_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a ledger file, one by one. A torn last line is left out.

    Raises RunDirectoryError, by number, for any other line that is no row or is not as it was written.
    """
    with disk_errors(path), path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                row = json.loads(line)
                _ = row["key"], row["ask"], row["tokens"], row["logprobs"]
                altered = _CHECK in row and row[_CHECK] != row_check(row)
            except (ValueError, KeyError, TypeError) as error:
                raise RunDirectoryError(f"{path}:{number}: not a ledger row; restore the file or delete it") from error
            if altered:
                raise RunDirectoryError(
                    f"{path}:{number}: was changed after it was written; restore the file, or delete the line and run "
                    "again"
                )
            yield row


def read_ledger(path: Path) -> list[Mapping[str, Any]]:
    """All rows of a ledger file, as `ledger_rows` yields them."""
    return list(ledger_rows(path))


def canonical_ledger(path: Path) -> bytes:
    """A ledger without times and hosts, sorted by key: equal for equal measurements."""
    rows = sorted(read_ledger(path), key=lambda row: str(row["key"]))
    return "".join(
        canonical_json({name: value for name, value in row.items() if name not in _NOT_CANONICAL}) + "\n"
        for row in rows
    ).encode()


def as_row(found: Mapping[str, Any]) -> LedgerRow:
    """A row as it was read from a file. Raises RunDirectoryError where its log-probabilities are no list."""
    values = {name: value for name, value in found.items() if name != _CHECK}
    deciding = found.get("deciding")
    if not isinstance(found["logprobs"], list) or not isinstance(deciding, list | None):
        raise RunDirectoryError(
            f"ledger row {found['key']}: its log-probabilities are no list; restore the file, or delete the line and "
            "run again"
        )
    lists = {"logprobs": tuple(found["logprobs"]), "deciding": None if deciding is None else tuple(deciding)}
    return LedgerRow(**{**values, **lists})


def _fields(row: LedgerRow) -> dict[str, Any]:
    found = asdict(row)
    return found if row.deciding is not None else {name: found[name] for name in found if name != "deciding"}


def _line(row: Mapping[str, Any]) -> str:
    return canonical_json({**row, _CHECK: row_check(row)}) + "\n"


def row_check(row: Mapping[str, Any]) -> str:
    """A hash that tells an accident or a slip of an editor; it does not stop who means to invent a row."""
    held = {name: value for name, value in row.items() if name not in (*_NOT_CANONICAL, _CHECK)}
    return content_hash(held)[:_CHECK_DIGITS]


def _repair(path: Path) -> None:
    # A row is whole only with its newline: what stands behind the last one was cut off while being written.
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with path.open("r+b") as file:
            file.truncate(whole)
