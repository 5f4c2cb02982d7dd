"""The alphabet, and the letters of common words."""

from __future__ import annotations

import string
from collections.abc import Iterator
from itertools import pairwise

from introbench_tasks.hint_facts.generate.choices import number_distractors, pick, word_distractors
from introbench_tasks.hint_facts.generate.draft import Draft, fact_random
from introbench_tasks.hint_facts.generate.word_lists import SPELLED_WORDS

__all__ = ["letters"]

KIND = "letters"
ALPHABET = string.ascii_uppercase

LETTER_AFTER = (
    "Which letter comes right after {letter} in the alphabet?",
    "What is the next letter of the alphabet after {letter}?",
)
LETTER_BEFORE = (
    "Which letter comes right before {letter} in the alphabet?",
    "Which letter of the alphabet stands just before {letter}?",
)
NTH_LETTER = ("What is the {nth} letter of the alphabet?", "Which letter is the {nth} in the alphabet?")
FIRST_LETTER = ('What is the first letter of the word "{word}"?', 'Which letter does the word "{word}" start with?')
LAST_LETTER = ('What is the last letter of the word "{word}"?', 'Which letter does the word "{word}" end with?')
LENGTH = ('How many letters are in the word "{word}"?', 'How many letters does the word "{word}" have?')


def letters() -> Iterator[Draft]:
    """All letter items: neighbours in the alphabet share a cluster, and so do the questions about one word."""
    for first, second in pairwise(ALPHABET):
        cluster = f"letters:{first} to {second}"
        yield _letter(cluster, LETTER_AFTER, {"letter": first}, second, _near(second, first))
        yield _letter(cluster, LETTER_BEFORE, {"letter": second}, first, _near(first, second))
    for position, letter in enumerate(ALPHABET, start=1):
        yield _letter(f"letter number:{letter}", NTH_LETTER, {"nth": _ordinal(position)}, letter, _near(letter))
    for index, word in enumerate(SPELLED_WORDS):
        cluster = f"word:{word}"
        initial, final = word[0].upper(), word[-1].upper()
        inside = [letter.upper() for letter in word]
        if index % 2:
            yield _letter(cluster, FIRST_LETTER, {"word": word}, initial, [c for c in inside if c != initial])
        else:
            yield _letter(cluster, LAST_LETTER, {"word": word}, final, [c for c in inside if c != final])
        rng = fact_random(KIND, word, "length")
        near = [len(word) + step for step in (-2, -1, 1, 2)]
        question = pick(rng, LENGTH).format(word=word)
        yield Draft(KIND, cluster, question, str(len(word)), number_distractors(rng, len(word), near, lowest=2))


def _near(letter: str, *left_out: str) -> list[str]:
    position = ALPHABET.index(letter)
    near = ALPHABET[max(0, position - 3) : position + 4]
    return [other for other in near if other not in (letter, *left_out)]


def _letter(cluster: str, wordings: tuple[str, ...], values: dict[str, str], answer: str, tempting: list[str]) -> Draft:
    rng = fact_random(KIND, f"{wordings[0]}/{sorted(values.items())}", "draws")
    question = pick(rng, wordings).format(**values)
    return Draft(KIND, cluster, question, answer, word_distractors(rng, answer, [tempting, ALPHABET]))


def _ordinal(number: int) -> str:
    suffix = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
