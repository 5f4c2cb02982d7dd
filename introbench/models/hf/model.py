"""A transformers model behind introbench's Protocol."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from introbench.errors import ModelError
from introbench.models.chat import PlainChat, TemplateChat
from introbench.models.types import ChoiceRequest, ChoiceResult, Fingerprint, ScoringFacts, check_length
from introbench.scorer.packs import split_packs
from introbench.scorer.probe import ScoringPath
from introbench.scorer.score import OutOfMemoryError, score_pack

__all__ = ["HfModel", "context_length"]

_PROMPTS_PER_BATCH = 8


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
    """

    spec: str
    hf_model: Any
    tokenizer: Any
    chat: TemplateChat | PlainChat
    fingerprint: Fingerprint
    path: ScoringPath
    pack_tokens: int

    def load(self, pack_tokens: int | None = None) -> HfModel:
        """The model itself: its weights are here."""
        return replace(self, pack_tokens=pack_tokens or self.pack_tokens)

    @property
    def facts(self) -> ScoringFacts:
        """What the manifest says of the scoring."""
        return ScoringFacts(
            path="packed" if self.path.packed else "padded",
            reason=self.path.reason,
            probe_difference=self.path.difference,
            tie_margin=self.path.tie_margin,
            dtype=str(self.hf_model.dtype).removeprefix("torch."),
            device=str(self.hf_model.device),
            parameters=sum(parameter.numel() for parameter in self.hf_model.parameters()),
        )

    @property
    def context(self) -> int | None:
        """Longest sequence in tokens, or None where the config states none."""
        return context_length(self.hf_model.config)

    def score(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceResult]:
        """Summed log-probabilities of every choice. Whole groups are packed together, in order."""
        for request in requests:
            check_length(request, self.spec, self.context)
        results: list[ChoiceResult] = []
        for numbers in split_packs(requests, self.pack_tokens):
            pack = [requests[number] for number in numbers]
            try:
                scored = score_pack(self.hf_model, self.path, pack, self.pack_tokens)
            except OutOfMemoryError as error:
                raise ModelError(_does_not_fit(self.spec, pack[error.number], error)) from error
            results += [ChoiceResult(found.logprobs, found.part) for found in scored]
        return results

    @torch.inference_mode()
    def generate(self, prompts: Sequence[tuple[int, ...]], *, max_new_tokens: int) -> list[str]:
        """Greedy replies, in left-padded batches of similar length, up to the end-of-turn token."""
        order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
        replies = [""] * len(prompts)
        for start in range(0, len(order), _PROMPTS_PER_BATCH):
            batch = order[start : start + _PROMPTS_PER_BATCH]
            width = max(len(prompts[number]) for number in batch)
            ids = torch.full((len(batch), width), self.chat.end_of_turn)
            mask = torch.zeros_like(ids)
            for row, number in enumerate(batch):
                ids[row, width - len(prompts[number]) :] = torch.tensor(prompts[number])
                mask[row, width - len(prompts[number]) :] = 1
            made = self.hf_model.generate(
                input_ids=ids.to(self.hf_model.device),
                attention_mask=mask.to(self.hf_model.device),
                max_new_tokens=max_new_tokens,
                do_sample=False,
                num_beams=1,
                eos_token_id=self.chat.end_of_turn,
                pad_token_id=self.chat.end_of_turn,
            )
            for row, number in enumerate(batch):
                replies[number] = self._text(made[row, width:].tolist())
        return replies

    def _text(self, ids: list[int]) -> str:
        if self.chat.end_of_turn in ids:
            ids = ids[: ids.index(self.chat.end_of_turn)]
        return re.sub(r"^ ", "", str(self.tokenizer.decode(ids, skip_special_tokens=True)))


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
