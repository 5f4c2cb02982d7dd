"""The loss of a pack from its logits: cross-entropy on what is learnt, divergence from M0 on what is kept."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from introbench.train.batches import Placed, TrainingPack
from introbench.train.config import KlDirection
from introbench.train.lessons import Term

__all__ = ["divergence", "pack_losses"]


def pack_losses(
    logits: torch.Tensor,
    pack: TrainingPack,
    direction: KlDirection,
    first_logits: torch.Tensor | None = None,
    first_choices: Mapping[str, tuple[float, ...]] | None = None,
) -> dict[Term, torch.Tensor]:
    """Weighted sums of a pack by term, in nats, float32 whatever the dtype of the logits; scalars with gradients.

    Args:
        logits: of the current model behind the scored tokens of the pack's forest, (m, vocabulary).
        direction: of the divergence.
        first_logits: of M0 at the transitions of "keep", in their order, (t, vocabulary); None where there are none.
        first_choices: by question, M0's summed log-probability of every choice, where their distribution is held.
    """
    found: dict[Term, torch.Tensor] = {}
    for term, placed in pack.placed.items():
        if term != "keep":
            found[term] = (_cross_entropy(logits, pack, placed) * _like(placed.weights, logits)).sum()
    if first_logits is not None:
        placed = pack.placed["keep"]
        rows = _index(pack.forest.rows[placed.transitions], logits)
        each = divergence(first_logits.float(), logits[rows].float(), direction)
        found["keep"] = (each * _like(placed.weights, logits)).sum()
    if pack.choices:
        kept = _choice_divergences(logits, pack, direction, first_choices or {})
        found["keep"] = found["keep"] + kept if "keep" in found else kept
    return found


def divergence(first: torch.Tensor, current: torch.Tensor, direction: KlDirection) -> torch.Tensor:
    """KL(first ‖ current), or the other way round, of the distributions of two float32 logit matrices (t, k): (t)."""
    held, now = first.log_softmax(dim=-1), current.log_softmax(dim=-1)
    above, below = (held, now) if direction == "forward" else (now, held)
    return (above.exp() * (above - below)).sum(dim=-1)


def _cross_entropy(logits: torch.Tensor, pack: TrainingPack, placed: Placed) -> torch.Tensor:
    """Negative log-probability of the tokens at some transitions, (t)."""
    rows = _index(pack.forest.rows[placed.transitions], logits)
    targets = _index(pack.forest.targets[placed.transitions], logits)
    return torch.nn.functional.cross_entropy(logits[rows].float(), targets, reduction="none")


def _choice_divergences(
    logits: torch.Tensor, pack: TrainingPack, direction: KlDirection, first: Mapping[str, tuple[float, ...]]
) -> torch.Tensor:
    """Divergence between distributions over the choices of a question, each by its summed log-probability."""
    starts = np.cumsum([0, *(len(lesson.choices_ids) for lesson in pack.lessons)])
    owners = pack.forest.owners
    wanted = np.isin(owners, np.concatenate([np.arange(s, s + len(x.choices_ids)) for x, s in pack.choices]))
    every = Placed(np.flatnonzero(wanted), np.ones(int(wanted.sum()), dtype=np.float32))
    sums = torch.zeros(int(starts[-1]), device=logits.device).index_add(
        0, _index(owners[wanted], logits), -_cross_entropy(logits, pack, every)
    )
    total = torch.zeros((), device=logits.device)
    for lesson, start in pack.choices:
        held = torch.tensor(first[lesson.ask], dtype=torch.float32, device=logits.device)
        now = sums[start : start + len(lesson.choices_ids)]
        total = total + lesson.weights[0] * divergence(held[None], now[None], direction)[0]
    return total


def _index(places: NDArray[np.int64], logits: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(places).to(logits.device)


def _like(weights: NDArray[np.float32], logits: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(weights).to(logits.device)
