"""A model behind a server: exact log-probabilities where its tokens are known, else the reply that it is led to."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from typing import Any, TypeVar

from introbench.errors import ModelError, PromptError, UnansweredError
from introbench.models.company import company_difference, company_tie_margin
from introbench.models.served.asking import PARSED, ChoosingWay, ScoringWay, chat_body, longest, reply_of
from introbench.models.served.client import Client, NoAnswerError, RefusedError, all_at_once
from introbench.models.served.options import ServedOptions
from introbench.models.types import (
    Chat,
    ChoiceRequest,
    ChoiceResult,
    Fingerprint,
    ScoringFacts,
    Source,
    check_length,
)
from introbench.tasks.types import Question

__all__ = ["ServedModel", "new_nonce"]

_CONTEXT_WORDS = re.compile(r"context|too long|maximum.*length|max_model_len", re.IGNORECASE)
_BAD_REQUEST = 400

T = TypeVar("T")


def new_nonce() -> str:
    """What tells one run's rows from another's, as nobody can know that a server still serves the same weights."""
    return secrets.token_hex(8)


@dataclass(frozen=True)
class ServedModel:
    """A served model, which has no weights to load: head and model in one.

    Attributes:
        spec: canonical spec.
        name: the server's name of it.
        fingerprint: URL, name, what the server says of the model, how it is asked, and the nonce of the run.
        options: how it is asked.
        extra: more fields of every chat completion.
        way: how choices are read: log-probabilities of token ids, or the one reply that the model is led to.
        chat: renders conversations to ids; None where the server renders them.
        tokenizer: the tokenizer that `chat` uses, or None.
        context: longest sequence in tokens, None where the server does not say.
        pack_tokens: most tokens of a pack, which is what is asked again where a run was interrupted.
    """

    spec: str
    name: str
    fingerprint: Fingerprint
    options: ServedOptions
    extra: Mapping[str, Any]
    way: ScoringWay | ChoosingWay
    chat: Chat | None
    tokenizer: Any
    context: int | None
    pack_tokens: int
    end_of_turn: int | None

    def load(self, pack_tokens: int | None = None) -> ServedModel:
        """Nothing has to be loaded."""
        return replace(self, pack_tokens=pack_tokens or self.pack_tokens)

    @cached_property
    def facts(self) -> ScoringFacts:
        """What the manifest says of the scoring. Asks the server, to see how far its numbers can be relied on."""
        difference = 0.0
        if isinstance(self.way, ScoringWay) and self.chat is not None:
            difference = company_difference(self.score, self.chat)
        return ScoringFacts(
            path="served",
            reason=self.way.name,
            probe_difference=difference,
            tie_margin=company_tie_margin(difference) if isinstance(self.way, ScoringWay) else 0.0,
            dtype="unknown",
            device="unknown",
            parameters=0,
            answers="seq" if isinstance(self.way, ScoringWay) else "path",
        )

    @property
    def writing(self) -> str:
        """How it writes, for the manifest."""
        return "completions of token ids" if self.chat is not None else "chat completions"

    @cached_property
    def _client(self) -> Client:
        return self.options.client()

    def score(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceResult]:
        """Summed log-probabilities of every choice, or the one reply. Raises UnansweredError where some have none."""
        if isinstance(self.way, ScoringWay):
            return self._scored(requests, self.way)
        return self._all(requests, partial(self._chosen, way=self.way))

    def generate(self, requests: Sequence[ChoiceRequest], *, max_new_tokens: int) -> list[str]:
        """Greedy replies. Raises UnansweredError where some requests have none."""
        if self.chat is not None:
            for request in requests:
                check_length(request, self.spec, self.context, max_new_tokens)
            return self._all(requests, partial(self._completed, tokens=max_new_tokens))
        budget = max(max_new_tokens, self.options.max_tokens)
        return self._all(requests, lambda request: self._replied(_source(self.spec, request).question, {}, budget))

    def _scored(self, requests: Sequence[ChoiceRequest], way: ScoringWay) -> list[ChoiceResult]:
        for request in requests:
            check_length(request, self.spec, self.context)
        pairs = [(number, reply) for number, request in enumerate(requests) for reply in request.choices_ids]
        tokens: list[list[list[float]]] = [[] for _ in requests]
        missing: dict[int, str] = {}
        asks = [partial(self._token_logprobs, requests[number], reply, way) for number, reply in pairs]
        for (number, _), found in zip(pairs, all_at_once(asks, self.options.concurrency), strict=True):
            if isinstance(found, NoAnswerError):
                missing[number] = str(found)
            else:
                tokens[number].append(found)
        results = [
            None if number in missing else ChoiceResult.of_tokens(request, tokens[number])
            for number, request in enumerate(requests)
        ]
        return self._whole(requests, results, next(iter(missing.values()), ""))

    def _token_logprobs(self, request: ChoiceRequest, reply: Sequence[int], way: ScoringWay) -> list[float]:
        ids = [*request.prompt_ids, *reply]
        body = {"model": self.name, "prompt": ids, "temperature": 0, **way.fields}
        return self._post(request, "completions", body, lambda found: way.read(found, ids)[-len(reply) :])

    def _chosen(self, request: ChoiceRequest, way: ChoosingWay) -> ChoiceResult:
        source = _source(self.spec, request)
        choices = source.choices(self.spec)
        tokens = self.options.max_tokens if way is PARSED else longest(choices)
        if self.options.thinking:
            tokens = max(tokens, self.options.max_tokens)
        content = self._replied(source.question, way.fields(choices), tokens, request)
        try:
            return ChoiceResult((), text=way.read(content))
        except (LookupError, TypeError, ValueError):
            # Cut off before its structure was whole: kept as it came, and read as what it is.
            return ChoiceResult((), text=content)

    def _replied(
        self, question: Question, fields: Mapping[str, Any], tokens: int, request: ChoiceRequest | None = None
    ) -> str:
        messages = [asdict(message) for message in question.messages]
        body = chat_body(self.name, messages, {**self.extra, **fields}, tokens)
        return self._post(request, "chat/completions", body, reply_of)

    def _completed(self, request: ChoiceRequest, tokens: int) -> str:
        body = {"model": self.name, "prompt": list(request.prompt_ids), "temperature": 0, "max_tokens": tokens}
        if self.way.name == "prompt_logprobs":  # a field of the servers that know this one
            body["stop_token_ids"] = [self.end_of_turn]
        text = self._post(request, "completions", body, lambda found: str(found["choices"][0]["text"]))
        return text.removeprefix(" ")

    def _post(
        self,
        request: ChoiceRequest | None,
        path: str,
        body: Mapping[str, Any],
        read: Callable[[Mapping[str, Any]], T],
    ) -> T:
        try:
            return self._client.post(path, body, read)
        except RefusedError as error:
            where = f": {request.source.case.id}" if request and request.source else ""
            if error.status == _BAD_REQUEST and _CONTEXT_WORDS.search(str(error)):
                raise PromptError(
                    f"{self.spec}{where}: does not fit the context: {error}; prompts are never cut: ask for fewer "
                    "demonstrations or serve the model with a longer context"
                ) from error
            raise ModelError(f"{self.spec}{where}: {self.options.url} refuses the request: {error}") from error

    def _all(self, requests: Sequence[ChoiceRequest], ask: Callable[[ChoiceRequest], T]) -> list[T]:
        found = all_at_once([partial(ask, request) for request in requests], self.options.concurrency)
        reasons = [str(answer) for answer in found if isinstance(answer, NoAnswerError)]
        results = [None if isinstance(answer, NoAnswerError) else answer for answer in found]
        return self._whole(requests, results, reasons[0] if reasons else "")

    def _whole(self, requests: Sequence[ChoiceRequest], results: Sequence[T | None], reason: str) -> list[T]:
        whole = [result for result in results if result is not None]
        if len(whole) == len(requests):
            return whole
        raise UnansweredError(
            f"{self.spec}: {self.options.url} left {len(requests) - len(whole)} of {len(requests)} requests "
            f"unanswered after {self.options.retries + 1} attempts each ({reason}); what was answered is kept, the "
            "same command goes on from there",
            results,
        )


def _source(spec: str, request: ChoiceRequest) -> Source:
    """What a request without token ids asks."""
    if request.source is None:
        raise ModelError(f"{spec}: without ?tokenizer=… a served model answers the questions of a run only")
    return request.source
