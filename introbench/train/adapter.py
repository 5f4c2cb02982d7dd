"""The LoRA adapter of a model in training, and its layers' products with fewer and smaller steps than peft's own."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora.layer import Linear as LoraLinear
from torch import nn
from transformers.pytorch_utils import Conv1D

from introbench.errors import UsageError
from introbench.files import write_whole
from introbench.models.hf.reasons import one_line
from introbench.scorer.linear import OneDnnLinear, onednn_product
from introbench.scorer.memory import out_of_memory
from introbench.train.checkpoints import saving
from introbench.train.config import Hyperparameters

__all__ = ["LeanLoraLinear", "add_adapter", "make_lean", "save_adapter"]


def add_adapter(model: Any, chosen: Hyperparameters, base: str) -> Any:
    """A peft model around a transformers model: its weights frozen, a float32 adapter that changes nothing yet.

    Args:
        base: what the adapter's config calls the base.

    Raises UsageError where a name that is asked for is no layer's, a layer of it takes no adapter, or memory does not
    hold it.
    """
    named = list(chosen.targets)
    known = sorted({_last(name) for name, module in model.named_modules() if isinstance(module, (nn.Linear, Conv1D))})
    torch.manual_seed(chosen.seed)
    config = LoraConfig(
        r=chosen.rank,
        lora_alpha=cast(int, chosen.alpha),
        target_modules="all-linear" if named == ["all-linear"] else named,
        task_type="CAUSAL_LM",
    )
    try:
        with warnings.catch_warnings():
            # The Conv1D layers of GPT-2 hold their weights transposed; peft sees to it, and says so.
            warnings.filterwarnings("ignore", message="fan_in_fan_out is set to False")
            # Ranks of experts, whose weights are no layers, are taken, though peft finds no layer of their names.
            warnings.filterwarnings("ignore", message="The following (rank|alpha)_pattern keys did not match")
            found = get_peft_model(model, config)
    except ValueError as error:
        # Where no name fits, nothing is adapted, and peft tells no layers to choose from.
        none = [name for name in named if name != "all-linear" and name not in known and "." not in name]
        said = _no_layer(none[0], known) if none else f"targets {', '.join(named)}: {one_line(error)}"
        raise UsageError(said) from error
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise UsageError(f"rank {chosen.rank}: memory does not hold the adapter; give a smaller rank") from error
    if absent := _absent(found, named):
        raise UsageError(_no_layer(absent[0], known))
    found.peft_config["default"].base_model_name_or_path = base
    make_lean(found)
    return found


def _no_layer(name: str, known: Sequence[str]) -> str:
    return f"targets {name}: no layer of the model is called that; there are {', '.join(known)}"


def _absent(adapted: Any, named: Sequence[str]) -> list[str]:
    """The names that fit no layer, as peft matches them; it takes them as long as any other fits one."""
    taken = adapted.base_model.targeted_module_names
    # Names that peft has put another in place of, as those of experts, stand no more in its config.
    asked = adapted.peft_config["default"].target_modules
    return [name for name in named if name in asked and not any(f".{each}".endswith(f".{name}") for each in taken)]


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def save_adapter(model: Any, folder: Path) -> None:
    """Write the adapter of a peft model so that the same weights are the same files. Raises DiskError."""
    file = folder / "adapter_config.json"
    with saving(folder):
        folder.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(str(folder), save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)  # peft's own, which says nothing of the training
        config = json.loads(file.read_text(encoding="utf-8"))
    # peft keeps names of layers as a set, whose order differs from process to process.
    config["target_modules"] = sorted(config["target_modules"])
    write_whole(file, (json.dumps(config, indent=1, sort_keys=True) + "\n").encode())


def make_lean(model: Any) -> int:
    """Let all plain LoRA layers of a model compute as `LeanLoraLinear` does; returns how many."""
    layers = [module for module in model.modules() if type(module) is LoraLinear and _plain(module)]
    for layer in layers:
        layer.__class__ = LeanLoraLinear
    return len(layers)


def _plain(layer: LoraLinear) -> bool:
    return isinstance(layer.base_layer, nn.Linear) and not layer.lora_variant and not any(layer.lora_bias.values())


class LeanLoraLinear(LoraLinear):
    """A LoRA layer in the dtype of its frozen weight; its adapter stays float32.

    peft casts every activation to float32 for the adapter, keeps both copies, and adds a product of its own to the
    layer's. Here the small matrices are cast, their product is added in place, and one copy of the input is kept.
    """

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """The layer's product, (…, in) to (…, out)."""
        names = self.active_adapters
        if args or kwargs or self.disable_adapters or self.merged or len(names) != 1 or names[0] not in self.lora_A:
            plain: torch.Tensor = super().forward(x, *args, **kwargs)
            return plain
        down, up = self.lora_A[names[0]].weight, self.lora_B[names[0]].weight
        base = cast(nn.Linear, self.base_layer)
        product = onednn_product if isinstance(base, OneDnnLinear) else nn.functional.linear
        apply: Any = _LowRank.apply
        found: torch.Tensor = apply(x, base.weight, base.bias, down, up, self.scaling[names[0]], product)
        return found


class _LowRank(torch.autograd.Function):
    """x Wᵀ + bias + s · (x Aᵀ) Bᵀ for a frozen W, with gradients of x, A and B."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scaling: float,
        product: Callable[..., torch.Tensor],
    ) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1])
        narrow, wide = down.to(x.dtype), (up * scaling).to(x.dtype)
        inner = product(flat, narrow)
        out = product(flat, weight, bias).addmm_(inner, wide.t())
        ctx.save_for_backward(flat, weight, narrow, wide, inner)
        ctx.scaling, ctx.product = scaling, product
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        flat, weight, narrow, wide, inner = ctx.saved_tensors
        (gradient,) = gradients
        shape = gradient.shape[:-1]
        gradient = gradient.reshape(-1, gradient.shape[-1])
        of_inner = ctx.product(gradient, wide.t())
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = ctx.product(gradient, weight.t()).addmm_(of_inner, narrow).view(*shape, -1)
        of_down = (of_inner.t() @ flat).float()
        of_up = (gradient.t() @ inner).float().mul_(ctx.scaling)
        return of_x, None, None, of_down, of_up, None, None
