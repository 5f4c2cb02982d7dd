"""The baseline file: what a candidate is held against, who accepted it and why, in about 100 bytes a case.

A header line in JSON, then a line per case: `[id, hash, rolling, again, anchor]`. `rolling` holds the five numbers of
`outcomes.packed` and the two choices of every reference; `again` the five of what was asked twice, else null; `anchor`
the same as `rolling` for the pinned anchor, and is left out while the two are the same run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from introbench.errors import NotComparableError, UsageError
from introbench.files import disk_errors, write_whole
from introbench.gate.config import Rule
from introbench.gate.outcomes import EXPLAINED_COLUMNS, Outcomes, RunFacts
from introbench.hashing import canonical_json, text_hash
from introbench.metrics.arrays import Ints
from introbench.metrics.frozen import Frozen
from introbench.metrics.observations import ABSENT

__all__ = ["SCHEMA", "Baseline", "Entry", "accepted", "read_baseline", "write_baseline"]

SCHEMA = 1
UNASKED = [ABSENT, ABSENT, -2, ABSENT, ABSENT]
"""The numbers of a case that was not asked."""
SMALLEST, LARGEST = -2, 1000
"""Range of every number of a case: −2 for a missing explanation, 1000 for a probability of 1."""


class Entry(Frozen):
    """A change of the baseline, kept for good."""

    action: Literal["save", "accept", "pin"]
    """"save" makes the file, "accept" moves the rolling baseline, "pin" moves the anchor with it."""
    when: str
    """Date and time, UTC."""
    who: str
    """Who did it."""
    why: str
    """The reason that was given."""
    fingerprint: str
    """The model that became the baseline."""


class _Header(Frozen):
    introbench_baseline: Literal[1] = Field(default=1)
    rows: int
    rows_hash: str
    rolling: RunFacts
    anchor: RunFacts | None
    rules: list[Rule]
    history: list[Entry]
    estimates: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """What a candidate is held against.

    Attributes:
        rolling: what was accepted last.
        anchor: what was pinned, so that small steps cannot add up unseen; None while it is the same run.
        rules: the gates that held when it was made.
        history: every change of it.
        estimates: by "task/estimate", values that `introbench score --check` expects again.
    """

    rolling: Outcomes
    anchor: Outcomes | None
    rules: tuple[Rule, ...]
    history: tuple[Entry, ...]
    estimates: Mapping[str, float]


def accepted(
    before: Baseline, run: Outcomes, rules: Sequence[Rule], entry: Entry, estimates: Mapping[str, float]
) -> Baseline:
    """A baseline whose rolling side is another run. The anchor stays, unless the entry pins the run.

    Raises NotComparableError where the run asks other questions than the anchor, which then could not be compared.
    """
    if entry.action == "pin":
        return Baseline(run, None, tuple(rules), (*before.history, entry), estimates)
    anchor = before.anchor or before.rolling
    known = dict(zip(anchor.ids.tolist(), anchor.hashes.tolist(), strict=True))
    here = zip(run.ids.tolist(), run.hashes.tolist(), strict=True)
    if other := [case for case, asked in here if known.get(case, asked) != asked]:
        raise NotComparableError(
            f"{run.where}: {len(other)} cases ask other questions than the anchor, {other[0]} among them; --pin moves "
            "the anchor too"
        )
    return Baseline(run, anchor, tuple(rules), (*before.history, entry), estimates)


def write_baseline(path: Path, baseline: Baseline) -> int:
    """Write the file, whole or not at all; returns the number of its bytes."""
    rows = "".join(row + "\n" for row in _rows(baseline))
    header = _Header(
        rows=rows.count("\n"),
        rows_hash=text_hash(rows),
        rolling=baseline.rolling.facts,
        anchor=baseline.anchor.facts if baseline.anchor else None,
        rules=list(baseline.rules),
        history=list(baseline.history),
        estimates=dict(baseline.estimates),
    )
    data = (canonical_json(header.model_dump(mode="json")) + "\n" + rows).encode()
    write_whole(path, data)
    return len(data)


def _rows(baseline: Baseline) -> Iterator[str]:
    rolling, anchor = (_by_case(side) if side else {} for side in (baseline.rolling, baseline.anchor))
    again = dict(zip(baseline.rolling.ids.tolist(), baseline.rolling.again.tolist(), strict=True))
    for case in sorted(rolling.keys() | anchor.keys()):
        held = [side.get(case) for side in (rolling, anchor)]
        asked = next(entry[0] for entry in held if entry is not None)
        twice = again.get(case, UNASKED)
        row: list[Any] = [
            case,
            asked,
            held[0][1] if held[0] else None,
            None if twice == UNASKED else twice,
            held[1][1] if held[1] else None,
        ]
        while row[-1] is None:
            row.pop()
        yield canonical_json(row)


def _by_case(side: Outcomes) -> dict[str, tuple[str, list[int]]]:
    numbers = np.column_stack([side.target, *(side.references[model.name] for model in side.facts.references)])
    return {
        case: (asked, row)
        for case, asked, row in zip(side.ids.tolist(), side.hashes.tolist(), numbers.tolist(), strict=True)
    }


def read_baseline(path: Path) -> Baseline:
    """Read a baseline file.

    Raises UsageError (one line) where there is none yet, where it was made by another schema, or where it is not as it
    was written.
    """
    if not path.exists():
        raise UsageError(f"{path}: no baseline yet; make one with `introbench baseline save RUN -o {path}`")
    with disk_errors(path):
        data = path.read_bytes()
    first, _, rest = data.partition(b"\n")
    header = _header(path, first)
    try:
        text = rest.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: {_DAMAGED}") from error
    if text.count("\n") != header.rows or text_hash(text) != header.rows_hash:
        raise UsageError(f"{path}: {_DAMAGED}")
    rows = [_row(path, number, line) for number, line in enumerate(text.splitlines(), start=2)]
    anchor = _side(path, header.anchor, rows, 4) if header.anchor else None
    return Baseline(
        _side(path, header.rolling, rows, 2), anchor, tuple(header.rules), tuple(header.history), header.estimates
    )


_DAMAGED = "is not as it was written (cut off or edited); restore it, or make it again with `introbench baseline save`"


def _header(path: Path, line: bytes) -> _Header:
    try:
        found = json.loads(line)
        schema = found["introbench_baseline"]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: is no baseline file; `introbench baseline save` writes one") from error
    if schema != SCHEMA:
        known = isinstance(schema, int) and schema > SCHEMA
        way_out = "update introbench" if known else "make it again with `introbench baseline save`"
        raise UsageError(f"{path}: has schema {schema!r}, and this version reads {SCHEMA}; {way_out}")
    try:
        return _Header.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path}: header: {place}: {first['msg']}") from error


_HASH = re.compile(r"[0-9a-f]{16}")


def _row(path: Path, number: int, line: str) -> list[Any]:
    try:
        row = json.loads(line)
        known = isinstance(row, list) and 3 <= len(row) <= 5 and isinstance(row[0], str) and _HASH.fullmatch(row[1])
        sound = known and all(_numbers(part) for part in row[2:]) and (len(row) < 4 or len(row[3] or UNASKED) == 5)
    except (ValueError, TypeError):
        sound = False
    if not sound:
        raise UsageError(f"{path}:{number}: is no row of a case; restore the file")
    found: list[Any] = row
    return found + [None] * (5 - len(found))


def _numbers(part: object) -> bool:
    if part is None:
        return True
    return isinstance(part, list) and all(type(each) is int and SMALLEST <= each <= LARGEST for each in part)


def _side(path: Path, facts: RunFacts, rows: Sequence[list[Any]], column: int) -> Outcomes:
    width = EXPLAINED_COLUMNS + 2 * len(facts.references)
    held = [row for row in rows if row[column] is not None]
    if not held or any(len(row[column]) != width for row in held):
        raise UsageError(f"{path}: {_DAMAGED}")
    numbers = np.array([row[column] for row in held], dtype=np.int64)
    again: Ints = np.array([row[3] if column == 2 and row[3] else UNASKED for row in held], dtype=np.int64)
    return Outcomes(
        where=str(path) if column == 2 else f"anchor of {path}",
        facts=facts,
        ids=np.array([row[0] for row in held]),
        hashes=np.array([row[1] for row in held]),
        target=numbers[:, :EXPLAINED_COLUMNS],
        again=again,
        references={
            model.name: numbers[:, EXPLAINED_COLUMNS + 2 * place : EXPLAINED_COLUMNS + 2 * place + 2]
            for place, model in enumerate(facts.references)
        },
    )
