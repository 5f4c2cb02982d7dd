"""Tree attention for every transformers model that takes its attention function from the library's registry.

A layer hands over queries, keys, values, its scale and, where it has them, its sliding window, soft cap and sinks,
as it would to a flash-attention kernel; who attends to whom comes from the forest's layout alone. So one function
serves full and sliding layers of any architecture, and no mask of all tokens by all tokens is ever built.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from introbench.scorer.blocks import Block, TreeLayout
from introbench.scorer.runs_gradient import attention_with_gradient, has_kernel

__all__ = ["TREE_ATTENTION", "UnsupportedAttentionError", "tree_attention", "using_tree_attention"]

TREE_ATTENTION = "introbench_tree"
"""Name in the registry of transformers."""


class UnsupportedAttentionError(ValueError):
    """A model's attention cannot be restricted to a tree."""


def tree_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: object = None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    position_bias: torch.Tensor | None = None,
    tree: TreeLayout | None = None,
    **others: object,
) -> tuple[torch.Tensor, None]:
    """Attention of one layer over a packed forest of n tokens.

    Args:
        query: (1, heads, n, width).
        key: (1, key heads, n, width), heads a multiple of key heads.
        value: (1, key heads, n, value width).
        attention_mask: not looked at.
        sliding_window: tokens that a query sees, itself included.
        softcap: bound c of the scores, c · tanh(score / c).
        s_aux: a learned score per head of attending to nothing, (heads).
        tree: the layout, which the model's forward hands on from its own keyword arguments.

    Returns (1, n, heads, value width) and no weights.

    Raises UnsupportedAttentionError where the layer needs more than this, or no layout arrives.
    """
    if tree is None:
        raise UnsupportedAttentionError("its layers do not hand keyword arguments on to their attention")
    if position_bias is not None or getattr(module, "is_causal", True) is False:
        raise UnsupportedAttentionError("its attention has a position bias or is not causal")
    tree.seen.append(sliding_window)
    if tree.flex and s_aux is None:
        return _sparse_attention(query, key, value, tree, scaling, sliding_window, softcap), None
    return _attention_by_runs(query, key, value, tree, scaling, dropout, sliding_window, softcap, s_aux), None


def _attention_by_runs(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    tree: TreeLayout,
    scaling: float | None,
    dropout: float,
    window: int | None,
    softcap: float | None,
    sinks: torch.Tensor | None,
) -> torch.Tensor:
    """Run after run of queries, each with its few keys: (1, n, heads, value width)."""
    _, heads, tokens, width = query.shape
    key_heads, shared = key.shape[1], heads // key.shape[1]
    # The heads that share keys stand side by side at every token: a run of queries is then one block of rows, and keys
    # are not repeated.
    rows = query.reshape(1, key_heads, shared, tokens, width).transpose(2, 3).reshape(1, key_heads, -1, width)
    blocks = tree.blocks(window, shared)
    plain = softcap is None and sinks is None and not dropout
    if plain and torch.is_grad_enabled() and has_kernel(rows, value):
        out = attention_with_gradient(rows, key, value, blocks, shared, scaling)
    else:
        out = _each_run(rows, key, value, blocks, shared, scaling, dropout, softcap, sinks)
    merged = out.reshape(1, key_heads, tokens, shared, -1).transpose(1, 2)
    return merged.reshape(1, tokens, heads, -1)


def _each_run(
    rows: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    blocks: Sequence[Block],
    shared: int,
    scaling: float | None,
    dropout: float,
    softcap: float | None,
    sinks: torch.Tensor | None,
) -> torch.Tensor:
    """Each run of rows with its keys: (1, key heads, n · shared, value width)."""
    out = rows.new_empty(*rows.shape[:3], value.shape[-1])
    for block in blocks:
        span = slice(block.start * shared, block.stop * shared)
        keys, values = key.index_select(2, block.keys), value.index_select(2, block.keys)
        if softcap is None and sinks is None:
            out[:, :, span] = scaled_dot_product_attention(
                rows[:, :, span], keys, values, attn_mask=block.bias, dropout_p=dropout, scale=scaling
            )
        else:
            out[:, :, span] = _explicit_attention(rows[:, :, span], keys, values, block.bias, scaling, softcap, sinks)
    return out


def _explicit_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bias: torch.Tensor,
    scaling: float | None,
    softcap: float | None,
    sinks: torch.Tensor | None,
) -> torch.Tensor:
    """Attention written out, for what the fused function does not know: (1, key heads, b · shared, value width)."""
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = query @ key.transpose(2, 3) * scale
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    scores = scores + bias
    if sinks is not None:
        # Attending to nothing is one more key, with a score per head and no value.
        _, key_heads, rows, _ = scores.shape
        per_row = sinks.to(scores.dtype).reshape(key_heads, -1).repeat(1, rows * key_heads // len(sinks))
        nothing = per_row.reshape(1, key_heads, rows, 1)
        scores = torch.cat([scores, nothing], dim=-1)
    weights = scores.float().softmax(dim=-1).to(query.dtype)[..., : key.shape[2]]
    return weights @ value


def _sparse_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    tree: TreeLayout,
    scaling: float | None,
    window: int | None,
    softcap: float | None,
) -> torch.Tensor:
    """FlexAttention over the blocks of the mask that are not empty: (1, n, heads, value width)."""

    def capped(
        score: torch.Tensor, batch: torch.Tensor, head: torch.Tensor, place: torch.Tensor, other: torch.Tensor
    ) -> torch.Tensor:
        assert softcap is not None
        return softcap * torch.tanh(score / softcap)

    heads, shared = query.shape[1], query.shape[1] // key.shape[1]
    if heads & (heads - 1):  # its kernels share keys among powers of two only
        key, value = key.repeat_interleave(shared, dim=1), value.repeat_interleave(shared, dim=1)
    found: Any = _compiled_flex_attention()(
        query,
        key,
        value,
        score_mod=None if softcap is None else capped,
        block_mask=tree.sparse(window),
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return torch.as_tensor(found).transpose(1, 2).contiguous()


@cache
def _compiled_flex_attention() -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention)


@contextmanager
def using_tree_attention(model: Any) -> Iterator[None]:
    """Let a transformers model attend by trees, and give it its own attention back.

    Raises UnsupportedAttentionError where the model does not take its attention from the registry.
    """
    config = model.config
    before = {name: getattr(config, name)._attn_implementation for name in config.sub_configs if getattr(config, name)}
    before[""] = config._attn_implementation
    if not model._can_set_attn_implementation():
        raise UnsupportedAttentionError("its attention cannot be replaced")
    model.set_attn_implementation(TREE_ATTENTION)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


AttentionInterface.register(TREE_ATTENTION, tree_attention)
