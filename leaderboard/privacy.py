"""What must not be published by accident: secrets, paths of one machine, names of its users; and texts that act."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from introbench.texts import inert

__all__ = ["is_local_path", "private_in", "private_texts", "texts_in"]

_MARKUP = re.compile("[<>]")

_PRIVATE = {
    "a path of one machine": re.compile(
        r"(?<![\w.~:/-])(?:~[\w-]*/|/(?:home|root|Users|tmp|mnt|data|var|opt|srv|etc|scratch|work|workspace|usr|media"
        r"|gpfs|nfs)(?:/|\b))|(?<!\w)[A-Za-z]:\\|\bfile:/|\\\\\w"
    ),
    "a secret": re.compile(
        r"\b(?:hf_[A-Za-z0-9]{12,}|sk-[A-Za-z0-9_-]{12,}|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[A-Z0-9]{16}"
        r"|xox[a-z]-[\w-]{10,}|ey[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{10,})"
        r"|(?i:\b(?:api[_-]?key|token|secret|password|passwd)=[^&\s]+)"
        r"|(?i:\bbearer\s+\S{8,})|://[^/\s:@]+:[^/\s@]+@"
    ),
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.[A-Za-z]{2,}\b"),
}


def private_in(text: str, names: frozenset[str] = frozenset()) -> str | None:
    """What of a text must not be published, in words; None where nothing is seen.

    Args:
        names: of users and machines, which must not stand in it as words.
    """
    for what, pattern in _PRIVATE.items():
        if pattern.search(text):
            return what
    words = set(re.split(r"[^\w-]+", text.casefold()))
    return "the name of a user or machine" if words & names else None


def texts_in(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Place and content of every text in a JSON value, the names of fields too."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for name, entry in value.items():
            yield f"{where}.{name}" if where else str(name), str(name)
            yield from texts_in(entry, f"{where}.{name}" if where else str(name))
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from texts_in(entry, f"{where}.{number}")


def private_texts(value: Any, names: frozenset[str] = frozenset()) -> Iterator[tuple[str, str, str]]:
    """Code, place and reason of every text in a JSON value that is not fit to be published."""
    for where, text in texts_in(value):
        if inert(text) != text:
            yield "text-active", where, "holds characters that act on a terminal or page"
        if _MARKUP.search(text):
            yield "text-markup", where, "holds < or >"
        if found := private_in(text, names):
            yield "text-private", where, f"holds {found}"


def is_local_path(text: str) -> bool:
    """Whether a text names a file or folder of this machine rather than something of the hub."""
    return text.startswith(("/", "./", "../", "~", ".\\")) or ":\\" in text or "\\" in text
