"""Seeded weight noise: a copy of a model that behaves alike but not equally."""

from __future__ import annotations

from typing import Any

import torch

from introbench.hashing import content_hash

__all__ = ["add_weight_noise"]


@torch.no_grad()
def add_weight_noise(model: Any, scale: float, seed: int) -> None:
    """Add Gaussian noise of `scale` × its own standard deviation to every weight matrix, in place.

    Each matrix has a generator of its own, named by seed and parameter, so that the order of parameters
    does not matter. Tied matrices are changed once; vectors (norms, biases) are left alone.
    """
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2:
            continue
        generator = torch.Generator().manual_seed(int(content_hash([seed, name])[:15], 16))
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float32)
        deviation = parameter.float().std().cpu()
        parameter.add_((noise * (scale * deviation)).to(parameter.device, parameter.dtype))
