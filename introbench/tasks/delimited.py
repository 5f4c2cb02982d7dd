"""Reading CSV and TSV: which encoding, which delimiter, and on which line every record begins."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from introbench.errors import TaskError
from introbench.tasks.rows import BadRow, Row, Table

__all__ = ["decode", "is_damaged", "read_delimited"]

_DELIMITERS = (",", ";", "\t", "|")
# Stands in no text: the delimiter of a file with one column.
_NO_DELIMITER = "\x1f"
_SNIFFED_RECORDS = 200
# Longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DAMAGED = re.compile("[\udc80-\udcff]")


def decode(path: Path, data: bytes) -> tuple[str, str]:
    """The text of a file and its encoding: by byte order mark, else UTF-8, else the likeliest other one.

    A byte here and there that is no UTF-8 stays in the text as a lone surrogate; see `is_damaged`.
    Raises TaskError where no encoding fits.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(path, data, encoding), encoding.removesuffix("-sig")
    if wide := _wide_encoding(data):
        return _decoded(path, data, wide), wide
    text = data.decode("utf-8", "surrogateescape")
    damaged = len(_DAMAGED.findall(text))
    other = sum(not letter.isascii() for letter in text) - damaged if damaged else 0
    if damaged <= other:
        return text, "utf-8"
    # Imported here: most files are UTF-8 and do not pay for it.
    from charset_normalizer import from_bytes

    matches = from_bytes(data, cp_isolation=list(_LEGACY))
    likely = {name for match in matches if match.chaos <= matches[0].chaos for name in match.could_be_from_charset}
    for encoding in _LEGACY:
        if encoding in likely:
            return data.decode(encoding), encoding
    raise TaskError(f"{path}: its encoding cannot be told; save it as UTF-8")


_LEGACY = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "shift_jis", "euc_jp", "gb18030", "euc_kr", "big5")
"""Encodings that spreadsheets write; of those that fit a text equally well, the first is taken."""


def is_damaged(text: str) -> bool:
    """Whether a text holds bytes that were not of the file's encoding."""
    return bool(_DAMAGED.search(text))


def read_delimited(path: Path, data: bytes) -> Table:
    """Read CSV or TSV with a header. Newlines may stand inside quotes.

    Raises TaskError where there is no header, a column's name stands twice, or a quote is never closed.
    """
    text, encoding = decode(path, data)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(text)
    records = _records(path, text, delimiter)
    header = next(records, None)
    if header is None or isinstance(header[1], str):
        raise TaskError(f"{path}: has no header; its first line must name the columns")
    columns = tuple(name.strip() or f"column {number}" for number, name in enumerate(header[1], start=1))
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise TaskError(f"{path}:{header[0]}: the column {twice!r} stands twice; rename one")
    rows: list[Row] = []
    bad: list[BadRow] = []
    for line, fields in records:
        where = f"{path}:{line}"
        if isinstance(fields, str):
            bad.append(BadRow(where, fields))
        elif len(fields) != len(columns):
            bad.append(BadRow(where, f"{len(fields)} fields where the header has {len(columns)}"))
        elif any(map(is_damaged, fields)):
            bad.append(BadRow(where, f"bytes that are not {encoding}"))
        else:
            rows.append(Row(where, dict(zip(columns, fields, strict=True))))
    shown = "one column" if delimiter == _NO_DELIMITER else f"delimiter {delimiter!r}"
    return Table(str(path), columns, tuple(rows), tuple(bad), f"{shown}, encoding {encoding}")


def _decoded(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise TaskError(f"{path}: begins like {encoding} but is not; save it as UTF-8") from error


def _wide_encoding(data: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of Latin text is then zero, which no text is otherwise."""
    sample = data[:4096]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if max(even, odd) * 4 < len(sample):
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _delimiter(text: str) -> str:
    """The delimiter under which most records have as many fields as the header, then the one with more fields."""
    best = (0.0, 1, _NO_DELIMITER)
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            lengths = [len(record) for record in islice(reader, _SNIFFED_RECORDS) if record]
        except csv.Error:
            continue
        if lengths and lengths[0] > 1:
            share = sum(length == lengths[0] for length in lengths) / len(lengths)
            best = max(best, (share, lengths[0], delimiter), key=lambda found: found[:2])
    return best[2]


def _records(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, Sequence[str] | str]]:
    """Records with the line on which they begin; a text in place of fields says what is wrong with them."""
    # Strict, because a quote that is not closed would otherwise swallow the rows behind it without a word.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise TaskError(f"{path}:{line}: a quote opens in this record and is never closed") from error
            yield line, f"not readable as CSV ({error})"
        else:
            if record:
                yield line, record
