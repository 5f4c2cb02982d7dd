"""Adapters on weights that other models use too: sums are made where a layer reads its weight, not stored in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from torch import Tensor, nn
from torch.nn.utils import parametrize

from introbench.models.hf.places import Place
from introbench.scorer.budget import holds

__all__ = ["sums_at_hand", "with_adapter"]

_SHARED_KEYS = (".lora_A.weight", ".lora_B.weight")
"""What an adapter may bring. Anything else, as biases or embeddings, peft would write into the shared weights."""


class _Sum(nn.Module):
    """A weight with the adapter's share added, by the operations of peft's own merging: equal to it in every bit."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        (self._adapter,) = layer.active_adapters
        self._layer = (layer,)  # in a tuple: its weights are none of the model's parameters

    def forward(self, weight: Tensor) -> Tensor:
        """The sum: as the weight, (out, in)."""
        found = weight.clone()
        found += self._layer[0].get_delta_weight(self._adapter)
        return found


def with_adapter(base: Any, adapter: Place) -> Any | None:
    """A model of its own that reads the parameters of `base` and adds an adapter to them.

    `base` stays as it is, and so does what it computes. The result computes what the base with the adapter merged
    into it does, to the bit. None where an adapter is more than LoRA on linear layers of their own weights: it has to
    be merged into weights that nobody else uses.

    Raises what peft raises over an adapter that it cannot load.
    """
    from peft import PeftModel, load_peft_weights
    from peft.tuners.tuners_utils import BaseTunerLayer

    # peft knows "cpu" by its name only.
    if not all(
        key.endswith(_SHARED_KEYS) for key in load_peft_weights(adapter.name, device="cpu", **adapter.arguments)
    ):
        return None
    loaded: Any = PeftModel.from_pretrained(_copy(base), adapter.name, **adapter.arguments)
    layers: list[Any] = [module for module in loaded.modules() if isinstance(module, BaseTunerLayer)]
    uses = Counter(id(weight) for module in base.modules() for weight in module.parameters(recurse=False))
    if not all(_is_plain(layer) and uses[id(layer.get_base_layer().weight)] == 1 for layer in layers):
        return None
    linear = [layer.get_base_layer() for layer in layers]
    model = loaded.unload()
    for layer, module in zip(layers, linear, strict=True):
        layer.base_layer = nn.Identity()  # no circle: the module holds the layer from here on
        parametrize.register_parametrization(module, "weight", _Sum(layer), unsafe=True)
    return model


@contextmanager
def sums_at_hand(model: Any) -> Iterator[None]:
    """Make each sum once for as long as the context lasts, where memory holds all of them beside the weights.

    For replies that are written token by token, where a sum costs more than the product that it is for.
    """
    sums = [
        module.parametrizations["weight"].original.nbytes
        for module in model.modules()
        if parametrize.is_parametrized(module, "weight")
    ]
    weights = sum(parameter.nbytes for parameter in model.parameters())
    if sums and holds(model.device, weights + sum(sums)):
        with parametrize.cached():
            yield
    else:
        yield


def _copy(base: Any) -> Any:
    """The same modules anew, around the very same parameters."""
    return deepcopy(base, {id(parameter): parameter for parameter in base.parameters()})


def _is_plain(layer: Any) -> bool:
    from peft.tuners.lora import Linear

    plain = type(layer) is Linear and isinstance(layer.get_base_layer(), nn.Linear)
    return plain and not layer.lora_variant and not any(layer.lora_bias.values()) and len(layer.active_adapters) == 1
