"""From training cases to lessons: token ids of a prompt and a reply, and how much each token weighs in the loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Literal, Protocol

from introbench.errors import UsageError
from introbench.models.types import Chat, ChoiceRequest, Source, check_length, parting
from introbench.tasks.types import Case, Part, Question
from introbench.train.config import Hyperparameters
from introbench.train.rows import TrainingCase

__all__ = ["FirstReplies", "Lesson", "LessonBook", "Term", "kept_questions", "merged", "refuse_written"]

Term = Literal["explanation", "verdict", "behaviour", "keep"]
"""Cross-entropy on an explanation, on the token of it that decides the verdict, on a choice to be learnt, or the
divergence from M0 on its own reply."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A prompt with one reply, or with all choices where their distribution is held to that of M0.

    Attributes:
        prompt_ids: token ids of the prompt, generation prompt included.
        choices_ids: token ids of the reply or of each choice.
        group: lessons of one group share prefixes and stay in one pack.
        term: part of the loss that it counts for.
        weights: share of the loss of each token of the reply; a single one for a distribution over choices.
        ask: hash of the question, by which M0's behaviour is found.
        deciding: place in the reply of the token that decides the verdict; None where there is none.
    """

    prompt_ids: tuple[int, ...]
    choices_ids: tuple[tuple[int, ...], ...]
    group: str
    term: Term
    weights: tuple[float, ...]
    ask: str = ""
    deciding: int | None = None


class FirstReplies(Protocol):
    """What M0 replies to a question."""

    def reply(self, ask: str) -> int:
        """Number of the reply that it finds most probable."""
        ...


def kept_questions(row: TrainingCase) -> Iterable[Question]:
    """Questions of a case on which the behaviour is held to that of M0."""
    return (asked for asked, kept in zip((row.case.cued, row.case.uncued), row.keep, strict=True) if kept)


class LessonBook:
    """Renders cases to lessons. A prompt or reply that returns is tokenised once."""

    def __init__(self, chat: Chat, spec: str, context: int | None) -> None:
        self._chat = chat
        self._spec = spec
        self._context = context
        self._replies: dict[str, tuple[int, ...]] = {}
        self._prompts: dict[str, tuple[int, ...]] = {}

    def request(self, case: Case, question: Question) -> ChoiceRequest:
        """A question with all its replies. Raises PromptError where it exceeds the context."""
        replies = tuple(self._reply(question, number) for number in range(len(question.replies)))
        return self._checked(case, question, replies)

    def lessons(self, row: TrainingCase, first: FirstReplies | None, chosen: Hyperparameters) -> list[Lesson]:
        """What is learnt on a case; the weights of each term add up to 1, those of M0's two prompts to ½ each.

        Args:
            first: what M0 replies; None where nothing is held to it.

        Raises PromptError where a prompt exceeds the context, UsageError where a behaviour cannot be trained.
        """
        found = [*self._explanation(row, chosen), *self._behaviour(row)]
        if first is not None and chosen.kl_weight:
            found += [self._kept(row.case, question, first, chosen) for question in kept_questions(row)]
        return found

    def _explanation(self, row: TrainingCase, chosen: Hyperparameters) -> list[Lesson]:
        number = row.candidate
        if number is None:
            return []
        question = row.case.explanation
        replies = [self._reply(question, each) for each in range(len(question.choices))]
        reply, half = replies[number], len(replies) // 2
        # Up to here both verdicts read the same; behind it the verdict is said.
        deciding = parting(reply, replies[(number + half) % len(replies)])
        assert deciding is not None  # both end with the same token
        same_verdict = replies[:half] if number < half else replies[half:]
        content = min(place for other in same_verdict if (place := parting(reply, other)) is not None)
        weights = [1.0] * content + [chosen.content_weight] * (len(reply) - content)
        weights[deciding] = chosen.verdict_weight
        shares = tuple(weight / sum(weights) for weight in weights)
        lesson = self._lesson(row.case, question, (reply,), "explanation", shares)
        return [replace(lesson, deciding=deciding)]

    def _behaviour(self, row: TrainingCase) -> Iterable[Lesson]:
        for question, target in zip((row.case.cued, row.case.uncued), row.behaviour, strict=True):
            if target is not None:
                _refuse_written(question)
                # Of a choice that is read by openings, the first one stands for it.
                number = sum(len(group) for group in question.openings[:target]) if question.openings else target
                reply = self._reply(question, number)
                yield self._lesson(row.case, question, (reply,), "behaviour", (1 / len(reply),) * len(reply))

    def _kept(self, case: Case, question: Question, first: FirstReplies, chosen: Hyperparameters) -> Lesson:
        if chosen.kl_positions == "choices":
            every = tuple(self._reply(question, number) for number in range(len(question.replies)))
            return self._lesson(case, question, every, "keep", (0.5,))
        reply = self._reply(question, first.reply(question.ask))
        if chosen.kl_positions == "first":
            reply = reply[:1]
        return self._lesson(case, question, (reply,), "keep", (0.5 / len(reply),) * len(reply))

    def _lesson(
        self,
        case: Case,
        question: Question,
        replies: tuple[tuple[int, ...], ...],
        term: Term,
        weights: tuple[float, ...],
    ) -> Lesson:
        request = self._checked(case, question, replies)
        return Lesson(request.prompt_ids, replies, question.group, term, weights, question.ask)

    def _checked(self, case: Case, question: Question, replies: tuple[tuple[int, ...], ...]) -> ChoiceRequest:
        if question.messages_hash not in self._prompts:
            messages = [asdict(message) for message in question.messages]
            self._prompts[question.messages_hash] = self._chat.prompt_ids(messages)
        part: Part = question.part
        prompt = self._prompts[question.messages_hash]
        request = ChoiceRequest(prompt, replies, question.group, Source(case, part))
        check_length(request, self._spec, self._context)
        return request

    def _reply(self, question: Question, number: int) -> tuple[int, ...]:
        text = question.replies[number]
        if text not in self._replies:
            self._replies[text] = self._chat.reply_ids(text)
        # An opening is no whole reply: anything may follow it.
        return self._replies[text][:-1] if question.openings else self._replies[text]


def refuse_written(rows: Iterable[TrainingCase]) -> None:
    """Raise UsageError where replies are written and judged: no probability of theirs can be held or learnt."""
    for row in rows:
        for question in kept_questions(row):
            _refuse_written(question)


def _refuse_written(question: Question) -> None:
    if question.new_tokens:
        raise UsageError(
            f"{question.case}: its replies are written and judged, and no probability of theirs can be trained; "
            "take the task with behaviour=opening, or kl_weight=0"
        )


def merged(lessons: Sequence[Lesson]) -> list[Lesson]:
    """The same loss in fewer lessons: those of one group that ask the same become one with the sum of their weights."""
    found: list[Lesson] = []
    for _, group in groupby(lessons, key=lambda lesson: lesson.group):
        sums: dict[tuple[Term, tuple[int, ...], tuple[tuple[int, ...], ...]], Lesson] = {}
        for lesson in group:
            key = (lesson.term, lesson.prompt_ids, lesson.choices_ids)
            known = sums.get(key)
            if known is None:
                sums[key] = lesson
            else:
                added = tuple(one + other for one, other in zip(known.weights, lesson.weights, strict=True))
                sums[key] = replace(known, weights=added)
        found += sums.values()
    return found
