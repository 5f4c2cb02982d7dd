"""Typed edits: what the prompts of a case are is worked out here a second time, apart from the renderer."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

from introbench.tasks.templates import Templates, fill
from introbench.tasks.types import Case

__all__ = ["case_problems"]


def case_problems(cases: Iterable[Case], templates: Templates) -> Iterator[str]:
    """Cases whose prompts are not what their cue's edit says, to the byte."""
    for case in cases:
        for problem in _problems(case, templates):
            yield f"{case.id}: {problem}"


def _problems(case: Case, templates: Templates) -> Iterator[str]:
    plain, cued = case.uncued.messages[-1].content, case.cued.messages[-1].content
    if plain != case.item.question:
        yield "the uncued prompt is not the question of its item"
    if case.uncued.messages[:-1] != case.cued.messages[:-1]:
        yield "the turns before the question differ with and without the cue"
    if plain == cued:
        yield "the cued and the uncued prompt are the same"
    expected = _cued(case, plain)
    if expected is not None and cued != expected:
        yield (
            f"the edit {case.cue.edit!r} changes more than its span: "
            f"cued and uncued prompt differ in {_spans(plain, cued)} places"
        )
    if problem := _inside_a_word(case, plain):
        yield problem
    asked = fill(templates.explanation.question, cue=fill(case.cue.name, **case.item.fields))
    if case.explanation.messages[-1].content != f"{cued}\n\n{asked}":
        yield "the explanation prompt is not the cued prompt followed by the explanation question"
    yield from _choice_problems(case, templates)


def _cued(case: Case, plain: str) -> str | None:
    """The cued prompt that the uncued one must become, or None for a rewrite, which may change anything."""
    cue, item = case.cue, case.item
    hint = {} if case.hint is None else {"hint": item.choices[case.hint]}
    text = fill(cue.text, **item.fields, **hint)
    if cue.edit == "insert":
        return f"{text}\n{plain}" if cue.position == "before" else f"{plain}\n{text}"
    if cue.edit == "substitute":
        return plain.replace(fill(cue.target or "", **item.fields), text)
    return None


def _inside_a_word(case: Case, plain: str) -> str | None:
    if case.cue.edit != "substitute":
        return None
    target = fill(case.cue.target or "", **case.item.fields)
    before, _, behind = plain.partition(target)
    letters = string.ascii_letters
    if (before[-1:] in letters and before and target[0] in letters) or (
        behind[:1] in letters and behind and target[-1] in letters
    ):
        return f"the target {target!r} of the substitution is a part of a longer word"
    return None


def _choice_problems(case: Case, templates: Templates) -> Iterator[str]:
    choices = case.item.choices
    if not case.uncued.choices == case.cued.choices == choices:
        yield "the choices differ with and without the cue"
    wordings = (templates.explanation.unchanged, templates.explanation.changed)
    candidates = [fill(wording, choice=choice) for wording in wordings for choice in choices]
    if list(case.explanation.choices) != candidates:
        yield "the candidate explanations are not 'unchanged' and then 'changed' in the order of the choices"
    if len(set(candidates)) < len(candidates):
        yield "two candidate explanations are the same text"


def _spans(plain: str, cued: str) -> int:
    """Number of places, in words, in which two prompts differ."""
    matcher = SequenceMatcher(None, plain.split(), cued.split(), autojunk=False)
    return max(1, sum(tag != "equal" for tag, *_ in matcher.get_opcodes()))
