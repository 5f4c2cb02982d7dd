"""What the machine could do at best: plain forward passes without padding or mask, and bare matrix products."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.scorer.measure import finish
from introbench.scorer.memory import out_of_memory

__all__ = ["DenseShape", "MatrixRate", "best_shape", "dense_seconds", "matrix_rates", "useful_flops"]

_LENGTHS = (32, 64, 128, 256, 512)
_TOKENS = {"cpu": (256, 512, 1024, 2048), "cuda": (1024, 2048, 4096, 8192, 16384, 32768)}
_MATRIX_ROWS = {"cpu": (256, 512, 1024, 2048), "cuda": (1024, 4096, 8192, 16384)}
_TRIES = 2
_MATRIX_SECONDS = 0.2
"""How long one product is repeated: the best of the tries counts."""


@dataclass(frozen=True, slots=True)
class DenseShape:
    """A batch of rows of equal length.

    Attributes:
        rows: number of rows.
        length: tokens of a row.
    """

    rows: int
    length: int

    @property
    def tokens(self) -> int:
        """Tokens of a forward pass."""
        return self.rows * self.length


@dataclass(frozen=True, slots=True)
class MatrixRate:
    """How fast one of the model's linear layers is by itself.

    Attributes:
        rows: number of tokens.
        inputs: width of a token before.
        outputs: width of a token behind.
        flops_per_second: best of several tries.
    """

    rows: int
    inputs: int
    outputs: int
    flops_per_second: float


def best_shape(model: Any, share: float, tokens: Sequence[int] | None = None) -> tuple[DenseShape, dict[str, float]]:
    """The fastest batch shape, and tokens per second of each that was tried and fits into memory.

    Args:
        share: share of the tokens whose logits are computed.
        tokens: sizes of a forward pass to try, in tokens.
    """
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None) or max(_LENGTHS)
    sizes = tokens or _TOKENS.get(model.device.type, _TOKENS["cpu"])
    shapes = [DenseShape(size // length, length) for size in sizes for length in _LENGTHS]
    rates: dict[DenseShape, float] = {}
    for shape in (shape for shape in shapes if shape.rows and shape.length <= context):
        try:
            seconds = min(dense_seconds(model, shape, share, shape.tokens) for _ in range(_TRIES))
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            continue
        rates[shape] = shape.tokens / seconds
    return max(rates, key=rates.__getitem__), {f"{shape.rows}x{shape.length}": rates[shape] for shape in rates}


@torch.inference_mode()
def dense_seconds(model: Any, shape: DenseShape, share: float, tokens: int) -> float:
    """Seconds for the fewest whole batches that hold `tokens` tokens, scaled to exactly so many.

    The output head works on `share` of the tokens, as it does where only some positions are scored.
    """
    torch.manual_seed(0)
    vocabulary = model.config.get_text_config().vocab_size
    ids = torch.randint(vocabulary, (shape.rows, shape.length), device=model.device)
    passes = max(1, -(-tokens // shape.tokens))
    positions = max(1, round(share * shape.tokens))
    head = model.get_output_embeddings()
    finish(model.device)
    start = time.perf_counter()
    for _ in range(passes):
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        head(hidden.flatten(0, 1)[:positions])
    finish(model.device)
    return (time.perf_counter() - start) * tokens / (passes * shape.tokens)


def useful_flops(model: Any, tokens: int, positions: int, pairs: int) -> float:
    """Floating-point operations that a load needs: 2 per weight and token, 4 per attended pair, head and layer.

    Counts every weight but the embeddings for every token (of a mixture of experts therefore too many).

    Args:
        tokens: tokens pushed.
        positions: tokens whose logits are computed.
        pairs: pairs of a token and one that it attends to, itself included.
    """
    text = model.config.get_text_config()
    head_width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    embeddings = {model.get_input_embeddings().weight, model.get_output_embeddings().weight}
    weights = sum(each.numel() for each in model.parameters()) - sum(each.numel() for each in embeddings)
    head = model.get_output_embeddings().weight.numel()
    attention = 4 * text.num_hidden_layers * text.num_attention_heads * head_width * pairs
    return float(2 * weights * tokens + 2 * head * positions + attention)


def matrix_rates(model: Any, rows: Sequence[int] | None = None, seconds: float = _MATRIX_SECONDS) -> list[MatrixRate]:
    """The rate of every shape of linear layer that the model has, at several numbers of tokens."""
    layers = (each for each in model.modules() if isinstance(each, torch.nn.Linear))
    # A layer of the model's own kind, which decides on the library that computes the product.
    kinds = {(each.in_features, each.out_features): type(each) for each in layers}
    counts = rows or _MATRIX_ROWS.get(model.device.type, _MATRIX_ROWS["cpu"])
    rates = []
    for (inputs, outputs), kind in sorted(kinds.items(), key=lambda entry: entry[0]):
        layer = kind(inputs, outputs, bias=False, device=model.device, dtype=model.dtype)
        rates += [_matrix_rate(layer, count, seconds) for count in counts]
    return rates


@torch.inference_mode()
def _matrix_rate(layer: torch.nn.Linear, rows: int, seconds: float) -> MatrixRate:
    weight = layer.weight
    left = torch.randn(rows, layer.in_features, device=weight.device, dtype=weight.dtype)
    best = _best_seconds(lambda: layer(left), weight.device, seconds)
    return MatrixRate(rows, layer.in_features, layer.out_features, 2 * rows * weight.numel() / best)


def _best_seconds(call: Callable[[], object], device: torch.device, seconds: float) -> float:
    call()
    finish(device)
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        finish(device)
        best = min(best, time.perf_counter() - start)
    return best
