"""One model on one load: introbench, its peers, a dense forward pass and the machine's matrix products."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np

from benchmarks.scorer.dense import DenseShape, best_shape, dense_seconds, matrix_rates, useful_flops
from benchmarks.scorer.load import by_item, sample
from benchmarks.scorer.measure import Meter, finish, metering, timed
from benchmarks.scorer.models import Subject
from benchmarks.scorer.peers import BATCH_SIZES, PEERS, Peer, Scores, missing_lm_eval, open_peers, single_rows
from introbench.models.types import ChoiceRequest
from introbench.scorer.forest import count_tokens, grow_forest
from introbench.scorer.forward import make_layout, score_packed
from introbench.scorer.memory import out_of_memory
from introbench.scorer.packs import split_packs

__all__ = ["DENSE_GOAL", "NATS_GOAL", "PUSHED_GOAL", "Settings", "agreement", "compare"]

DENSE_GOAL = 0.85
"""Least share of a dense forward pass's tokens per second that introbench is to reach."""

PUSHED_GOAL = 1.05
"""Most tokens that introbench may push, as a multiple of its items' tries."""


NATS_GOAL = {"float32": 1e-3}
"""Most that a trained model's log-probabilities may differ from one row at a time, by dtype."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the measurement is done.

    Attributes:
        peers: names of the peers beside introbench.
        batch_sizes: rows of a batch that padded peers are tried at.
        vllm_batch_sizes: the same for vLLM, which is started anew for each.
        hflm_softmax: dtype of lm-eval's softmax and sums; None is its own default, the model's.
        repeats: how often each answers the whole load; they take turns.
        sweep_requests: requests on which a peer's batch size is chosen, drawn from the load.
        check_items: first items of the load that are also answered one row at a time.
        ceiling: whether dense forward passes and matrix products are measured.
    """

    peers: tuple[str, ...] = PEERS
    batch_sizes: tuple[int, ...] = BATCH_SIZES
    vllm_batch_sizes: tuple[int, ...] = (8, 16, 32)
    hflm_softmax: str | None = None
    repeats: int = 3
    sweep_requests: int = 64
    check_items: int = 2
    ceiling: bool = True


@dataclass
class _Contender:
    """A peer while it is measured."""

    peer: Peer
    batch_size: int | None = None
    sweep: dict[str, float | None] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    meter: Meter = field(default_factory=Meter)
    peak_bytes: int | None = None
    rise_bytes: int | None = None
    scores: Scores = field(default_factory=list)


@dataclass
class _Dense:
    """The plain forward pass that introbench is held against; it takes its turn like a peer."""

    shape: DenseShape | None = None
    rates: dict[str, float] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def measure(self, model: Any, meter: Meter) -> None:
        """As many tokens as the meter counted, with as many positions scored."""
        share = meter.positions / meter.tokens
        if self.shape is None:
            self.shape, self.rates = best_shape(model, share)
        self.seconds.append(dense_seconds(model, self.shape, share, meter.tokens))


def compare(subject: Subject, requests: Sequence[ChoiceRequest], settings: Settings) -> tuple[dict[str, Any], Scores]:
    """What the JSON says of one model in one dtype, and introbench's own log-probabilities."""
    opened = open_peers(subject, settings.peers, settings.batch_sizes, settings.hflm_softmax)
    contenders = [_Contender(peer) for peer in opened]
    for contender in contenders:
        _prepare(contender, subject, sample(requests, settings.sweep_requests), requests)
    first, dense = contenders[0], _Dense()
    for _ in range(settings.repeats):
        for contender in contenders:
            _answer(contender, subject, requests)
        if settings.ceiling:
            dense.measure(subject.model, first.meter)
    part = [request for item in by_item(requests)[: settings.check_items] for request in item]
    right = single_rows(subject, part)
    dtype = str(subject.model.dtype).removeprefix("torch.")
    found: dict[str, Any] = {
        "model": subject.facts(),
        "dtype": dtype,
        "nats_goal": NATS_GOAL.get(dtype),
        "peers": {each.peer.name: _peer_entry(each, first, requests, right) for each in contenders},
        "skipped": _skipped(subject, settings),
        "introbench": _own_entry(subject, first, requests, settings.repeats),
    }
    if settings.ceiling:
        found["ceiling"] = _ceiling_entry(subject, first, dense, requests)
    return found, first.scores


