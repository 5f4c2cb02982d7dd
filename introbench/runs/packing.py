"""Packs: which requests a model is sent together. Light until they are rendered, so that a long plan stays small."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, groupby, islice
from typing import Any

from introbench.hashing import content_hash
from introbench.models.types import Chat, ChoiceRequest, ModelHead, Source, check_length
from introbench.runs.config import Mode
from introbench.runs.plan import NEW_TOKENS, Plan, asked_as
from introbench.scorer.packs import Filling, Group, measure_group
from introbench.tasks.cases import as_judged
from introbench.tasks.openings import JUDGED_TOKENS
from introbench.tasks.types import Case, Question

__all__ = ["Asked", "Pack", "packs_for", "render", "token_hash"]

_MARKS = {0: "", NEW_TOKENS: "free", JUDGED_TOKENS: "judged"}
"""How packs are named, by the longest reply that they write."""

_ITEMS_WRITTEN = 16
"""Items whose replies are written together: enough to sort by length, and few enough to lose."""


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
        new_tokens: most tokens of the replies that are written; 0 where choices are scored.
        prompt_tokens: tokens of all prompts and choices, one by one; 0 where there are no ids.
        bound_tokens: tokens of the forests of its items, each by itself; 0 where there are no ids.
    """

    name: str
    task: str
    replicate: int
    asked: tuple[Asked, ...]
    new_tokens: int
    prompt_tokens: int
    bound_tokens: int

    @property
    def written(self) -> bool:
        """Whether replies are written, instead of choices scored."""
        return self.new_tokens > 0

    def requests(self, chat: Chat | None) -> list[ChoiceRequest]:
        """The questions as one model is asked them."""
        return [render(asked.question, asked.case, chat) for asked in self.asked]


def render(question: Question, case: Case, chat: Chat | None) -> ChoiceRequest:
    """A question as one model is asked it: token ids where the backend has them, else the case alone."""
    source = Source(case, question.part)
    if chat is None:
        return ChoiceRequest((), tuple(() for _ in question.replies), question.group, source)
    prompt = chat.prompt_ids([asdict(message) for message in question.messages])
    replies = map(chat.reply_ids, question.replies)
    # An opening is no whole reply: anything may follow, so it goes without the end-of-turn token.
    wanted = tuple(ids[:-1] if question.openings else ids for ids in replies)
    return ChoiceRequest(prompt, wanted, question.group, source)


def packs_for(plan: Plan, head: ModelHead, budget: int) -> Iterator[Pack]:
    """Cut a plan into packs of whole items, at most `budget` tokens where one item allows it.

    Packs follow from the plan and the model's tokens alone, never from what is already answered, so that an
    interrupted run computes the same ones. A question that several cases or tasks share is asked once.

    Raises PromptError, naming the case, where a prompt does not fit the model.
    """
    seen: set[tuple[str, int]] = set()
    for task in plan.tasks:
        name = task.variant.name
        for replicate, cases in enumerate((task.cases, task.repeated)):
            asked = _as_asked(cases, plan.config.explanations)
            yield from _task_packs(name, "aa" * replicate, replicate, asked, seen, head, budget)
        scored = [(case, (case.uncued, case.cued)) for case in task.calibration]
        judged = [(case, (case.uncued, case.cued)) for case in map(as_judged, task.calibration)]
        for asked in (scored, judged):
            yield from _task_packs(name, "calibration", 0, asked, seen, head, budget)


_Asking = Sequence[tuple[Case, Sequence[Question]]]
"""Cases in order, each with what is asked about it."""


def _as_asked(cases: Sequence[Case], explanations: Mode) -> _Asking:
    left_out = ("explanation",) if explanations == "none" else ()
    return [
        (case, [asked_as(question, explanations) for question in case.questions if question.part not in left_out])
        for case in cases
    ]


def _task_packs(
    task: str, mark: str, replicate: int, asking: _Asking, seen: set[tuple[str, int]], head: ModelHead, budget: int
) -> Iterator[Pack]:
    """Packs of replies that are scored, then of those that are written, the shorter ones first."""
    for new_tokens in sorted({question.new_tokens for _, questions in asking for question in questions}):
        items = _items(asking, replicate, seen, new_tokens)
        measured = (_measured(half, head, new_tokens) for half in _company(items, replicate))
        packs = chain(*(_chunks(half) if new_tokens else _filled(half, budget) for half in measured))
        yield from _named(task, mark + _MARKS[new_tokens], replicate, packs, new_tokens)


_Fresh = Mapping[str, tuple[Question, Case]]
"""Questions that are asked for the first time, by hash of what is asked, each with the case that brings it."""


def _items(asking: _Asking, replicate: int, seen: set[tuple[str, int]], new_tokens: int) -> Iterator[_Fresh]:
    for _, group in groupby(asking, key=lambda entry: entry[0].item.id):
        fresh: dict[str, tuple[Question, Case]] = {}
        for case, questions in group:
            for question in questions:
                if question.new_tokens == new_tokens and (question.ask, replicate) not in seen:
                    seen.add((question.ask, replicate))
                    fresh[question.ask] = question, case
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


def _named(
    task: str, mark: str, replicate: int, packs: Iterable[Sequence[_Measured]], new_tokens: int
) -> Iterator[Pack]:
    for number, members in enumerate(packs):
        yield Pack(
            name=f"{task}#{mark}{number}",
            task=task,
            replicate=replicate,
            asked=tuple(asked for item in members for asked in item.asked),
            new_tokens=new_tokens,
            prompt_tokens=sum(item.prompt_tokens for item in members),
            bound_tokens=sum(item.cost.tokens for item in members),
        )


@dataclass(frozen=True, slots=True)
class _Measured:
    """The questions of one item, or of half of it, and what they cost."""

    asked: tuple[Asked, ...]
    prompt_tokens: int
    cost: Group


def _measured(items: Iterable[_Fresh], head: ModelHead, new_tokens: int) -> Iterator[_Measured]:
    for fresh in items:
        if head.chat is None:
            yield _Measured(tuple(Asked(ask, *asked, None) for ask, asked in fresh.items()), 0, Group(0, ()))
            continue
        requests = {ask: render(*asked, head.chat) for ask, asked in fresh.items()}
        for request in requests.values():
            longest = new_tokens or max(map(len, request.choices_ids))
            check_length(request, head.spec, head.context, longest)
        yield _Measured(
            tuple(
                Asked(ask, *fresh[ask], token_hash(request, written=new_tokens > 0))
                for ask, request in requests.items()
            ),
            *_costs(list(requests.values()), written=new_tokens > 0),
        )


def _costs(requests: Sequence[ChoiceRequest], *, written: bool) -> tuple[int, Group]:
    """Tokens of all prompts and choices, one by one and shared."""
    if written:
        prompts = sum(len(request.prompt_ids) for request in requests)
        return prompts, Group(prompts, ())
    each = (len(request.prompt_ids) + len(reply) for request in requests for reply in request.choices_ids)
    return sum(each), measure_group(requests)


def token_hash(request: ChoiceRequest, *, written: bool) -> str:
    """Hash of the token ids that a request is answered from: of the prompt alone where the reply is written."""
    prompt: list[Any] = list(request.prompt_ids)
    return content_hash([prompt] if written else [prompt, [list(reply) for reply in request.choices_ids]])


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
