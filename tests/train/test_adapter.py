"""Adapters: their weights are counted before there are any, and a name that is no layer's is refused."""

from __future__ import annotations

import pytest
from tiny_models import tiny_model

from introbench.errors import UsageError
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


@pytest.mark.parametrize(
    ("name", "targets", "said"),
    [
        ("Llama", ("q_proj", "no_such"), "targets no_such: no layer of the model is called that; there are down_"),
        ("Llama", ("q_proj", "proj"), "targets proj: "),  # the end of a name is none
        ("Llama", ("q_proj", "attn.v_proj"), "targets attn.v_proj: "),
        ("Llama", ("no_such",), "targets no_such: no layer of the model is called that; there are down_"),
        ("Llama", ("q_prj", "v_prj"), "targets q_prj: no layer of the model is called that; there are down_"),
        ("GPT2", ("c_attn", "q_proj"), "targets q_proj: .* there are c_attn, c_fc, c_proj"),
        ("Mixtral", ("q_proj", "w1", "w3", "w4"), "targets w4: "),
    ],
)
def test_a_name_that_is_no_layers_is_refused_beside_right_ones_too(
    name: str, targets: tuple[str, ...], said: str
) -> None:
    for use in (adapter_parameters, lambda model, chosen: add_adapter(model, chosen, "tiny")):
        with pytest.raises(UsageError, match=said) as found:
            use(tiny_model(name), Hyperparameters(rank=4, targets=targets))
        assert "\n" not in str(found.value)


def test_names_of_experts_before_they_were_fused_are_taken() -> None:
    made = add_adapter(tiny_model("Mixtral"), Hyperparameters(rank=4, targets=("q_proj", "w1", "w3", "w2")), "tiny")
    assert any("experts" in name for name, each in made.named_parameters() if each.requires_grad)
