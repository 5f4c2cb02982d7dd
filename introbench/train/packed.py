"""A model in training: logits of packs with gradients, and M0's logits from the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from introbench.scorer.blocks import TreeLayout
from introbench.scorer.forest import Forest, grow_forest
from introbench.scorer.forward import packed_logits, padded_logits
from introbench.scorer.probe import ScoringPath
from introbench.train.batches import TrainingPack
from introbench.train.config import KlDirection
from introbench.train.first import FirstBehaviour
from introbench.train.lessons import Lesson, Term
from introbench.train.loss import pack_losses

__all__ = ["Student"]


@dataclass(frozen=True)
class Student:
    """A model with its adapter.

    Attributes:
        adapted: the peft model.
        path: how the scorer's probe found that it may be pushed.
        first: what M0 does; None where nothing is held to it.
        direction: of the divergence from M0.
    """

    adapted: Any
    path: ScoringPath
    first: FirstBehaviour | None
    direction: KlDirection

    def losses(self, pack: TrainingPack, call: Any = None) -> dict[Term, torch.Tensor]:
        """The terms of a pack's loss, with gradients.

        Args:
            call: what is called in place of the model, where something is wrapped around it.
        """
        held = self._first_logits(pack)
        logits = self._logits(pack.forest, call or self.adapted)
        choices = self.first.choices if self.first is not None else None
        return pack_losses(logits, pack, self.direction, held, choices)

    def _logits(self, forest: Forest, call: Any) -> torch.Tensor:
        model = self.adapted.get_base_model()
        if not self.path.packed:
            return padded_logits(model, forest, call)
        return packed_logits(model, TreeLayout(forest, model.device, model.dtype, self.path.way == "flex"), call)

    def _first_logits(self, pack: TrainingPack) -> torch.Tensor | None:
        """M0's logits where replies are held, (t, vocabulary): from its last hidden states, else computed anew."""
        kept = [lesson for lesson in pack.lessons if lesson.term == "keep" and len(lesson.choices_ids) == 1]
        if not kept or self.first is None:
            return None
        model = self.adapted.get_base_model()
        head = model.get_output_embeddings()
        # Only a head that has an adapter of its own differs from M0's.
        plain = self.adapted.disable_adapter() if hasattr(head, "lora_A") else nullcontext()
        with torch.no_grad(), plain:
            states = self.first.states(kept, model.device)
            if states is not None:
                return torch.as_tensor(head(states))
        with torch.no_grad(), self.adapted.disable_adapter():
            return self._computed(kept)

    def _computed(self, kept: Sequence[Lesson]) -> torch.Tensor:
        forest = grow_forest(kept)
        logits = self._logits(forest, self.adapted)
        return logits[torch.from_numpy(forest.rows).to(logits.device)]
