"""Both ways of scoring give what one row at a time gives, and models that cannot take a tree are recognised."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import FALL_BACK, TAKE_TREES, tiny_model
from transformers import AutoModelForCausalLM

from introbench.models.load import load_model
from introbench.models.types import ChoiceRequest
from introbench.scorer.blocks import TreeLayout
from introbench.scorer.forest import grow_forest
from introbench.scorer.forward import make_layout, packed_logits, score_packed, score_padded
from introbench.scorer.probe import MIN_TIE_MARGIN, ScoringPath, choose_path
from introbench.scorer.rope import regime_limit
from introbench.scorer.score import OutOfMemoryError, score_pack

CONTRACT_B = 1e-4
"""Nats between any float32 path and a loop over single rows."""

BATCH = 200
"""Tokens of a padded batch: several rows, and several batches."""


def one_by_one(model: Any, requests: list[ChoiceRequest]) -> list[list[float]]:
    """The definition: a forward pass per choice, nothing shared, summed in float64."""
    results = []
    for request in requests:
        sums = []
        for reply in request.choices_ids:
            with torch.inference_mode():
                logits = model(torch.tensor([[*request.prompt_ids, *reply[:-1]]]), use_cache=False).logits[0]
            logprobs = logits[len(request.prompt_ids) - 1 :].double().log_softmax(-1)
            sums.append(sum(logprobs[place, token].item() for place, token in enumerate(reply)))
        results.append(sums)
    return results


def packed(model: Any, requests: list[ChoiceRequest], *, flex: bool = False) -> Any:
    return score_packed(model, requests, make_layout(model, requests, flex=flex))


def largest_difference(left: Any, right: Any) -> float:
    return max(abs(a - b) for one, other in zip(left, right, strict=True) for a, b in zip(one, other, strict=True))


def random_requests(seed: int, stem: int = 14, branches: int = 4) -> list[ChoiceRequest]:
    """Prompts that share a stem and leave it at different places; choices of 1 to 5 tokens, some shared."""
    draw = random.Random(seed)

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(1, 60) for _ in range(count))

    trunk, first = tokens(stem), tokens(2)
    grown = [
        ChoiceRequest(trunk + tokens(3 + number), (first + tokens(3), first[:1], first, tokens(2), tokens(1)))
        for number in range(branches)
    ]
    return [*grown, ChoiceRequest(trunk[:10], (tokens(1), trunk[10:13])), ChoiceRequest(tokens(1), (tokens(1),))]


token = st.integers(0, 4)
choice_requests = st.lists(
    st.builds(
        ChoiceRequest,
        st.lists(token, min_size=1, max_size=8).map(tuple),
        st.lists(st.lists(token, min_size=1, max_size=5).map(tuple), min_size=1, max_size=4).map(tuple),
        st.sampled_from(["", "a", "b"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40)
@given(requests=choice_requests)
def test_packed_and_padded_equal_one_row_at_a_time(requests: list[ChoiceRequest], tiny_llama: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_llama).eval()
    expected = one_by_one(model, requests)
    assert largest_difference(packed(model, requests), expected) < CONTRACT_B
    assert largest_difference(score_padded(model, requests, tokens_per_batch=30), expected) < CONTRACT_B


@pytest.mark.parametrize("name", TAKE_TREES)
def test_every_model_that_takes_trees_scores_as_one_row_at_a_time(name: str) -> None:
    model = tiny_model(name)
    path = choose_path(model)
    assert path.packed, path.reason
    requests = random_requests(seed=len(name))
    expected = one_by_one(model, requests)
    before = model.config._attn_implementation
    assert largest_difference(packed(model, requests), expected) < CONTRACT_B
    assert model.config._attn_implementation == before
    assert largest_difference(score_padded(model, requests, BATCH), expected) < CONTRACT_B


@pytest.mark.filterwarnings("ignore:.*fast path.*")
@pytest.mark.parametrize("name", FALL_BACK)
def test_models_that_cannot_take_trees_fall_back_to_padded_rows_which_are_exact(name: str) -> None:
    model = tiny_model(name)
    path = choose_path(model)
    assert not path.packed
    assert path.reason
    requests = random_requests(seed=len(name))
    assert largest_difference(score_padded(model, requests, BATCH), one_by_one(model, requests)) < CONTRACT_B


def test_long_chains_and_many_branches_cross_blocks() -> None:
    # Longer than two blocks of queries on one chain, then branches off its middle and its end.
    model = tiny_model("Gemma3Text")
    requests = random_requests(seed=5, stem=300, branches=30)
    assert len(make_layout(model, requests).blocks(None)) > 5
    assert largest_difference(packed(model, requests), one_by_one(model, requests)) < CONTRACT_B


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("Gemma3Text", {"sliding_window": 50}, "its layers ask for the windows"),
        ("Llama", {"num_hidden_layers": 5}, "4 of its 5 layers attend by the library's attention"),
        ("Llama", {"layer_types": ["full_attention", "conv"]}, "has layers of type conv"),
    ],
)
def test_a_model_whose_layers_do_not_attend_as_its_config_says_falls_back(
    name: str, change: dict[str, Any], reason: str
) -> None:
    # A probe of some twenty tokens sees no window of fifty: the calls give it away.
    model = tiny_model(name)
    for key, value in change.items():
        object.__setattr__(model.config, key, value)
    path = choose_path(model)
    assert not path.packed
    assert reason in path.reason


def test_a_window_shorter_than_the_longest_probe_is_probed_across() -> None:
    model = tiny_model("Mistral", sliding_window=100)
    assert choose_path(model).packed
    requests = [ChoiceRequest(tuple(range(1, 59)) * 3, ((5,), (6, 7)))]
    assert largest_difference(packed(model, requests), one_by_one(model, requests)) < CONTRACT_B


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="FlexAttention compiles with g++")
@pytest.mark.parametrize("name", ["Gemma2", "GPTNeoX"])
def test_flex_attention_gives_the_same(name: str) -> None:
    # What a GPU takes, on the CPU: forests of several sparse blocks, of two sizes, deeper than any window.
    model = tiny_model(name)
    for branches in (12, 30):
        requests = random_requests(seed=branches, stem=150, branches=branches)
        expected = one_by_one(model, requests)
        assert largest_difference(packed(model, requests, flex=True), expected) < CONTRACT_B


@pytest.mark.parametrize("window", [None, 40, 150])
def test_sparse_blocks_hold_whom_the_tree_lets_attend(window: int | None) -> None:
    tree = make_layout(tiny_model("Llama"), random_requests(seed=8, stem=150, branches=60), flex=True)
    forest, mask = tree.forest, tree.sparse(window)
    count = len(forest.ids)
    place = np.arange(count)
    attends = (place <= place[:, None]) & (place[:, None] < forest.end)
    if window is not None:
        attends &= forest.depth[:, None] - forest.depth < window
    size = mask.BLOCK_SIZE[0]
    for query in range(0, count, size):
        needed, whole = _listed_keys(mask, query // size)
        for key in range(0, count, size):
            part = attends[query : query + size, key : key + size]
            if key // size in whole:
                assert part.all()
            elif part.any():
                assert key // size in needed
    assert len(_listed_keys(mask, count // size)[0]) < count // size  # and not everything


def _listed_keys(mask: Any, row: int) -> tuple[set[int], set[int]]:
    partial = mask.kv_indices[0, 0, row, : mask.kv_num_blocks[0, 0, row]]
    whole = mask.full_kv_indices[0, 0, row, : mask.full_kv_num_blocks[0, 0, row]]
    return set(partial.tolist()), set(whole.tolist())


def test_half_precision_sums_in_float32() -> None:
    model = tiny_model("Llama").to(torch.bfloat16)
    requests = random_requests(seed=3)
    exact = one_by_one(model.float(), requests)
    found = packed(model.to(torch.bfloat16), requests)
    # Rounding of weights and activations, not of sums: far more digits than bfloat16 has survive.
    assert 0 < largest_difference(found, exact) < 0.5
    assert all(value != torch.tensor(value, dtype=torch.bfloat16).item() for request in found for value in request)


@pytest.fixture(scope="module")
def trained_in_half_precision(repository: Path) -> Any:
    return load_model(f"hf/smollm2-135m-q4_1+{repository / 'examples' / 'adapters' / 'no_kl'}?dtype=bfloat16").hf_model


@pytest.mark.model
@pytest.mark.parametrize("seed", range(5))
def test_trained_weights_in_half_precision_take_trees(
    seed: int, trained_in_half_precision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _draw_otherwise(monkeypatch, seed)
    path = choose_path(trained_in_half_precision)
    assert path.packed, path.reason


@pytest.mark.model
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("broken", ["branches see each other", "a window is passed over", "positions of one row"])
def test_a_wrong_tree_is_more_than_the_rounding_of_half_precision(
    broken: str, seed: int, trained_in_half_precision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(model: Any, requests: Any, *, flex: bool) -> TreeLayout:
        forest = grow_forest(requests)
        if broken == "branches see each other":
            end = np.where(forest.end - np.arange(len(forest.ids)) > 1, len(forest.ids), forest.end)
            forest = replace(forest, end=end)
        return TreeLayout(forest, model.device, model.dtype, flex)

    _draw_otherwise(monkeypatch, seed)
    monkeypatch.setattr("introbench.scorer.probe.make_layout", wrong)
    if broken == "a window is passed over":
        right = TreeLayout.blocks
        monkeypatch.setattr(TreeLayout, "blocks", lambda self, window, shared=1: right(self, 8, shared))
    if broken == "positions of one row":
        scored, model = packed_logits, trained_in_half_precision

        def in_a_row(_: Any, tree: TreeLayout) -> torch.Tensor:
            places = torch.arange(len(tree.forest.ids))[None]
            return scored(model, tree, lambda **inputs: model(**{**inputs, "position_ids": places}))

        monkeypatch.setattr("introbench.scorer.forward.packed_logits", in_a_row)
    path = choose_path(trained_in_half_precision)
    assert not path.packed and "tree and plain differ by" in path.reason


def _draw_otherwise(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Let the probe ask other prompts."""
    monkeypatch.setattr("introbench.scorer.probe.random", SimpleNamespace(Random=lambda _: random.Random(seed)))


