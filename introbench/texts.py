"""Text that somebody else wrote (a model, a task file, a stranger's run), made safe to look at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from introbench.hashing import Json

__all__ = ["inert", "inert_json", "shortened"]

# What acts instead of being seen: control characters (escape sequences begin with one), marks that turn the direction
# of writing, separators of lines, characters without width, halves of surrogate pairs, invisible tags. The joiners
# U+200C and U+200D stay: languages and emoji need them.
_ACTIVE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def inert(text: str, *, lines: bool = False) -> str:
    """The text with every character that acts on a terminal or page replaced by its escape, as JSON writes it.

    JSON stays valid and keeps its meaning, as such characters stand in it within strings only.

    Args:
        lines: keep the ends of lines and tabs.
    """
    return _ACTIVE.sub(lambda match: match[0] if lines and match[0] in "\n\t" else _escaped(match[0]), text)


def inert_json(value: Json, *, lines: bool = False) -> Json:
    """The same value with every text in it inert, the names of fields too.

    Args:
        lines: keep the ends of lines and tabs.
    """
    if isinstance(value, str):
        return inert(value, lines=lines)
    if isinstance(value, dict):
        return {inert(name, lines=lines): inert_json(entry, lines=lines) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [inert_json(entry, lines=lines) for entry in value]
    return value


def shortened(text: str, limit: int) -> str:
    """The text, or so much of its beginning as fits into `limit` characters with the number of those left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit} more characters)"


def _escaped(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
