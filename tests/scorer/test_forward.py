"""Both ways of scoring give what one row at a time gives, and models that cannot take a tree are recognised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoConfig,
    GPTNeoForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from introbench.models.types import ChoiceRequest
from introbench.scorer.forward import score_packed, score_padded
from introbench.scorer.probe import MIN_TIE_MARGIN, choose_path

CONTRACT_B = 1e-4
"""Nats between any float32 path and a loop over single rows."""

SMALL = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 48}


def one_by_one(model: Any, requests: list[ChoiceRequest]) -> list[list[float]]:
    """The definition: a forward pass per choice, nothing shared, summed in float64."""
    results = []
    for request in requests:
        sums = []
        for reply in request.choices_ids:
            with torch.inference_mode():
                logits = model(torch.tensor([[*request.prompt_ids, *reply]])).logits[0]
            start = len(request.prompt_ids) - 1
            logprobs = logits[start : start + len(reply)].double().log_softmax(-1)
            sums.append(sum(logprobs[place, token].item() for place, token in enumerate(reply)))
        results.append(sums)
    return results


def largest_difference(left: Any, right: Any) -> float:
    return max(abs(a - b) for one, other in zip(left, right, strict=True) for a, b in zip(one, other, strict=True))


REQUESTS = [
    ChoiceRequest((1, 2, 3, 4), ((5,), (6, 7), (6, 7, 8), (5, 9, 9, 9))),
    ChoiceRequest((1, 2, 3), ((4,), (4, 5))),
    ChoiceRequest((1, 2, 3, 4), ((5,), (10, 11))),
    ChoiceRequest((30, 31), ((32, 33, 34, 35, 36, 37),)),
]


def tiny(kind: str) -> Any:
    torch.manual_seed(1)
    models = {
        "gpt2": lambda: GPT2LMHeadModel(GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=4)),
        "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SMALL, **HEADS, head_dim=8)),
        "mistral": lambda: MistralForCausalLM(MistralConfig(**SMALL, **HEADS, sliding_window=4)),
        "gpt_neo": lambda: GPTNeoForCausalLM(
            GPTNeoConfig(
                vocab_size=60,
                hidden_size=32,
                num_layers=2,
                num_heads=4,
                attention_types=[[["global", "local"], 1]],
                window_size=4,
            )
        ),
        "bloom": lambda: BloomForCausalLM(BloomConfig(vocab_size=60, hidden_size=32, n_layer=2, n_head=4)),
        "mamba": lambda: MambaForCausalLM(MambaConfig(**SMALL, state_size=4)),
    }
    return models[kind]().eval()


token = st.integers(0, 40)
choice_requests = st.lists(
    st.builds(
        ChoiceRequest,
        st.lists(token, min_size=1, max_size=6).map(tuple),
        st.lists(st.lists(token, min_size=1, max_size=5).map(tuple), min_size=1, max_size=4).map(tuple),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25)
@given(requests=choice_requests)
def test_packed_and_padded_equal_one_row_at_a_time(requests: list[ChoiceRequest], tiny_llama: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_llama).eval()
    expected = one_by_one(model, requests)
    assert largest_difference(score_packed(model, requests), expected) < CONTRACT_B
    assert largest_difference(score_padded(model, requests, rows_per_batch=3), expected) < CONTRACT_B


@pytest.mark.parametrize("kind", ["gpt2", "qwen3"])
def test_full_attention_models_take_trees(kind: str) -> None:
    model = tiny(kind)
    path = choose_path(model)
    assert path.packed, path.reason
    assert largest_difference(score_packed(model, REQUESTS), one_by_one(model, REQUESTS)) < CONTRACT_B


@pytest.mark.filterwarnings("ignore:.*fast path.*")
@pytest.mark.parametrize("kind", ["mistral", "gpt_neo", "bloom", "mamba"])
def test_models_that_cannot_take_trees_fall_back_to_padded_rows_which_are_exact(kind: str) -> None:
    model = tiny(kind)
    path = choose_path(model)
    assert not path.packed
    assert path.reason
    assert largest_difference(score_padded(model, REQUESTS), one_by_one(model, REQUESTS)) < CONTRACT_B


def test_tie_margin_is_three_times_the_probe_and_never_under_its_minimum() -> None:
    path = choose_path(tiny("gpt2"))
    assert path.tie_margin == max(3 * path.difference, MIN_TIE_MARGIN)