def test_tie_margin_is_three_times_the_probe_and_never_under_its_minimum() -> None:
    path = choose_path(tiny_model("GPT2"))
    assert path.tie_margin == max(3 * path.difference, MIN_TIE_MARGIN)
    assert ScoringPath("blocks", "", 0.5).tie_margin == 1.5


def test_two_sets_of_frequencies_never_share_a_pass() -> None:
    model = tiny_model("LongPhi3")
    assert regime_limit(model.config) == 24
    requests = random_requests(seed=2, stem=18)
    lengths = {len(request.prompt_ids) + len(reply) - 1 for request in requests for reply in request.choices_ids}
    assert min(lengths) <= 24 < max(lengths)
    path = choose_path(model)
    assert path.packed, path.reason
    expected = one_by_one(model, requests)
    assert largest_difference(packed(model, requests), expected) > 0.01  # what mixing them would give
    scored = score_pack(model, path, requests, BATCH)
    assert largest_difference([found.logprobs for found in scored], expected) < CONTRACT_B
    padded = score_pack(model, ScoringPath("padded", "", 0.0), requests, BATCH)
    assert largest_difference([found.logprobs for found in padded], expected) < CONTRACT_B


class Fault:
    """A model that runs out of memory on more tokens than `most`: a fault at the seam."""

    def __init__(self, model: Any, most: int, error: Callable[[], Exception]) -> None:
        self.model, self.most, self.error = model, most, error
        self.pushed: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def __call__(self, input_ids: torch.Tensor, **others: Any) -> Any:
        self.pushed.append(input_ids.numel())
        if input_ids.numel() > self.most:
            raise self.error()
        return self.model(input_ids=input_ids, **others)


