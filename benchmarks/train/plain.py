"""The obvious training loop: padded batches, a pass per term, M0 by switching the adapter off, peft's own layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from introbench.train.lessons import Lesson

__all__ = ["plain_losses"]


def plain_losses(model: Any, lessons: Sequence[Lesson], rows: int) -> float:
    """Gradients of all lessons added up, so many rows a batch; returns the loss."""
    told = [lesson for lesson in lessons if lesson.term != "keep"]
    kept = [lesson for lesson in lessons if lesson.term == "keep"]
    total = 0.0
    for part, losses in ((told, _cross_entropy), (kept, _divergence)):
        # Rows of similar length share a batch, as length-grouping samplers do it.
        ordered = sorted(part, key=lambda lesson: len(lesson.prompt_ids) + len(lesson.choices_ids[0]))
        for start in range(0, len(ordered), rows):
            loss = losses(model, ordered[start : start + rows])
            loss.backward()
            total += float(loss.detach())
    return total


def _batch(lessons: Sequence[Lesson], device: torch.device) -> dict[str, torch.Tensor]:
    """Right-padded rows, with the share of the loss of the token behind each position (rows, longest)."""
    width = max(len(lesson.prompt_ids) + len(lesson.choices_ids[0]) for lesson in lessons)
    ids, mask = (torch.zeros(len(lessons), width, dtype=torch.int64) for _ in range(2))
    weights = torch.zeros(len(lessons), width)
    for row, lesson in enumerate(lessons):
        tokens = lesson.prompt_ids + lesson.choices_ids[0]
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
        weights[row, len(lesson.prompt_ids) - 1 : len(tokens) - 1] = torch.tensor(lesson.weights)
    return {name: each.to(device) for name, each in (("ids", ids), ("mask", mask), ("weights", weights))}


def _logits(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    found: torch.Tensor = model(input_ids=batch["ids"], attention_mask=batch["mask"], use_cache=False).logits
    return found.float()


def _cross_entropy(model: Any, lessons: Sequence[Lesson]) -> torch.Tensor:
    batch = _batch(lessons, model.device)
    logits = _logits(model, batch)[:, :-1]
    each = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch["ids"][:, 1:].flatten(), reduction="none")
    return (each * batch["weights"][:, :-1].flatten()).sum()


def _divergence(model: Any, lessons: Sequence[Lesson]) -> torch.Tensor:
    batch = _batch(lessons, model.device)
    with torch.no_grad(), model.disable_adapter():
        first = _logits(model, batch).log_softmax(-1)
    now = _logits(model, batch).log_softmax(-1)
    each = torch.nn.functional.kl_div(now, first, reduction="none", log_target=True).sum(-1)
    return (each * batch["weights"]).sum()
