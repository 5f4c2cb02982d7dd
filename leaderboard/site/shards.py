"""Data as files that a page from disk can load: scripts that hand over one packed text, none larger than a megabyte."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from introbench.errors import UsageError

__all__ = ["MOST_BYTES", "packed", "parts"]

MOST_BYTES = 1_000_000
"""Of one file, as the server sends it."""


def packed(name: str, value: Any) -> bytes:
    """A script that gives a value to the page that asked for `data/<name>.js`.

    The value is JSON, compressed and in base64, so that nothing in it can be taken for a script.
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    letters = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    return f'board.take({json.dumps(name)},"{letters}");\n'.encode()


def parts(stem: str, count: int, make: Callable[[int, int], Any]) -> Iterator[tuple[int, str, bytes]]:
    """A value in as many files as its size demands: place of the first row, name and bytes of each.

    Args:
        stem: name without the number of the part.
        count: number of rows.
        make: the value of the rows from the first place to before the second.

    Raises UsageError where a single row is too large.
    """
    open_ranges = [(0, count)]
    number = 0
    while open_ranges:
        start, end = open_ranges.pop()
        name = f"{stem}-{number}"
        data = packed(name, make(start, end))
        if len(data) <= MOST_BYTES:
            yield start, name, data
            number += 1
        elif end - start > 1:
            middle = (start + end) // 2
            open_ranges += [(middle, end), (start, middle)]
        else:
            raise UsageError(f"{stem}: one case alone needs {len(data)} bytes; at most {MOST_BYTES} fit into a file")