CPU_ERROR = "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"


@pytest.mark.parametrize(
    "error",
    [lambda: torch.OutOfMemoryError("CUDA out of memory"), lambda: RuntimeError(CPU_ERROR), MemoryError],
)
@pytest.mark.parametrize("way", ["blocks", "padded"])
def test_a_pack_that_memory_does_not_hold_is_halved_until_it_fits(error: Any, way: Literal["blocks", "padded"]) -> None:
    model = tiny_model("Llama")
    requests = [
        ChoiceRequest(request.prompt_ids, request.choices_ids, group)
        for group in "abcd"
        for request in random_requests(seed=ord(group))
    ]
    fault = Fault(model, 90, error)
    scored = score_pack(fault, ScoringPath(way, "", 0.0), requests, 10_000)
    assert max(fault.pushed) > 90
    expected = one_by_one(model, requests)
    assert largest_difference([found.logprobs for found in scored], expected) < CONTRACT_B
    parts = {request.group: found.part for request, found in zip(requests, scored, strict=True)}
    if way == "blocks":
        assert parts == {"a": "00", "b": "01", "c": "10", "d": "11"}
    again = score_pack(Fault(model, 90, error), ScoringPath(way, "", 0.0), requests, 10_000)
    assert scored == again


def test_a_request_that_does_not_fit_by_itself_is_named() -> None:
    fault = Fault(tiny_model("Llama"), 20, MemoryError)
    requests = [*random_requests(seed=1)[-2:], *random_requests(seed=1, stem=30)[:1]]
    with pytest.raises(OutOfMemoryError) as caught:
        score_pack(fault, ScoringPath("blocks", "", 0.0), requests, BATCH)
    assert caught.value.number == 2


def test_other_errors_are_not_taken_for_memory() -> None:
    fault = Fault(tiny_model("Llama"), 20, lambda: RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        score_pack(fault, ScoringPath("blocks", "", 0.0), random_requests(seed=1), BATCH)


LIMITED = """
import resource, sys, torch
from tiny_models import tiny_model
from introbench.models.types import ChoiceRequest
from introbench.scorer.probe import ScoringPath
from introbench.scorer.score import score_pack

torch.set_num_threads(1)
model = tiny_model("Llama", vocab_size=32_000)
requests = [
    ChoiceRequest(tuple((7 * number + place) % 31_999 for place in range(60)), ((1, 2, 3), (4, 5)), str(number))
    for number in range(64)
]
path = ScoringPath("padded", "", 0.0)
score_pack(model, path, requests[:1], 10)
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 48 * 2**20,) * 2)
scored = score_pack(model, path, requests, 10**6)
print(sorted({found.part for found in scored}), len(scored))
"""


@pytest.mark.slow
def test_a_real_allocator_limit_makes_packs_split_and_the_rest_finish(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED],
        env={"PYTHONPATH": str(repository / "tests" / "helpers"), "PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    parts, count = done.stdout.rsplit(" ", 1)
    assert int(count) == 64
    assert "''" not in parts  # nothing was computed whole
