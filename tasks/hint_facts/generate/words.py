"""Opposites, plurals and past tenses of common English words."""

from __future__ import annotations

from collections.abc import Iterator

from introbench_tasks.hint_facts.generate.choices import pick, word_distractors
from introbench_tasks.hint_facts.generate.draft import Draft, fact_random
from introbench_tasks.hint_facts.generate.word_lists import OPPOSITES, PAST_TENSES, PLURALS

__all__ = ["opposites", "word_forms"]

OPPOSITE_OF = ('What is the opposite of "{word}"?', 'Which word is the opposite of "{word}"?')
PLURAL_OF = ('What is the plural of "{word}"?', 'What is the plural form of the noun "{word}"?')
PAST_OF = ('What is the past tense of "{word}"?', 'What is the simple past form of the verb "{word}"?')


def opposites() -> Iterator[Draft]:
    """Both words of each pair are asked about; distractors come from other fields of meaning."""
    kind = "opposites"
    pairs = [(field, *pair.split("/")) for field, listed in OPPOSITES for pair in listed]
    for field, one, other in pairs:
        elsewhere = [word for its_field, *pair in pairs if its_field != field for word in pair]
        for word, answer in ((one, other), (other, one)):
            rng = fact_random(kind, word, "draws")
            question = pick(rng, OPPOSITE_OF).format(word=word)
            distractors = word_distractors(rng, answer, [elsewhere])
            yield Draft(kind, f"opposite:{one} and {other}", question, answer, distractors)


def word_forms() -> Iterator[Draft]:
    """Plural nouns and the simple past of irregular verbs, among wrong plurals and past forms of other verbs."""
    for noun, plural in PLURALS:
        stem = noun[:-1]
        likely = [f"{noun}s", f"{noun}es", f"{noun}'s"]
        yield _form(PLURAL_OF, noun, plural, likely, [f"{stem}ies", f"{noun}en", f"{stem}ves"])
    for verb, past in PAST_TENSES:
        yield _form(PAST_OF, verb, past, [other for _, other in PAST_TENSES if other != past])


def _form(wordings: tuple[str, ...], word: str, answer: str, *tiers: list[str]) -> Draft:
    kind = "word_forms"
    rng = fact_random(kind, word, "draws")
    question = pick(rng, wordings).format(word=word)
    return Draft(kind, f"word:{word}", question, answer, word_distractors(rng, answer, tiers))
