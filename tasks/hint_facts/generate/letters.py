"""The alphabet, and the letters of common words."""

from __future__ import annotations

import string
from collections.abc import Iterator
from itertools import pairwise

from introbench_tasks.hint_facts.generate.choices import pick, word_distractors
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
FIRST_LETTER = ('What is the first letter of the word "{word}"?', 'Which letter does the word "{word}" start with?')
LAST_LETTER = ('What is the last letter of the word "{word}"?', 'Which letter does the word "{word}" end with?')


def letters() -> Iterator[Draft]:
    """All letter items: neighbours in the alphabet share a cluster, and so do the questions about one word."""
    for first, second in pairwise(ALPHABET):
        cluster = f"letters:{first} to {second}"
        yield _letter(cluster, LETTER_AFTER, {"letter": first}, second, barred=first)
        yield _letter(cluster, LETTER_BEFORE, {"letter": second}, first, barred=second)
    for word in SPELLED_WORDS:
        spelled = word.upper()
        yield _letter(f"word:{word}", FIRST_LETTER, {"word": word}, spelled[0], barred=spelled)
        yield _letter(f"word:{word}", LAST_LETTER, {"word": word}, spelled[-1], barred=spelled)


def _letter(cluster: str, wordings: tuple[str, ...], values: dict[str, str], answer: str, *, barred: str) -> Draft:
    rng = fact_random(KIND, f"{wordings[0]}/{sorted(values.items())}", "draws")
    question = pick(rng, wordings).format(**values)
    others = [letter for letter in ALPHABET if letter != answer and letter not in barred]
    return Draft(KIND, cluster, question, answer, word_distractors(rng, answer, [others]))
