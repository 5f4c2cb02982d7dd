"""Adapters: their weights are counted before there are any."""

from __future__ import annotations

import pytest
from tiny_models import tiny_model

from introbench.train.adapter import add_adapter
from introbench.train.config import Hyperparameters
from introbench.train.memory import adapter_parameters

EVERY = ("all-linear",)


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("Llama", EVERY),
        ("Llama", ("q_proj", "v_proj")),
        ("Llama", ("mlp.down_proj",)),
        ("Llama", ("model.layers.0.self_attn.q_proj",)),
        ("Llama", ("lm_head", "embed_tokens")),
        ("GPT2", EVERY),  # its layers hold their weights transposed
        ("GPT2", ("c_attn", "mlp.c_proj")),
        ("Mixtral", EVERY),  # experts are no layers, and have adapters
        ("Qwen3Next", ("in_proj_qkvz", "o_proj")),
    ],
)
def test_the_weights_that_are_counted_are_those_of_the_adapter(name: str, targets: tuple[str, ...]) -> None:
    chosen, model = Hyperparameters(rank=4, targets=targets), tiny_model(name)
    before = {place: weight.sum().item() for place, weight in model.named_parameters()}
    counted = adapter_parameters(model, chosen)
    assert {place: weight.sum().item() for place, weight in model.named_parameters()} == before
    made = add_adapter(model, chosen, "tiny")
    assert counted == sum(each.numel() for each in made.parameters() if each.requires_grad) > 0