def _skipped(subject: Subject, settings: Settings) -> dict[str, str]:
    reasons = {}
    if "hflm" in settings.peers and (reason := missing_lm_eval()):
        reasons["hflm"] = reason
    if "dense-mask" in settings.peers and not subject.path.packed:
        reasons["dense-mask"] = f"the model takes no trees: {subject.path.reason}"
    return reasons


def _prepare(
    contender: _Contender, subject: Subject, part: Sequence[ChoiceRequest], requests: Sequence[ChoiceRequest]
) -> None:
    """Choose the batch size on a part of the load; where there is none to choose, warm up."""
    device = subject.model.device
    if not contender.peer.batch_sizes:
        # On CUDA the whole load, because kernels are compiled for the shapes that they meet.
        warm = requests if device.type == "cuda" else requests[: len(part)]
        contender.peer.score(warm, 0)
        return
    contender.peer.score(part[: max(contender.peer.batch_sizes)], contender.peer.batch_sizes[0])
    for size in contender.peer.batch_sizes:
        try:
            contender.sweep[str(size)] = timed(partial(contender.peer.score, part, size), device).seconds
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            contender.sweep[str(size)] = None
    tried = {int(size): seconds for size, seconds in contender.sweep.items() if seconds is not None}
    contender.batch_size = min(tried, key=tried.__getitem__)


def _answer(contender: _Contender, subject: Subject, requests: Sequence[ChoiceRequest]) -> None:
    with metering(subject.model) as meter:
        run = timed(lambda: contender.peer.score(requests, contender.batch_size or 0), subject.model.device)
    print(f"{contender.peer.name}: {run.seconds:.2f} s", file=sys.stderr)
    contender.seconds.append(run.seconds)
    contender.meter, contender.scores = meter, run.result
    contender.peak_bytes = max(filter(None, (contender.peak_bytes, run.peak_bytes)), default=None)
    contender.rise_bytes = max(filter(None, (contender.rise_bytes, run.rise_bytes)), default=None)


def agreement(scores: Scores, others: Scores) -> dict[str, Any]:
    """How far two answers to the same requests lie apart.

    `largest_difference` is in nats, over all choices; `different_choices` counts requests whose likeliest choice
    is another one.
    """
    pairs = list(zip(scores, others, strict=True))
    apart = [np.max(np.abs(np.subtract(left, right))) for left, right in pairs]
    return {
        "requests": len(pairs),
        "largest_difference": float(np.max(apart)),
        "different_choices": sum(int(np.argmax(left) != np.argmax(right)) for left, right in pairs),
    }


def _peer_entry(
    contender: _Contender, first: _Contender, requests: Sequence[ChoiceRequest], right: Scores
) -> dict[str, Any]:
    median = statistics.median(contender.seconds)
    prompts = sum(len(request.prompt_ids) for request in requests)
    return {
        "batch_size": contender.batch_size,
        "sweep_seconds": contender.sweep,
        "seconds": contender.seconds,
        "median_seconds": median,
        "best_seconds": min(contender.seconds),
        "requests_per_second": len(requests) / median,
        "prompt_tokens_per_second": prompts / median,
        "passes": contender.meter.passes,
        "tokens_pushed": contender.meter.tokens,
        "positions_scored": contender.meter.positions,
        "peak_bytes": contender.peak_bytes,
        "rise_bytes": contender.rise_bytes,
        "times_introbench": median / statistics.median(first.seconds),
        "against_introbench": agreement(contender.scores, first.scores),
        "against_single_rows": agreement(contender.scores[: len(right)], right),
    }


