"""Tables that users bring: CSV, TSV, JSONL, JSON and parquet files, folders, and data sets of the Hugging Face hub."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from introbench.errors import TaskError
from introbench.tasks.delimited import decode, is_damaged, read_delimited
from introbench.tasks.rows import BadRow, Row, Table

__all__ = ["read_table"]

_DELIMITED = {".csv", ".tsv", ".txt"}
_FILES = (*sorted(_DELIMITED), ".jsonl", ".ndjson", ".json", ".parquet")
_JSON_SPACE = " \t\r\n"


def read_table(source: str) -> Table:
    """Read a table.

    Args:
        source: a file (CSV, TSV, JSONL, JSON, parquet; delimiter and encoding are detected), or what
            `datasets` loads: a folder, FOLDER:CONFIG/SPLIT, or an id ORG/NAME[@REVISION][:CONFIG][/SPLIT] of
            the hub. Without a split the one called "test" is read, or the only one.

    Rows that cannot be read stand in `Table.bad`, with file and line. Raises TaskError that says the way
    out where the source is absent, gated, empty, of no known form, or holds no row at all.
    """
    path = Path(source).expanduser()
    if not path.is_file():
        if path.suffix.lower() in _FILES:
            raise TaskError(f"{source}: no such file")
        from introbench.tasks.hub import read_dataset

        return _filled(read_dataset(source))
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        from introbench.tasks.hub import read_parquet

        return _filled(read_parquet(path))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TaskError(f"{path}: cannot be read ({error.strerror})") from error
    if suffix in _DELIMITED:
        return _filled(read_delimited(path, data))
    if suffix in (".jsonl", ".ndjson", ".json"):
        return _filled(_read_json(path, data, by_line=suffix != ".json"))
    raise TaskError(f"{path}: of no known form; the name of a table ends with {', '.join(_FILES)}")


def _filled(table: Table) -> Table:
    if not table.rows and not table.bad:
        raise TaskError(f"{table.source}: holds no rows")
    return table


def _read_json(path: Path, data: bytes, *, by_line: bool) -> Table:
    text, encoding = decode(path, data)
    start = text.lstrip(_JSON_SPACE)
    if not by_line and start.startswith("{") and (wrapped := _wrapped_records(start)) is not None:
        found: Iterable[tuple[str, Any]] = ((f"{path}: record {n}", row) for n, row in enumerate(wrapped, start=1))
        form = "JSON"
    elif not by_line and start.startswith("["):
        found, form = _array_records(path, text), "JSON"
    else:
        found, form = _line_records(path, text), "JSONL"
    rows: list[Row] = []
    bad: list[BadRow] = []
    for where, record in found:
        if isinstance(record, BadRow):
            bad.append(record)
        elif not isinstance(record, dict):
            bad.append(BadRow(where, "not a JSON object"))
        elif is_damaged(str(record)):
            bad.append(BadRow(where, f"bytes that are not {encoding}"))
        else:
            rows.append(Row(where, record))
    columns = tuple(dict.fromkeys(name for row in rows for name in row.values))
    return Table(str(path), columns, tuple(rows), tuple(bad), f"{form}, encoding {encoding}")


def _wrapped_records(text: str) -> list[Any] | None:
    """The records of one JSON object around them, as {"data": [...]}; None where the text is something else."""
    try:
        whole = json.loads(text)
    except ValueError:
        return None
    lists = [value for value in whole.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
    return lists[0] if len(lists) == 1 else None


def _line_records(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"{path}:{number}"
            try:
                yield where, json.loads(line)
            except ValueError:
                yield where, BadRow(where, "not JSON")


def _array_records(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    """Records of a JSON list with the lines on which they begin."""
    decoder = json.JSONDecoder()
    line, counted = 1, 0
    at = _behind_space(text, text.index("[") + 1)
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        try:
            record, end = decoder.raw_decode(text, at)
        except ValueError as error:
            raise TaskError(f"{path}:{line}: the record that begins there is not JSON ({error})") from error
        yield f"{path}:{line}", record
        at = _behind_space(text, end)
        if text[at : at + 1] == ",":
            at = _behind_space(text, at + 1)
        elif text[at : at + 1] != "]":
            raise TaskError(f"{path}:{line}: no comma and no ']' behind the record that begins there")


def _behind_space(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _JSON_SPACE:
        at += 1
    return at
