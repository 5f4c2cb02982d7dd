"""What a model is to introbench: one Protocol, its requests and results, and its identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

from introbench.errors import ModelError, PromptError
from introbench.hashing import content_hash
from introbench.tasks.types import Case, Part, Question

__all__ = [
    "Chat",
    "ChoiceRequest",
    "ChoiceResult",
    "Fingerprint",
    "Model",
    "ModelHead",
    "ScoringFacts",
    "Source",
    "check_length",
    "parting",
]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a request comes from: a case and which of its questions.

    Models with weights never look at it; scripted models answer from it.
    """

    case: Case
    part: Part

    @property
    def question(self) -> Question:
        """That question."""
        return next(question for question in self.case.questions if question.part == self.part)

    def choices(self, spec: str) -> tuple[str, ...]:
        """Replies that a model without probabilities may be led to. Raises ModelError where beginnings are wanted."""
        if self.question.openings:
            raise ModelError(
                f"{spec}: {self.case.task} is read by the probabilities of how replies begin, and this model gives "
                f"none; ask {self.case.task.partition('?')[0]}?behaviour=judged"
            )
        return self.question.choices


def parting(one: Sequence[int], other: Sequence[int]) -> int | None:
    """Place of the first token in which two replies differ; None where one begins with the other."""
    return next((place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)


@dataclass(frozen=True, slots=True)
class ChoiceRequest:
    """A prompt and the replies whose probabilities are wanted.

    Attributes:
        prompt_ids: token ids of the prompt, generation prompt included; not empty for models with weights.
        choices_ids: token ids of each reply, end-of-turn token included where the reply ends; at least
            one choice, none empty.
        group: consecutive requests of one group share long prefixes and stay in one pack; "" is no group.
        source: the case that is asked about, where there is one.
    """

    prompt_ids: tuple[int, ...]
    choices_ids: tuple[tuple[int, ...], ...]
    group: str = ""
    source: Source | None = field(default=None, compare=False, repr=False)

    @property
    def beginnings(self) -> tuple[tuple[int, ...], ...]:
        """How replies begin that say "unchanged" and "changed", up to the deciding token, at which the two part.

        Empty where the choices are not the explanations of both verdicts, or those of one verdict begin differently.
        """
        if self.source is None or self.source.part != "explanation":
            return ()
        half, odd = divmod(len(self.choices_ids), 2)
        if odd or not half:
            return ()
        verdicts = self.choices_ids[:half], self.choices_ids[half:]
        deciding = parting(verdicts[0][0], verdicts[1][0])
        if deciding is None:
            return ()
        found = [{choice[: deciding + 1] for choice in choices} for choices in verdicts]
        return tuple(next(iter(each)) for each in found) if all(len(each) == 1 for each in found) else ()


@dataclass(frozen=True, slots=True)
class ChoiceResult:
    """The answer to a `ChoiceRequest`.

    Attributes:
        logprobs: summed log-probability of each choice given the prompt, in nats, float32 or better.
        part: which part of its pack was computed at a time, a digit per halving; "" where memory held the whole.
        text: the reply itself, where the engine gives one reply and no probability of each choice; `logprobs` is then
            empty.
        deciding: summed log-probability, in nats, of the request's two `beginnings`; None where they were not scored.
    """

    logprobs: tuple[float, ...]
    part: str = ""
    text: str | None = None
    deciding: tuple[float, float] | None = None

    @classmethod
    def of_tokens(cls, request: ChoiceRequest, token_logprobs: Sequence[Sequence[float]]) -> ChoiceResult:
        """The answer that follows from the log-probabilities of each choice's tokens, in nats."""
        sums = tuple(sum(values) for values in token_logprobs)
        beginnings = request.beginnings
        if not beginnings:
            return cls(sums)
        unchanged, changed = map(len, beginnings)
        half = len(token_logprobs) // 2
        return cls(sums, deciding=(sum(token_logprobs[0][:unchanged]), sum(token_logprobs[half][:changed])))


@dataclass(frozen=True)
class Fingerprint:
    """The identity of a model: rows of the ledger belong to exactly one.

    Attributes:
        parts: what the identity is made of, by name: engine, weights, adapter, dtype, tokenizer,
            template, noise…
    """

    parts: Mapping[str, str]

    @cached_property
    def hex(self) -> str:
        """sha256 over all parts."""
        return content_hash(dict(self.parts))


@dataclass(frozen=True, slots=True)
class ScoringFacts:
    """How a model's probabilities are computed; goes into the manifest.

    Attributes:
        path: "packed" (token trees), "padded" (a row per path of the tree), "scripted", or the engine that answers.
        reason: why that path.
        probe_difference: largest difference in nats between this path and one row at a time.
        tie_margin: decisions with a smaller margin, in nats, may fall otherwise on another machine.
        dtype: dtype of the weights.
        device: device of the weights.
        parameters: number of parameters, 0 where there are none.
        products: library that computes the linear layers' matrix products, "" where there are none.
        answers: "seq", the probability of every choice, or "path", the one reply that the model is led to: two classes
            of results that are not compared.
    """

    path: str
    reason: str
    probe_difference: float
    tie_margin: float
    dtype: str
    device: str
    parameters: int
    products: str = ""
    answers: Literal["seq", "path"] = "seq"


class Chat(Protocol):
    """Turns conversations into token ids, once."""

    def prompt_ids(self, messages: Sequence[Mapping[str, str]]) -> tuple[int, ...]:
        """Ids of a conversation that ends with a user turn, generation prompt included."""
        ...

    def reply_ids(self, text: str) -> tuple[int, ...]:
        """Ids of a whole reply, closed by the end-of-turn token."""
        ...


class ModelHead(Protocol):
    """What can be known of a model without its weights in memory: enough to plan and to find answers again.

    Attributes:
        spec: the spec that it was opened from, canonical.
        fingerprint: its identity.
        chat: renders conversations to ids, or None where no ids are needed.
        tokenizer: the backend's tokenizer, or None.
        context: longest sequence in tokens, None where nothing is known of a limit.
        pack_tokens: most tokens of one forward pass, unless a single item needs more.
    """

    @property
    def spec(self) -> str: ...
    @property
    def fingerprint(self) -> Fingerprint: ...
    @property
    def chat(self) -> Chat | None: ...
    @property
    def tokenizer(self) -> Any: ...
    @property
    def context(self) -> int | None: ...
    @property
    def pack_tokens(self) -> int: ...

    def load(self, pack_tokens: int | None = None) -> Model:
        """Bring the weights into memory, and keep to another number of tokens a pass where one is given.

        Raises ModelError where that fails.
        """
        ...


class Model(ModelHead, Protocol):
    """What every backend provides.

    Attributes:
        facts: how its probabilities are computed.
        writing: how it writes replies and why so, for the manifest.
    """

    @property
    def facts(self) -> ScoringFacts: ...
    @property
    def writing(self) -> str: ...

    def score(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceResult]:
        """Summed log-probabilities of every choice, in the order of the requests.

        Raises PromptError where a prompt and its longest choice exceed the context, ModelError where
        the model cannot answer, UnansweredError where it left some requests unanswered.
        """
        ...

    def generate(self, requests: Sequence[ChoiceRequest], *, max_new_tokens: int) -> list[str]:
        """Greedy replies to the prompts of some requests, whose choices are not looked at.

        Without the end-of-turn token. Raises as `score` does.
        """
        ...


def check_length(request: ChoiceRequest, spec: str, context: int | None, reply_tokens: int | None = None) -> None:
    """Raise PromptError, naming the case, where a request has no tokens or more than the context holds.

    Args:
        reply_tokens: longest reply that may be written; where left out, choices are looked at.
    """
    where = request.source.case.id if request.source else "a request"
    choices = request.choices_ids if reply_tokens is None else (range(reply_tokens),)
    if not request.prompt_ids or not choices or not all(choices):
        raise PromptError(f"{spec}: {where}: the prompt and every choice need at least one token")
    length = len(request.prompt_ids) + max(map(len, choices))
    if context is not None and length > context:
        raise PromptError(
            f"{spec}: {where} needs {length} tokens, the context is {context}; "
            "prompts are never cut: ask for fewer demonstrations or a model with a longer context"
        )
