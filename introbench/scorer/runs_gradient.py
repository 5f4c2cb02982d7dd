"""Gradients of tree attention on a CPU: the fused kernel forwards and backwards, run by run, into shared buffers.

Left to autograd, every run of queries would give a gradient of all keys, mostly zeros, to be added to the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from introbench.scorer.blocks import Block

__all__ = ["attention_with_gradient", "has_kernel"]

_FORWARD: Any = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_BACKWARD: Any = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def has_kernel(query: torch.Tensor, value: torch.Tensor) -> bool:
    """Whether the fused kernel takes these: on a CPU, with values as wide as keys."""
    return query.device.type == "cpu" and query.shape[-1] == value.shape[-1]


def attention_with_gradient(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    blocks: Sequence[Block],
    shared: int,
    scaling: float | None,
) -> torch.Tensor:
    """Attention of every run of queries to its keys: (1, key heads, n · shared, width).

    Args:
        query: (1, key heads, n · shared, width), the heads that share keys side by side at every token.
        key: (1, key heads, n, width).
        value: (1, key heads, n, width).
        blocks: runs that cover all queries.
        shared: heads that share keys.
        scaling: of the scores, one over the root of the width where None.
    """
    apply: Any = _RunsAttention.apply
    found: torch.Tensor = apply(query, key, value, blocks, shared, scaling)
    return found


class _RunsAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        blocks: Sequence[Block],
        shared: int,
        scaling: float | None,
    ) -> torch.Tensor:
        out = torch.empty_like(query)
        totals = []
        for block in blocks:
            span = slice(block.start * shared, block.stop * shared)
            keys, values = key.index_select(2, block.keys), value.index_select(2, block.keys)
            out[:, :, span], total = _FORWARD(
                query[:, :, span], keys, values, 0.0, False, attn_mask=block.bias, scale=scaling
            )
            totals.append(total)
        ctx.save_for_backward(query, key, value, out, *totals)
        ctx.layout = blocks, shared, scaling
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, key, value, out, *totals = ctx.saved_tensors
        blocks, shared, scaling = ctx.layout
        (gradient,) = gradients
        # Backwards the kernel is several times faster in float32 than in bfloat16, casts included. And a key of a
        # shared prefix gathers the gradients of many runs, whose sum is better kept so.
        exact = [each.float() for each in (gradient, query, key, value, out)]
        gradient, query_rows, every_key, every_value, out = exact
        of_query, of_key, of_value = map(torch.zeros_like, (query_rows, every_key, every_value))
        for block, total in zip(blocks, totals, strict=True):
            span = slice(block.start * shared, block.stop * shared)
            mine, keys_part, values_part = _BACKWARD(
                gradient[:, :, span],
                query_rows[:, :, span],
                every_key.index_select(2, block.keys),
                every_value.index_select(2, block.keys),
                out[:, :, span],
                total,
                0.0,
                False,
                attn_mask=block.bias.float(),
                scale=scaling,
            )
            of_query[:, :, span] = mine
            of_key.index_add_(2, block.keys, keys_part)
            of_value.index_add_(2, block.keys, values_part)
        return of_query.to(query.dtype), of_key.to(key.dtype), of_value.to(value.dtype), None, None, None
