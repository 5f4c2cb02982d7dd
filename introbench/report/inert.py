"""Texts of models and files, made harmless to show: no escapes, no marks of direction, no endless lines."""

from __future__ import annotations

import unicodedata

__all__ = ["inert"]

LONGEST = 200


def inert(text: str, longest: int = LONGEST) -> str:
    """One line that a terminal shows as it stands, with what cannot be seen written out as `\\u202e`.

    What is longer than `longest` characters is cut, and says so.
    """
    kept = "".join(_shown(letter) for letter in text[:longest])
    return f"{kept}… ({len(text)} characters)" if len(text) > longest else kept


def _shown(letter: str) -> str:
    # C: control, format, surrogate, private, unassigned; Zl and Zp: line and paragraph separators.
    if unicodedata.category(letter)[0] == "C" or unicodedata.category(letter) in ("Zl", "Zp"):
        return letter.encode("unicode_escape").decode("ascii")
    return letter
