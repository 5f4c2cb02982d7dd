"""Packs: which requests a model is sent together. Light until they are rendered, so that a long plan stays small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

from introbench.hashing import content_hash
from introbench.models.types import Chat, ChoiceRequest, ModelHead, Source, check_length
from introbench.runs.plan import Plan
from introbench.scorer.forest import count_tokens
from introbench.tasks.types import Case, Question

__all__ = ["Asked", "Pack", "packs_for", "render"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a pack.

    Attributes:
        question: what is asked.
        case: the case that it is asked about.
        tokens: hash of the token ids, None where the backend has none.
    """

    question: Question
    case: Case
    tokens: str | None


@dataclass(frozen=True, slots=True)
class Pack:
    """Requests that are computed together, or again together.

    Attributes:
        name: task, repetition and number, as it stands in the ledger.
        task: name of the task whose ledger file takes the rows.
        replicate: 0, or 1 for what is asked a second time.
        asked: what is asked, each question once in a run and replicate.
        prompt_tokens: tokens of all prompts and choices, one by one; 0 where there are no ids.
        bound_tokens: tokens of the forests of its items, each by itself; 0 where there are no ids.
    """

    name: str
    task: str
    replicate: int
    asked: tuple[Asked, ...]
    prompt_tokens: int
    bound_tokens: int

    def requests(self, chat: Chat | None) -> list[ChoiceRequest]:
        """The questions as one model is asked them."""
        return [render(asked.question, asked.case, chat) for asked in self.asked]


def render(question: Question, case: Case, chat: Chat | None) -> ChoiceRequest:
    """A question as one model is asked it: token ids where the backend has them, else the case alone."""
    source = Source(case, question.part)
    if chat is None:
        return ChoiceRequest((), tuple(() for _ in question.choices), question.group, source)
    prompt = chat.prompt_ids([asdict(message) for message in question.messages])
    return ChoiceRequest(prompt, tuple(map(chat.reply_ids, question.choices)), question.group, source)


def packs_for(plan: Plan, head: ModelHead, budget: int) -> Iterator[Pack]:
    """Cut a plan into packs of whole items, at most `budget` tokens where one item allows it.

    Packs follow from the plan and the model's tokens alone, never from what is already answered, so that an
    interrupted run computes the same ones. A question that several cases or tasks share is asked once.

    Raises PromptError, naming the case, where a prompt does not fit the model.
    """
    seen: set[tuple[str, int]] = set()
    for task in plan.tasks:
        name = task.variant.name
        for replicate, cases, mark in ((0, task.cases, "#"), (1, task.repeated, "#aa")):
            items = _measured_items(cases, replicate, head, seen)
            for number, members in enumerate(_filled(items, budget)):
                yield Pack(
                    name=f"{name}{mark}{number}",
                    task=name,
                    replicate=replicate,
                    asked=tuple(asked for item in members for asked in item.asked),
                    prompt_tokens=sum(item.prompt_tokens for item in members),
                    bound_tokens=sum(item.tokens for item in members),
                )


@dataclass(frozen=True, slots=True)
class _Measured:
    """The questions of one item and what they cost."""

    asked: tuple[Asked, ...]
    prompt_tokens: int
    tokens: int


def _measured_items(
    cases: Sequence[Case], replicate: int, head: ModelHead, seen: set[tuple[str, int]]
) -> Iterator[_Measured]:
    for _, group in groupby(cases, key=lambda case: case.item.id):
        fresh: dict[str, tuple[Question, Case]] = {}
        for case in group:
            for question in case.questions:
                if (question.ask, replicate) not in seen:
                    seen.add((question.ask, replicate))
                    fresh[question.ask] = question, case
        if fresh:
            yield _measured(list(fresh.values()), head)


def _measured(questions: Sequence[tuple[Question, Case]], head: ModelHead) -> _Measured:
    if head.chat is None:
        return _Measured(tuple(Asked(question, case, None) for question, case in questions), 0, 0)
    requests = [render(question, case, head.chat) for question, case in questions]
    for request in requests:
        check_length(request, head.spec, head.context)
    return _Measured(
        asked=tuple(
            Asked(question, case, _tokens_hash(request))
            for (question, case), request in zip(questions, requests, strict=True)
        ),
        prompt_tokens=sum(
            len(request.prompt_ids) + len(reply) for request in requests for reply in request.choices_ids
        ),
        tokens=count_tokens(requests),
    )


def _filled(items: Iterator[_Measured], budget: int) -> Iterator[list[_Measured]]:
    """As `scorer.packs.split_packs` would cut them; an item without token ids is a pack by itself."""
    pack: list[_Measured] = []
    filled = 0
    for item in items:
        if pack and (filled + item.tokens > budget or not item.tokens):
            yield pack
            pack, filled = [], 0
        pack.append(item)
        filled += item.tokens
    if pack:
        yield pack


def _tokens_hash(request: ChoiceRequest) -> str:
    return content_hash([list(request.prompt_ids), [list(reply) for reply in request.choices_ids]])
