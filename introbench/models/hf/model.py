"""A transformers model behind introbench's Protocol."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from introbench.errors import ModelError
from introbench.models.chat import PlainChat, TemplateChat
from introbench.models.hf.shared import sums_at_hand
from introbench.models.types import ChoiceRequest, ChoiceResult, Fingerprint, ScoringFacts, check_length
from introbench.scorer.generate import GenerationPath, choose_generation, generate_greedy
from introbench.scorer.packs import split_packs
from introbench.scorer.probe import ScoringPath
from introbench.scorer.rope import regime_limit
from introbench.scorer.score import OutOfMemoryError, ScoredRequest, score_pack

__all__ = ["HfModel", "context_length"]


@dataclass(frozen=True)
class HfModel:
    """A loaded model with its tokenizer.

    Attributes:
        spec: canonical spec.
        hf_model: the transformers (or peft) model, in eval mode.
        tokenizer: the transformers tokenizer.
        chat: how conversations become ids.
        fingerprint: identity of weights, dtype, tokenizer and template.
        path: how choices are scored.
        pack_tokens: most tokens of one forward pass, unless a single item needs more.
        products: library that computes the matrix products.
        thinking: most tokens of a reply with the thoughts before it, where the model may think; else 0. Its choices are
            then what it writes.
    """

    spec: str
    hf_model: Any
    tokenizer: Any
    chat: TemplateChat | PlainChat
    fingerprint: Fingerprint
    path: ScoringPath
    pack_tokens: int
    products: str = "torch"
    thinking: int = 0

    def load(self, pack_tokens: int | None = None) -> HfModel:
        """The model itself: its weights are here."""
        return replace(self, pack_tokens=pack_tokens or self.pack_tokens)

    @property
    def facts(self) -> ScoringFacts:
        """What the manifest says of the scoring."""
        scored = "packed" if self.path.packed else "padded"
        return ScoringFacts(
            path="generated" if self.thinking else scored,
            reason=f"thinks, {self.thinking} tokens a reply at most" if self.thinking else self.path.reason,
            probe_difference=0.0 if self.thinking else self.path.difference,
            tie_margin=0.0 if self.thinking else self.path.tie_margin,
            dtype=str(self.hf_model.dtype).removeprefix("torch."),
            device=str(self.hf_model.device),
            parameters=int(self.hf_model.num_parameters()),  # it knows how many are packed into a byte
            products=self.products,
            answers="path" if self.thinking else "seq",
        )

    @property
    def context(self) -> int | None:
        """Longest sequence in tokens, or None where the config states none."""
        return context_length(self.hf_model.config)

    def score(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceResult]:
        """Summed log-probabilities of every choice, or the reply that is written where the model thinks before it.

        Whole groups are packed together, in order.
        """
        if self.thinking:
            for source in (request.source for request in requests if request.source):
                source.choices(self.spec)  # what is read by probabilities alone cannot be asked
            return [ChoiceResult((), text=text) for text in self.generate(requests, max_new_tokens=self.thinking)]
        for request in requests:
            check_length(request, self.spec, self.context)
        results: list[ChoiceResult] = []
        for numbers in split_packs(requests, self.pack_tokens):
            pack = [_with_beginnings(requests[number]) for number in numbers]
            try:
                scored = score_pack(self.hf_model, self.path, pack, self.pack_tokens)
            except OutOfMemoryError as error:
                raise ModelError(_does_not_fit(self.spec, requests[numbers[error.number]], error)) from error
            results += [_result(requests[number], found) for number, found in zip(numbers, scored, strict=True)]
        return results

    @cached_property
    def generation(self) -> GenerationPath:
        """How this model writes, decided when it first has to."""
        return choose_generation(self.hf_model)

    @property
    def writing(self) -> str:
        """How this model writes and why so, for the manifest."""
        return f"{self.generation.way}: {self.generation.reason}"

    def generate(self, requests: Sequence[ChoiceRequest], *, max_new_tokens: int) -> list[str]:
        """Greedy replies, up to the end-of-turn token; with the thoughts before them where the model thinks."""
        max_new_tokens = max(max_new_tokens, self.thinking)
        for request in requests:
            check_length(request, self.spec, self.context, max_new_tokens)
        # Frequencies may follow the longest row of a batch: what leaves their short regime is written by itself.
        limit = regime_limit(self.hf_model.config)
        alone = [bool(limit) and len(request.prompt_ids) + max_new_tokens > (limit or 0) for request in requests]
        texts: dict[int, str] = {}
        for way in (False, True):
            numbers = [number for number, single in enumerate(alone) if single is way]
            path = GenerationPath("single", self.generation.reason) if way else self.generation
            try:
                with sums_at_hand(self.hf_model):
                    replies = generate_greedy(
                        self.hf_model,
                        [requests[number].prompt_ids for number in numbers],
                        max_new_tokens=max_new_tokens,
                        stop_id=self.chat.end_of_turn,
                        path=path,
                    )
            except ModelError as error:
                raise ModelError(f"{self.spec}: {error}") from error
            texts.update(zip(numbers, map(self._text, replies), strict=True))
        return [texts[number] for number in range(len(requests))]

    def _text(self, ids: Sequence[int]) -> str:
        if self.thinking:
            # The marks around a thought may be special tokens: without them it could not be told from the reply.
            return self.chat.begun + str(self.tokenizer.decode(list(ids), skip_special_tokens=False))
        return re.sub(r"^ ", "", str(self.tokenizer.decode(list(ids), skip_special_tokens=True)))


def _with_beginnings(request: ChoiceRequest) -> ChoiceRequest:
    """An explanation request that scores its beginnings, too; they lie on the way to its choices and push no token."""
    return replace(request, choices_ids=(*request.choices_ids, *request.beginnings))


def _result(request: ChoiceRequest, found: ScoredRequest) -> ChoiceResult:
    """The answer to a request from that with its beginnings behind the choices."""
    size = len(request.choices_ids)
    beginnings = found.logprobs[size:]
    deciding = (beginnings[0], beginnings[1]) if beginnings else None
    return ChoiceResult(found.logprobs[:size], found.part, deciding=deciding)


def _does_not_fit(spec: str, request: ChoiceRequest, error: Exception) -> str:
    asked = f"{request.source.case.id} ({request.source.part})" if request.source else "a request"
    tokens = len(request.prompt_ids) + sum(map(len, request.choices_ids))
    return (
        f"{spec}: {asked} does not fit into memory by itself, {tokens} tokens at most: "
        f"use a smaller dtype or another device ({error})"
    )


def context_length(config: Any) -> int | None:
    """Longest sequence that a model's config allows, in tokens, or None where it states none."""
    found = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(found) if found else None
