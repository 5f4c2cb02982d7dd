"""Canonical JSON, content hashes, and randomness that depends on names only, never on order."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "Json",
    "bytes_hash",
    "canonical_json",
    "content_hash",
    "file_hash",
    "named_random",
    "sequence_hash",
    "text_hash",
]

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]

_CHUNK_BYTES = 1 << 20
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Json) -> str:
    """One text per value: keys sorted, no spaces, no NaN, non-ASCII letters kept."""
    return _CANONICAL.encode(value)


def bytes_hash(data: bytes) -> str:
    """sha256 of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def text_hash(text: str) -> str:
    """sha256 of a text's UTF-8 bytes, in hex."""
    return bytes_hash(text.encode("utf-8"))


def content_hash(value: Json) -> str:
    """sha256 of a value's canonical JSON, in hex."""
    return text_hash(canonical_json(value))


def sequence_hash(values: Iterable[Json]) -> str:
    """The content hash of a list, one entry in memory at a time."""
    digest = hashlib.sha256(b"[")
    for number, value in enumerate(values):
        digest.update(("," * (number > 0) + canonical_json(value)).encode("utf-8"))
    digest.update(b"]")
    return digest.hexdigest()


def file_hash(path: str) -> str:
    """sha256 of a file's bytes, in hex. Raises OSError where the file cannot be read."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def named_random(seed: int, *names: str) -> random.Random:
    """A generator that depends on the seed and the names alone.

    Draws for one item are therefore the same under any limit, subset, order, world size, batch or
    resume point.
    """
    return random.Random(content_hash([seed, *names]))
