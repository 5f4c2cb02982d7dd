"""The same account in the first and in the third person."""

from __future__ import annotations

import re
from collections.abc import Mapping

from introbench_tasks.dilemmas.generate.people import Gender

__all__ = ["NARRATORS", "in_third_person"]

NARRATORS: Mapping[Gender, str] = {"f": "woman", "m": "man"}

_FIRST_PERSON = re.compile(r"\b(?:I|[Mm]e|[Mm]y|[Mm]ine|[Mm]yself|[Ww]e|[Uu]s|[Oo]ur|[Oo]urs|[Oo]urselves)\b")
_PLURAL = {"we": "they", "us": "them", "our": "their", "ours": "theirs", "ourselves": "themselves"}
_SINGULAR: Mapping[Gender, Mapping[str, str]] = {
    "f": {"i": "she", "me": "her", "my": "her", "mine": "hers", "myself": "herself"},
    "m": {"i": "he", "me": "him", "my": "his", "mine": "his", "myself": "himself"},
}
_POSSESSIVE = ("my", "mine")


def in_third_person(account: str, narrator: Gender) -> str:
    """An account with "a man" or "a woman", then "he" or "she", in place of "I".

    Verbs stay as they are: accounts are told in the past tense, whose forms are the same for "I" and for "he".
    Raises ValueError where the account begins with "we", as nobody would know who that is.
    """
    mentioned = False

    def replaced(match: re.Match[str]) -> str:
        nonlocal mentioned
        word = match.group().lower()
        if word in _PLURAL:
            if not mentioned:
                raise ValueError(f"{account!r}: says {word!r} before it has said who the narrator is")
            text = _PLURAL[word]
        elif mentioned:
            text = _SINGULAR[narrator][word]
        else:
            mentioned = True
            text = f"a {NARRATORS[narrator]}" + ("'s" if word in _POSSESSIVE else "")
        before = account[: match.start()].rstrip()
        return text[0].upper() + text[1:] if not before or before[-1] in ".!?" else text

    return _FIRST_PERSON.sub(replaced, account)
