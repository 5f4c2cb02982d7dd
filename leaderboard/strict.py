"""JSON from strangers: one text per value, no name twice, no number that is none, nothing too deep or too long."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from introbench.hashing import canonical_json
from introbench_leaderboard.archive import Limits

__all__ = ["JsonError", "strict_json", "strict_rows"]

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_LONGEST_NUMBER = 40
_NUMBER = re.compile(rb"[-+0-9.eE]{%d,}" % (_LONGEST_NUMBER + 1))


class JsonError(ValueError):
    """A text that is not taken as JSON.

    Attributes:
        code: short name of the reason.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def strict_json(data: bytes, limits: Limits, *, canonical: bool = True) -> Any:
    """The value of a JSON text.

    Args:
        canonical: take only the one text that introbench writes for this value.

    Raises JsonError.
    """
    if _depth(data, limits.depth) > limits.depth:
        raise JsonError("json-depth", f"is nested deeper than {limits.depth} levels")
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number)
    except JsonError:
        raise
    except UnicodeDecodeError as error:
        raise JsonError("json-encoding", "is no UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise JsonError("json-syntax", f"is no JSON ({error})") from error
    try:
        text = canonical_json(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise JsonError("json-encoding", "holds half of a surrogate pair") from error
    except ValueError as error:
        raise JsonError("json-number", "holds a number beyond all bounds") from error
    if canonical and text != data:
        raise JsonError("json-form", "is not written as introbench writes it (order, spaces, digits or escapes)")
    return value


def strict_rows(data: bytes, limits: Limits) -> Iterator[tuple[int, Any]]:
    """Number and value of each row of a file of rows. Raises JsonError, naming the line."""
    if data and not data.endswith(b"\n"):
        raise JsonError("rows-torn", "ends in the middle of a row")
    start, number = 0, 0
    while start < len(data):
        number += 1
        end = data.index(b"\n", start)
        if end - start > limits.line:
            raise JsonError("rows-line", f"line {number} has more than {limits.line} bytes")
        if number > limits.rows:
            raise JsonError("rows-count", f"holds more than {limits.rows} rows")
        try:
            yield number, strict_json(data[start:end], limits)
        except JsonError as error:
            raise JsonError(error.code, f"line {number} {error}") from error
        start = end + 1


def _depth(data: bytes, most: int) -> int:
    """How deep brackets are nested outside of strings; it stops counting behind `most`."""
    bare = _STRING.sub(b"", data)
    if _NUMBER.search(bare):
        raise JsonError("json-number", f"holds a number of more than {_LONGEST_NUMBER} digits")
    depth = deepest = 0
    for mark in _BRACKET.findall(bare):
        if mark in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > most:
                break
        else:
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise JsonError("json-duplicate", "names something twice in one object")
    return found


def _no_number(text: str) -> NoReturn:
    raise JsonError("json-number", f"holds {text}")
