"""What M0 does on the prompts where a model in training is held to it: measured once, before the first step.

Of M0's distributions over the vocabulary only the last hidden states are kept: the head is frozen, and gives the
distribution back from a few hundred numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch

from introbench.errors import ModelError
from introbench.files import disk_errors, write_whole
from introbench.hashing import content_hash
from introbench.models.hf.model import HfModel
from introbench.models.types import ChoiceRequest
from introbench.scorer.forward import make_layout, score_packed
from introbench.scorer.memory import out_of_memory
from introbench.scorer.packs import split_packs
from introbench.train.lessons import Lesson, LessonBook, kept_questions, refuse_written
from introbench.train.rows import TrainingCase

__all__ = ["FirstBehaviour", "first_key", "measure_first", "measure_requests", "read_first"]

_SAME_LOGITS = 1e-4
"""Largest difference, as a share of the largest logit, up to which a head gives logits back from hidden states."""


@dataclass
class FirstBehaviour:
    """M0 on some questions, each by its hash.

    Attributes:
        choices: summed log-probability of every reply, in nats.
        spans: where the hidden states of its most probable reply begin and end.
        hidden: last hidden states before each token of those replies, (positions, width); None where the head
            alone does not give its logits.
    """

    choices: dict[str, tuple[float, ...]] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    hidden: torch.Tensor | None = None

    def reply(self, ask: str) -> int:
        """Number of the reply that M0 finds most probable; the first of those that tie."""
        return int(np.argmax(self.choices[ask]))

    def states(self, lessons: Sequence[Lesson], device: torch.device) -> torch.Tensor | None:
        """Hidden states at every position of what some lessons hold, in order, (t, width)."""
        if self.hidden is None:
            return None
        starts = [self.spans[lesson.ask][0] for lesson in lessons]
        parts = [
            self.hidden[start : start + len(lesson.weights)] for start, lesson in zip(starts, lessons, strict=True)
        ]
        return torch.cat(parts).to(device)

    def save(self, path: Path, key: str) -> None:
        """Write it whole or not at all."""
        asks = list(self.choices)
        sizes = [len(self.choices[ask]) for ask in asks]
        tensors = {"choices": torch.tensor([value for ask in asks for value in self.choices[ask]], dtype=torch.float64)}
        if self.hidden is not None:
            tensors["hidden"] = self.hidden
        index = {"key": key, "asks": asks, "sizes": sizes, "spans": [self.spans.get(ask) for ask in asks]}
        write_whole(path, safetensors.torch.save(tensors, metadata={"index": json.dumps(index)}))


def read_first(path: Path, key: str) -> FirstBehaviour | None:
    """What was saved under the same key, or None."""
    if not path.is_file():
        return None
    with disk_errors(path), safetensors.safe_open(str(path), framework="pt") as file:
        index = json.loads(file.metadata()["index"])
        if index["key"] != key:
            return None
        values = file.get_tensor("choices").tolist()
        hidden = file.get_tensor("hidden") if "hidden" in file.keys() else None  # noqa: SIM118 (no mapping)
    ends = np.cumsum([0, *index["sizes"]]).tolist()
    found = FirstBehaviour(hidden=hidden)
    for number, ask in enumerate(index["asks"]):
        found.choices[ask] = tuple(values[ends[number] : ends[number + 1]])
        if index["spans"][number] is not None:
            found.spans[ask] = tuple(index["spans"][number])
    return found


def first_key(model: HfModel, rows: Iterable[TrainingCase]) -> str:
    """What a measurement depends on: the model and the questions."""
    asks = sorted({question.ask for row in rows for question in kept_questions(row)})
    return content_hash([model.fingerprint.hex, asks])


def measure_first(model: HfModel, rows: Sequence[TrainingCase], book: LessonBook) -> FirstBehaviour:
    """M0's replies on every question that is held to it, and its hidden states behind them.

    Raises PromptError or ModelError where M0 cannot answer, UsageError where replies are written and judged.
    """
    refuse_written(rows)
    requests: dict[str, ChoiceRequest] = {}
    for row in rows:
        for question in kept_questions(row):
            if question.ask not in requests:
                requests[question.ask] = book.request(row.case, question)
    return measure_requests(model, requests)


def measure_requests(model: HfModel, requests: Mapping[str, ChoiceRequest]) -> FirstBehaviour:
    """The same for rendered questions, by hash."""
    asks, asked = list(requests), list(requests.values())
    found = FirstBehaviour()
    if not model.path.packed:
        for ask, result in zip(asks, model.score(asked), strict=True):
            found.choices[ask] = result.logprobs
        return found
    states: list[torch.Tensor] | None = []
    for pack in split_packs(asked, model.pack_tokens):
        part = _measure_pack(model, [asked[place] for place in pack])
        for place, (logprobs, rows_of_reply) in zip(pack, part, strict=True):
            found.choices[asks[place]] = logprobs
            if rows_of_reply is None:
                states = None
            if states is not None and rows_of_reply is not None:
                before = sum(map(len, states))
                found.spans[asks[place]] = (before, before + len(rows_of_reply))
                states.append(rows_of_reply)
    if states:
        found.hidden = torch.cat(states)
    else:
        found.spans.clear()
    return found


def _measure_pack(
    model: HfModel, requests: Sequence[ChoiceRequest]
) -> list[tuple[tuple[float, ...], torch.Tensor | None]]:
    """Per request the log-probabilities of its replies, and the hidden states before each token of the best one."""
    inner = model.hf_model
    tree = make_layout(inner, requests, flex=model.path.way == "flex")
    with _watched_head(inner) as seen:
        try:
            scores = score_packed(inner, requests, tree)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            raise ModelError(
                f"{model.spec}: memory does not hold {len(tree.forest.ids)} tokens at once: give a smaller pack_tokens"
            ) from error
    hidden = seen.hidden(len(tree.forest.scored), tree.forest.scored)
    found = []
    choice = 0
    for request, logprobs in zip(requests, scores, strict=True):
        best = choice + int(np.argmax(logprobs))
        rows = tree.forest.rows[tree.forest.owners == best]
        found.append((logprobs, None if hidden is None else hidden[torch.from_numpy(rows)].clone()))
        choice += len(request.choices_ids)
    return found


@dataclass
class _Seen:
    """What went into a model's head, and whether what came out of the model follows from it."""

    inputs: torch.Tensor | None = None
    follows: bool = False

    def hidden(self, scored: int, places: Any) -> torch.Tensor | None:
        if self.inputs is None or not self.follows:
            return None
        rows = self.inputs[0]
        return (rows if len(rows) == scored else rows[torch.from_numpy(places).to(rows.device)]).cpu()


@contextmanager
def _watched_head(model: Any) -> Iterator[_Seen]:
    seen = _Seen()
    head = model.get_output_embeddings()
    if head is None:
        yield seen
        return

    def before(module: Any, args: tuple[Any, ...]) -> None:
        seen.inputs = args[0]

    def after(module: Any, args: Any, output: Any) -> None:
        # Some models cap or scale what their head gives; then hidden states alone do not tell.
        if seen.inputs is not None:
            again, logits = head.forward(seen.inputs[0, -1:])[0].float(), output.logits[0, -1].float()
            seen.follows = bool((again - logits).abs().max() <= _SAME_LOGITS * logits.abs().max().clamp(min=1))

    hooks = [head.register_forward_pre_hook(before), model.register_forward_hook(after)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
