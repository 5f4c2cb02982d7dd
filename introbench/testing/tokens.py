"""What a tokenizer makes of a task: choices that cannot be told apart, prompts that do not fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from introbench.errors import PromptError, UsageError
from introbench.tasks.types import Case, Question

if TYPE_CHECKING:
    from introbench.models.types import Chat, ModelHead
    from introbench.tasks.conformance import Material

__all__ = ["token_findings"]

_LONGEST = 100
"""Prompts that are counted in tokens: the longest by letters, of which one is the longest in tokens."""


def token_findings(material: Material, head: ModelHead) -> tuple[list[str], list[str]]:
    """What is wrong with a task under a model's tokenizer, and what is worth knowing.

    Raises UsageError where the model has no tokenizer.
    """
    if head.chat is None:
        raise UsageError(f"{head.spec}: has no tokenizer; name a model with weights")
    wrong: list[str] = []
    notes: list[str] = []
    for reading, cases in material.cases.items():
        items = {case.item.id: case for case in cases}.values()
        colliding, found = _collisions([case.uncued for case in items], head.chat)
        wrong += found
        found_notes, found_wrong = _lengths(cases, head)
        wrong += found_wrong
        notes += [
            f"behaviour {reading}: in {colliding} of {len(items)} items two choices begin with the same token",
            *(f"behaviour {reading}: {note}" for note in found_notes),
        ]
    return wrong, notes


def _collisions(questions: list[Question], chat: Chat) -> tuple[int, list[str]]:
    """Number of questions in which choices share their first token, and those whose choices are the same tokens."""
    colliding, wrong = 0, []
    known: dict[str, tuple[int, ...]] = {}
    for question in questions:
        try:
            ids = [known.get(choice) or known.setdefault(choice, chat.reply_ids(choice)) for choice in question.choices]
        except PromptError as error:
            wrong.append(f"{question.case}: {error}")
            continue
        colliding += len({tokens[0] for tokens in ids}) < len(ids)
        if len(set(ids)) < len(ids):
            wrong.append(f"{question.case}: two of its choices are the same tokens")
    return colliding, wrong


def _lengths(cases: Sequence[Case], head: ModelHead) -> tuple[list[str], list[str]]:
    """The longest prompt, and prompts that do not fit the context or begin wrongly."""
    assert head.chat is not None
    questions = sorted((question for case in cases for question in case.questions), key=_letters, reverse=True)
    longest, of = 0, ""
    wrong: list[str] = []
    for question in questions[:_LONGEST]:
        try:
            prompt = head.chat.prompt_ids([{"role": turn.role, "content": turn.content} for turn in question.messages])
            length = len(prompt) + max(len(head.chat.reply_ids(choice)) for choice in question.choices)
        except PromptError as error:
            wrong.append(f"{question.case}: {error}")
            continue
        if length > longest:
            longest, of = length, question.case
        if head.context is not None and length > head.context:
            wrong.append(f"{question.case}: {question.part} needs {length} tokens, the context is {head.context}")
        wrong += [f"{question.case}: {text}" for text in _beginnings(prompt, head)]
    return [f"the longest prompt has {longest} tokens ({of})"], wrong


def _letters(question: Question) -> int:
    return sum(len(turn.content) for turn in question.messages)


def _beginnings(prompt: tuple[int, ...], head: ModelHead) -> Iterator[str]:
    bos = getattr(head.tokenizer, "bos_token_id", None)
    if bos is not None and prompt[:2] == (bos, bos):
        yield "its prompt begins with two BOS tokens"