def _own_entry(subject: Subject, first: _Contender, requests: Sequence[ChoiceRequest], repeats: int) -> dict[str, Any]:
    """What only introbench is asked: tokens pushed against the tries of its items, and the time for laying out."""
    packs = [[requests[number] for number in numbers] for numbers in split_packs(requests, subject.pack_tokens)]
    tries = [[count_tokens(item) for item in by_item(pack)] for pack in packs]
    bound = sum(map(sum, tries))
    found: dict[str, Any] = {
        "packs": len(packs),
        "tokens_pushed": first.meter.tokens,
        "bound_tokens": bound,
        "pushed_to_bound": first.meter.tokens / bound,
        "pushed_goal": PUSHED_GOAL,
        "tokens_per_item": _spread([tokens for pack in tries for tokens in pack]),
    }
    if subject.path.packed:
        # An item stands to its own try as its pack stands to the tries of all items in it.
        ratios = [count_tokens(pack) / sum(each) for pack, each in zip(packs, tries, strict=True) for _ in each]
        layout = [_layout_seconds(subject, requests) for _ in range(repeats)]
        found["pushed_to_bound_per_item"] = _spread(ratios)
        found["layout_seconds"] = layout
        found["layout_share"] = statistics.median(layout) / statistics.median(first.seconds)
    return found


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"mean": statistics.fmean(values), "largest": max(values)}


def _layout_seconds(subject: Subject, requests: Sequence[ChoiceRequest]) -> float:
    """Seconds for cutting packs, growing forests and making the masks that attention asks for; no forward pass."""
    device, flex = subject.model.device, subject.path.way == "flex"
    asked = make_layout(subject.model, requests[:1], flex=flex)
    score_packed(subject.model, requests[:1], asked)
    windows = set(asked.seen)
    config = subject.model.config.get_text_config()
    shared = config.num_attention_heads // (getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
    finish(device)
    start = time.perf_counter()
    for numbers in split_packs(requests, subject.pack_tokens):
        tree = make_layout(subject.model, [requests[number] for number in numbers], flex=flex)
        for window in windows:
            if flex:
                tree.sparse(window)
            else:
                tree.blocks(window, shared)
    finish(device)
    return time.perf_counter() - start


def _ceiling_entry(
    subject: Subject, first: _Contender, dense: _Dense, requests: Sequence[ChoiceRequest]
) -> dict[str, Any]:
    """Dense forward passes of as many tokens, and matrix products; and introbench's share of both."""
    assert dense.shape is not None
    model, tokens, positions = subject.model, first.meter.tokens, first.meter.positions
    products = matrix_rates(model)
    best = max(rate.flops_per_second for rate in products)
    own_seconds, dense_median = statistics.median(first.seconds), statistics.median(dense.seconds)
    packs = split_packs(requests, subject.pack_tokens)
    forests = [grow_forest([requests[number] for number in numbers]) for numbers in packs]
    pairs = sum(int((forest.depth + 1).sum()) for forest in forests)
    own_rate = useful_flops(model, tokens, positions, pairs) / own_seconds
    dense_rate = useful_flops(model, tokens, positions, round(tokens * (dense.shape.length + 1) / 2)) / dense_median
    return {
        "dense_shape": asdict(dense.shape),
        "dense_tokens_per_second_by_shape": dense.rates,
        "dense_seconds": dense.seconds,
        "dense_tokens_per_second": tokens / dense_median,
        "introbench_tokens_per_second": tokens / own_seconds,
        "share_of_dense": dense_median / own_seconds,
        "dense_goal": DENSE_GOAL,
        "matrix_products": [asdict(rate) for rate in products],
        "matrix_flops_per_second": best,
        "introbench_flops_per_second": own_rate,
        "introbench_share_of_matrix": own_rate / best,
        "dense_flops_per_second": dense_rate,
        "dense_share_of_matrix": dense_rate / best,
    }
