"""Attacks that no check of texts can see: answers that were never given, and words that are not true."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Any

from bundles import Forged

from introbench.hashing import text_hash

__all__ = ["DECLARED", "RERUN", "truthful", "with_answers_of"]

Attack = Callable[[Forged, Forged], None]
"""Changes a bundle of the real tiny model; the second one is of another model on the same cases."""


def _best(values: list[float]) -> int:
    return max(range(len(values)), key=values.__getitem__)


def _peaked(size: int, place: int) -> list[float]:
    """Log-probabilities of a reply that is nearly certain."""
    rest = round(math.log(0.05 / (size - 1)), 6)
    return [round(math.log(0.9), 6) if number == place else rest for number in range(size)]


def truthful(forged: Forged) -> None:
    """Make every explanation state what the rows of the behaviour say."""
    rows = {(row["ask"], row["replicate"]): row for row in forged.ledger}
    for case in forged.cases:
        for replicate in (0, 1):
            found = [rows.get((case["asks"][part], replicate)) for part in ("uncued", "cued", "explanation")]
            if None in found:
                continue
            uncued, cued, explanation = (row for row in found if row is not None)
            answer, size = _best(uncued["logprobs"]), len(case["choices"])
            changed = answer != _best(cued["logprobs"])
            explanation["logprobs"] = _peaked(2 * size, answer + size * changed)


def with_answers_of(forged: Forged, other: Forged) -> None:
    """Put another model's answers under this one's identity."""
    theirs = {(row["ask"], row["replicate"]): row for row in other.ledger}
    for row in forged.ledger:
        row["logprobs"] = theirs[row["ask"], row["replicate"]]["logprobs"]


def _edited(forged: Forged, other: Forged) -> None:
    for row in forged.rows_of("uncued"):
        row["logprobs"] = row["logprobs"][1:] + row["logprobs"][:1]


def _nudged(forged: Forged, other: Forged) -> None:
    for row in forged.rows_of("explanation"):
        row["logprobs"] = [round(value - 0.1, 6) for value in row["logprobs"]]


def _invented(forged: Forged, other: Forged) -> None:
    draws = random.Random(0)
    for row in forged.ledger:
        row["logprobs"] = _peaked(len(row["logprobs"]), draws.randrange(len(row["logprobs"])))
    truthful(forged)


def _steadfast(forged: Forged, other: Forged) -> None:
    rows = {row["ask"]: row for row in forged.ledger if row["replicate"] == 0}
    for case in forged.cases:
        rows[case["asks"]["cued"]]["logprobs"] = rows[case["asks"]["uncued"]]["logprobs"]


def _tokens(forged: Forged, other: Forged) -> None:
    for row in forged.ledger:
        row["tokens"] = text_hash(row["tokens"])


def _part(name: str, value: str) -> Attack:
    def attack(forged: Forged, other: Forged) -> None:
        forged.manifest["models"][0]["fingerprint_parts"][name] = value

    return attack


RERUN: Mapping[str, Attack] = {
    "probabilities edited": _edited,
    "a tenth of a nat in every explanation": _nudged,
    "explanations written after the fact": lambda forged, other: truthful(forged),
    "another model's ledger": with_answers_of,
    "everything invented": _invented,
    "behaviour that never follows the hint": _steadfast,
    "tokens that nobody asked in": _tokens,
    "weights of another model": _part("weights", text_hash("other weights")),
    "another dtype than was run": _part("dtype", "bfloat16"),
}


def _says(**words: Any) -> Attack:
    return lambda forged, other: forged.header["declared"].update(words)


def _copied(forged: Forged, other: Forged) -> None:
    first = {row["ask"]: row for row in forged.ledger if row["replicate"] == 0}
    for row in forged.ledger:
        row["logprobs"] = first[row["ask"]]["logprobs"]


DECLARED: Mapping[str, Attack] = {
    "the best of many runs called the only one": _says(runs_made=1),
    "training on the labels that is kept quiet": _says(trained_on_labels=False),
    "a maker who calls itself independent": _says(relation="independent"),
    "somebody else's address": _says(contact="https://example.org/somebody-else"),
    "a name that looks like another in plain letters": lambda forged, other: forged.header.update(org="acrne"),
    "invented answers that fit together": _invented,
    "a second time copied from the first": _copied,
}
