"""Who answers the load in this process: introbench, and other ways to the same numbers."""

from __future__ import annotations

import importlib.util
import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.scorer.models import Subject
from introbench.models.types import ChoiceRequest
from introbench.scorer.forest import Forest, grow_forest
from introbench.scorer.packs import split_packs
from introbench.scorer.score import score_pack

__all__ = ["BATCH_SIZES", "PEERS", "Peer", "Scores", "missing_lm_eval", "open_peers", "single_rows"]

BATCH_SIZES = (1, 2, 4, 8, 16, 32)
"""Rows of a batch that a peer with padded batches is tried at."""

PEERS = ("introbench", "dense-mask", "hflm")
"""The first is what the others are compared with."""

Scores = list[tuple[float, ...]]
"""Per request, the summed log-probability of each choice in nats."""


@dataclass(frozen=True)
class Peer:
    """A way of answering requests.

    Attributes:
        name: how tables call it.
        score: answers requests in order; its second argument is the batch size.
        batch_sizes: those to choose from; empty where packs follow from the model's budget of tokens.
    """

    name: str
    score: Callable[[Sequence[ChoiceRequest], int], Scores]
    batch_sizes: tuple[int, ...] = ()


def open_peers(
    subject: Subject, names: Sequence[str], batch_sizes: tuple[int, ...] = BATCH_SIZES, hflm_softmax: str | None = None
) -> list[Peer]:
    """The peers of these names that this environment has, introbench first in any case.

    Args:
        hflm_softmax: dtype of lm-eval's softmax and sums; None is its own default, the model's.
    """
    peers = [Peer("introbench", lambda requests, size: _introbench(subject, requests))]
    if "dense-mask" in names and subject.path.packed:
        peers.append(Peer("dense-mask", lambda requests, size: _dense_mask(subject, requests)))
    if "hflm" in names and missing_lm_eval() is None:
        peers.append(_hflm(subject, batch_sizes, hflm_softmax))
    return peers


def missing_lm_eval() -> str | None:
    """What to do where lm-eval is not installed, or None where it is."""
    return None if importlib.util.find_spec("lm_eval") else "lm-eval is not installed: pip install lm-eval==0.4.13"


def _introbench(subject: Subject, requests: Sequence[ChoiceRequest]) -> Scores:
    scores: Scores = []
    for numbers in split_packs(requests, subject.pack_tokens):
        pack = [requests[number] for number in numbers]
        scores += [found.logprobs for found in score_pack(subject.model, subject.path, pack, subject.pack_tokens)]
    return scores


@torch.inference_mode()
def _dense_mask(subject: Subject, requests: Sequence[ChoiceRequest]) -> Scores:
    """The same packs through the library's own attention, with a mask of all tokens by all tokens.

    Right where no sliding window is shorter than a prompt.
    """
    model = subject.model
    scores: Scores = []
    for numbers in split_packs(requests, subject.pack_tokens):
        pack = [requests[number] for number in numbers]
        forest = grow_forest(pack)
        places = torch.arange(len(forest.ids), device=model.device)
        end = torch.from_numpy(forest.end).to(model.device)
        hidden = (places > places[:, None]) | (places[:, None] >= end)
        mask = torch.zeros(hidden.shape, dtype=model.dtype, device=model.device)
        logits = model(
            input_ids=torch.from_numpy(forest.ids)[None].to(model.device),
            position_ids=torch.from_numpy(forest.depth)[None].to(model.device),
            attention_mask=mask.masked_fill_(hidden, torch.finfo(model.dtype).min)[None, None],
            logits_to_keep=torch.from_numpy(forest.scored).to(model.device),
            use_cache=False,
        ).logits[0]
        scores += _summed(logits, forest, pack)
    return scores


def _summed(logits: torch.Tensor, forest: Forest, requests: Sequence[ChoiceRequest]) -> Scores:
    """Per request the summed log-probability of each choice, from the logits of the scored tokens."""
    found = logits.float().log_softmax(dim=-1)
    rows, targets = (torch.from_numpy(each).to(logits.device) for each in (forest.rows, forest.targets))
    values = found[rows, targets].double().cpu().numpy()
    sums = np.bincount(forest.owners, weights=values, minlength=forest.choices).tolist()
    cuts = itertools.accumulate((len(request.choices_ids) for request in requests), initial=0)
    return [tuple(sums[start:stop]) for start, stop in itertools.pairwise(cuts)]


def _hflm(subject: Subject, batch_sizes: tuple[int, ...], softmax: str | None) -> Peer:
    """lm-eval's HFLM around the same weights. It scores choices of one token and one context from one row."""
    from lm_eval.models.huggingface import HFLM

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    engine: Any = HFLM(
        pretrained=subject.model, tokenizer=subject.tokenizer, batch_size=1, backend="causal", softmax_dtype=softmax
    )

    def score(requests: Sequence[ChoiceRequest], size: int) -> Scores:
        engine.batch_size_per_gpu = size
        # Longer than any row, so that nothing is cut from the left.
        engine._max_length = max(
            len(request.prompt_ids) + len(reply) for request in requests for reply in request.choices_ids
        )
        rows = [
            (("", ""), list(request.prompt_ids), list(reply)) for request in requests for reply in request.choices_ids
        ]
        with torch.inference_mode():
            values = [value for value, _ in engine._loglikelihood_tokens(rows, disable_tqdm=True)]
        cuts = itertools.accumulate((len(request.choices_ids) for request in requests), initial=0)
        return [tuple(values[start:stop]) for start, stop in itertools.pairwise(cuts)]

    return Peer("hflm", score, batch_sizes)


@torch.inference_mode()
def single_rows(subject: Subject, requests: Sequence[ChoiceRequest]) -> Scores:
    """One forward pass per choice, nothing shared, nothing padded, nothing of the scorer: what is right."""
    return [
        tuple(_single_row(subject.model, request.prompt_ids, reply) for reply in request.choices_ids)
        for request in requests
    ]


def _single_row(model: Any, prompt: tuple[int, ...], reply: tuple[int, ...]) -> float:
    ids = torch.tensor([[*prompt, *reply[:-1]]], device=model.device)
    logits = model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 :]
    targets = torch.tensor(reply, device=model.device)[:, None]
    return float(logits.float().log_softmax(dim=-1).gather(1, targets).double().sum())
