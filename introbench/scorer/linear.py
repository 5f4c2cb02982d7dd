"""Linear layers in float32 on processors that torch's default matrix library was not tuned for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

__all__ = ["OneDnnLinear", "choose_products", "onednn_product"]

_PROCESSORS = Path("/proc/cpuinfo")
_FOREIGN = "AuthenticAMD"
"""MKL reaches its full speed on Intel's processors only; oneDNN looks at the instructions, not at the vendor."""


class OneDnnLinear(nn.Linear):
    """A linear layer whose product oneDNN computes. For inference on the CPU; it keeps no gradient."""

    def forward(self, input: Tensor) -> Tensor:
        """The product of (…, in) with the weight, plus the bias: (…, out)."""
        if not input.numel() or torch.is_grad_enabled():
            return super().forward(input)
        return onednn_product(input, self.weight, self.bias)


def onednn_product(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The product of (…, in) with a weight (out, in), plus a bias: (…, out). It keeps no gradient."""
    return cast(Tensor, torch.ops.mkldnn._linear_pointwise(input, weight, bias, "none", [], ""))


def choose_products(model: Any) -> str:
    """Give the linear layers of a model to the faster of torch's two matrix libraries; returns its name.

    The choice depends on processor, device and dtype, never on a timing, so that a machine keeps to it.
    Weights stay where they are and are shared as before.
    """
    if model.device.type != "cpu" or model.dtype != torch.float32 or not _foreign_processor():
        return "torch"
    if not (torch.backends.mkl.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")):
        return "torch"
    for module in model.modules():
        if type(module) is nn.Linear and module.weight.dtype == torch.float32:
            module.__class__ = OneDnnLinear
    return "oneDNN"


def _foreign_processor() -> bool:
    try:
        return _FOREIGN in _PROCESSORS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
