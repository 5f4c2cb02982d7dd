"""The load: what is asked, drawn by a seed or taken from a task's own plan, and how many tokens it has."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from typing import Any

from introbench.hashing import named_random
from introbench.models.types import Chat, ChoiceRequest
from introbench.runs.config import resolve_config
from introbench.runs.packing import render
from introbench.runs.plan import make_plan
from introbench.scorer.forest import count_tokens

__all__ = ["LoadCounts", "LoadShape", "Span", "by_item", "count_load", "draw_load", "sample", "task_load"]


@dataclass(frozen=True, slots=True)
class Span:
    """A number of tokens, drawn evenly between two bounds, both included."""

    least: int
    most: int

    @classmethod
    def parse(cls, text: str) -> Span:
        """Read "3" or "2-6". Raises ValueError on anything else."""
        least, dash, most = text.partition("-")
        if not least.isdecimal() or (dash and not most.isdecimal()) or not 1 <= int(least) <= int(most or least):
            raise ValueError(f"{text!r} is no range of token counts; write 3 or 2-6")
        return cls(int(least), int(most or least))

    def draw(self, generator: random.Random) -> int:
        """One number."""
        return generator.randint(self.least, self.most)

    def __str__(self) -> str:
        return str(self.least) if self.least == self.most else f"{self.least}-{self.most}"


@dataclass(frozen=True, slots=True)
class LoadShape:
    """A synthetic load. The defaults are those of 40 items with four cues each, prompts of about 206 tokens.

    Every prompt is: stem, question, cue (unless uncued), explanation question (where that is what is asked), turn.

    Attributes:
        items: number of items.
        cues: cued cases of each item.
        choices: replies whose probabilities are wanted of a behaviour.
        candidates: replies whose probabilities are wanted of an explanation.
        choice_tokens: tokens of a reply.
        stem_tokens: tokens that all prompts begin with: the system turn and its examples.
        question_tokens: tokens of an item's question.
        cue_tokens: tokens of a cue.
        explanation_tokens: tokens of the explanation question.
        turn_tokens: tokens that all prompts end with: the header of the reply.
        seed: of every draw.
    """

    items: int = 40
    cues: int = 4
    choices: int = 4
    candidates: int = 8
    choice_tokens: Span = Span(1, 1)
    stem_tokens: int = 118
    question_tokens: Span = Span(30, 70)
    cue_tokens: Span = Span(14, 26)
    explanation_tokens: Span = Span(34, 34)
    turn_tokens: int = 5
    seed: int = 0

    def as_json(self) -> dict[str, Any]:
        """The parameters, ranges as they are typed."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: str(value) if isinstance(value, Span) else value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class LoadCounts:
    """How much a load asks.

    Attributes:
        items: number of items.
        requests: number of prompts.
        choices: number of replies over all requests.
        prompt_tokens: tokens of all prompts.
        row_tokens: tokens that one row per reply pushes, without padding.
        trie_tokens: tokens of the items' tries, the fewest that exact passes over one item each can push.
    """

    items: int
    requests: int
    choices: int
    prompt_tokens: int
    row_tokens: int
    trie_tokens: int

    def as_json(self) -> dict[str, int]:
        """The numbers by name."""
        return asdict(self)


def draw_load(shape: LoadShape, vocabulary: int) -> list[ChoiceRequest]:
    """The requests of a synthetic load, items in order, ids below `vocabulary`. An item depends on its number alone."""
    fixed = named_random(shape.seed, "stem")
    stem, turn = (_ids(fixed, count, vocabulary) for count in (shape.stem_tokens, shape.turn_tokens))
    return [
        request for item in range(shape.items) for request in _item_requests(shape, f"{item}", stem, turn, vocabulary)
    ]


def _item_requests(
    shape: LoadShape, item: str, stem: tuple[int, ...], turn: tuple[int, ...], vocabulary: int
) -> list[ChoiceRequest]:
    draw = named_random(shape.seed, "item", item)
    replies = _replies(draw, shape.choices, shape.choice_tokens, vocabulary)
    candidates = _replies(draw, shape.candidates, shape.choice_tokens, vocabulary)
    question = stem + _ids(draw, shape.question_tokens.draw(draw), vocabulary)
    requests = [ChoiceRequest(question + turn, replies, item)]
    for _ in range(shape.cues):
        cued = question + _ids(draw, shape.cue_tokens.draw(draw), vocabulary)
        asked = cued + _ids(draw, shape.explanation_tokens.draw(draw), vocabulary)
        requests += [ChoiceRequest(cued + turn, replies, item), ChoiceRequest(asked + turn, candidates, item)]
    return requests


def _ids(draw: random.Random, count: int, vocabulary: int) -> tuple[int, ...]:
    return tuple(draw.randrange(vocabulary) for _ in range(count))


def _replies(draw: random.Random, count: int, lengths: Span, vocabulary: int) -> tuple[tuple[int, ...], ...]:
    # First tokens differ, so that no reply is another one's beginning.
    firsts = draw.sample(range(vocabulary), count)
    return tuple((first, *_ids(draw, lengths.draw(draw) - 1, vocabulary)) for first in firsts)


def task_load(task: str, items: int, chat: Chat) -> list[ChoiceRequest]:
    """What `introbench run --tasks TASK --limit ITEMS` asks a model with this chat: each question once, in order."""
    config, variants = resolve_config("scripted/oracle", tasks=[task], limit=items)
    asked = {
        question.ask: (question, case)
        for part in make_plan(config, variants).tasks
        for case in part.cases
        for question in case.questions
    }
    return [render(question, case, chat) for question, case in asked.values()]


def by_item(requests: Sequence[ChoiceRequest]) -> list[list[ChoiceRequest]]:
    """The requests of each item; those of one item stand together."""
    return [list(group) for _, group in groupby(requests, key=lambda request: request.group)]


def sample(requests: Sequence[ChoiceRequest], count: int) -> list[ChoiceRequest]:
    """Some requests for a quick look, the same ones each time, in order."""
    chosen = named_random(0, "sample").sample(range(len(requests)), min(count, len(requests)))
    return [requests[number] for number in sorted(chosen)]


def count_load(requests: Sequence[ChoiceRequest]) -> LoadCounts:
    """Count requests, replies and tokens."""
    items = by_item(requests)
    return LoadCounts(
        items=len(items),
        requests=len(requests),
        choices=sum(len(request.choices_ids) for request in requests),
        prompt_tokens=sum(len(request.prompt_ids) for request in requests),
        row_tokens=sum(
            len(request.prompt_ids) + len(reply) - 1 for request in requests for reply in request.choices_ids
        ),
        trie_tokens=sum(map(count_tokens, items)),
    )
