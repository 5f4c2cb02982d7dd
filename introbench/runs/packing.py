"""Packs: which requests a model is sent together. Light until they are rendered, so that a long plan stays small."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, groupby, islice
from typing import Any

from introbench.hashing import content_hash
from introbench.models.types import Chat, ChoiceRequest, ModelHead, Source, check_length
from introbench.runs.plan import NEW_TOKENS, Plan, written_ask
from introbench.scorer.packs import Filling, Group, measure_group
from introbench.tasks.types import Case, Question

__all__ = ["Asked", "Pack", "packs_for", "render"]

_ITEMS_WRITTEN = 16
"""Items whose explanations are written together: enough to sort by length, and few enough to lose."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a pack.

    Attributes:
        ask: hash of what is asked, equal for every model.
        question: what is asked.
        case: the case that it is asked about.
        tokens: hash of the token ids, None where the backend has none.
    """

    ask: str
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
        written: whether replies are written, instead of choices scored.
        prompt_tokens: tokens of all prompts and choices, one by one; 0 where there are no ids.
        bound_tokens: tokens of the forests of its items, each by itself; 0 where there are no ids.
    """

    name: str
    task: str
    replicate: int
    asked: tuple[Asked, ...]
    written: bool
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
    free = plan.config.explanations == "free"
    for task in plan.tasks:
        for replicate, cases in enumerate((task.cases, task.repeated)):
            scored = _items(cases, replicate, seen, lambda case: case.questions[: 2 if free else 3], written=False)
            packs = [_filled(_measured(half, head, written=False), budget) for half in _company(scored, replicate)]
            yield from _named(task.variant.name, replicate, chain(*packs), written=False)
            if free:
                replies = _items(cases, replicate, seen, lambda case: (case.explanation,), written=True)
                packs = [_chunks(_measured(half, head, written=True)) for half in _company(replies, replicate)]
                yield from _named(task.variant.name, replicate, chain(*packs), written=True)


_Fresh = Mapping[str, tuple[Question, Case]]
"""Questions that are asked for the first time, by hash of what is asked, each with the case that brings it."""


def _items(
    cases: Sequence[Case],
    replicate: int,
    seen: set[tuple[str, int]],
    questions: Callable[[Case], Sequence[Question]],
    *,
    written: bool,
) -> Iterator[_Fresh]:
    for _, group in groupby(cases, key=lambda case: case.item.id):
        fresh: dict[str, tuple[Question, Case]] = {}
        for case in group:
            for question in questions(case):
                ask = written_ask(question) if written else question.ask
                if (ask, replicate) not in seen:
                    seen.add((ask, replicate))
                    fresh[ask] = question, case
        if fresh:
            yield fresh


def _company(items: Iterator[_Fresh], replicate: int) -> list[Iterable[_Fresh]]:
    """Items that may share packs. What is asked again comes in halves that never do.

    So even an item that fills a pack by itself is computed in other company than before.
    """
    if not replicate:
        return [items]
    whole = [list(item.items()) for item in items]
    first = [dict(item[: (len(item) + 1) // 2]) for item in whole]
    return [first, [dict(item[(len(item) + 1) // 2 :]) for item in whole if len(item) > 1]]


def _named(task: str, replicate: int, packs: Iterable[Sequence[_Measured]], *, written: bool) -> Iterator[Pack]:
    mark = f"#{'aa' if replicate else ''}{'free' if written else ''}"
    for number, members in enumerate(packs):
        yield Pack(
            name=f"{task}{mark}{number}",
            task=task,
            replicate=replicate,
            asked=tuple(asked for item in members for asked in item.asked),
            written=written,
            prompt_tokens=sum(item.prompt_tokens for item in members),
            bound_tokens=sum(item.cost.tokens for item in members),
        )


@dataclass(frozen=True, slots=True)
class _Measured:
    """The questions of one item, or of half of it, and what they cost."""

    asked: tuple[Asked, ...]
    prompt_tokens: int
    cost: Group


def _measured(items: Iterable[_Fresh], head: ModelHead, *, written: bool) -> Iterator[_Measured]:
    for fresh in items:
        if head.chat is None:
            yield _Measured(tuple(Asked(ask, *asked, None) for ask, asked in fresh.items()), 0, Group(0, ()))
            continue
        requests = {ask: render(*asked, head.chat) for ask, asked in fresh.items()}
        for request in requests.values():
            longest = NEW_TOKENS if written else max(map(len, request.choices_ids))
            check_length(request, head.spec, head.context, longest)
        yield _Measured(
            tuple(
                Asked(ask, *fresh[ask], content_hash(_tokens(request, written=written)))
                for ask, request in requests.items()
            ),
            *_costs(list(requests.values()), written=written),
        )


def _costs(requests: Sequence[ChoiceRequest], *, written: bool) -> tuple[int, Group]:
    """Tokens of all prompts and choices, one by one and shared."""
    if written:
        prompts = sum(len(request.prompt_ids) for request in requests)
        return prompts, Group(prompts, ())
    each = (len(request.prompt_ids) + len(reply) for request in requests for reply in request.choices_ids)
    return sum(each), measure_group(requests)


def _tokens(request: ChoiceRequest, *, written: bool) -> list[Any]:
    prompt = list(request.prompt_ids)
    return [prompt] if written else [prompt, [list(reply) for reply in request.choices_ids]]


def _filled(items: Iterator[_Measured], budget: int) -> Iterator[list[_Measured]]:
    """As `scorer.packs.split_packs` would cut them; an item without token ids is a pack by itself."""
    pack: list[_Measured] = []
    filling = Filling(budget)
    for item in items:
        if filling.opens(item.cost) and pack:
            yield pack
            pack = []
        pack.append(item)
    if pack:
        yield pack


def _chunks(items: Iterator[_Measured]) -> Iterator[list[_Measured]]:
    while chunk := list(islice(items, _ITEMS_WRITTEN)):
        yield chunk
