"""What a training would cost, counted without labels, weights or files: cases, tokens, memory and time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import AutoModelForCausalLM

from introbench.train.batches import Steps
from introbench.train.config import TrainConfig
from introbench.train.lessons import LessonBook, kept_questions
from introbench.train.memory import TrainingMemory, adapter_parameters, fitting_tokens, training_memory
from introbench.train.rows import TrainingCase
from introbench.train.trainer import open_base

__all__ = ["TrainingEstimate", "estimate_training"]

_EFFICIENCY = {"cpu": 0.7, "cuda": 0.4}
"""Share of a matrix product's speed that a training reaches, by type of device. On a CPU 0.7 in bfloat16 and 0.85 in
float32 were seen (SmolLM2-135M, rank 64, one core of an AMD EPYC); the GPU's is a usual value of large models."""

_COUNTED_STEPS = 64
"""Steps that are laid out to count their tokens; the others are taken to be like them."""

_ROWS = 1024
_PROBE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    """What a training would cost.

    Attributes:
        cases: cases of the training set, at most.
        steps: optimiser steps.
        tokens: pushed forwards and backwards in all steps, those shared within a pass counted once.
        unshared_tokens: the same, every prompt and reply by itself.
        first_tokens: pushed forwards once, for what M0 does.
        parameters: frozen weights.
        adapter: weights of the adapter.
        pack_tokens: most tokens of one pass.
        memory: what is held at the peak.
        seconds: of all steps on this machine, M0's pass included, evaluations and labels apart.
        device: type of this machine's device.
    """

    cases: int
    steps: int
    tokens: int
    unshared_tokens: int
    first_tokens: int
    parameters: int
    adapter: int
    pack_tokens: int
    memory: TrainingMemory
    seconds: float
    device: str


class _AnyReplies:
    """M0's replies before it has been asked: replies of one question are about equally long."""

    def reply(self, ask: str) -> int:
        return 0


def estimate_training(config: TrainConfig) -> TrainingEstimate:
    """Count a training; its training set may hold stand-ins for labels.

    Raises SpecError or ModelError where the base cannot be opened, PromptError where a prompt exceeds its context.
    """
    chosen, rows = config.hyperparameters, config.training_set.cases
    _, head = open_base(config.model, config.hyperparameters.dtype)
    model_config, dtype, device = head.config, head.dtype, torch.device(head.device)
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(model_config, trust_remote_code=head.trusted)
    parameters = sum(each.numel() for each in empty.parameters())
    adapter = adapter_parameters(empty, chosen)
    pack_tokens = fitting_tokens(model_config, parameters, adapter, dtype, device, chosen)
    book = LessonBook(head.chat, head.spec, head.context)
    steps = Steps(rows, book, chosen, _AnyReplies() if chosen.kl_weight else None, pack_tokens)
    tokens, unshared = _pushed(steps)
    first = _first_tokens(rows, book) if chosen.kl_weight else 0
    flops = 2 * parameters * (2 * tokens + first) + 6 * adapter * tokens
    speed = _EFFICIENCY.get(device.type, _EFFICIENCY["cpu"]) * _product_speed(dtype, device)
    return TrainingEstimate(
        cases=len(rows),
        steps=len(steps),
        tokens=tokens,
        unshared_tokens=unshared,
        first_tokens=first,
        parameters=parameters,
        adapter=adapter,
        pack_tokens=pack_tokens,
        memory=training_memory(model_config, parameters, adapter, dtype, pack_tokens),
        seconds=flops / speed,
        device=device.type,
    )


def _pushed(steps: Steps) -> tuple[int, int]:
    """Tokens of all steps, shared and by themselves; of long trainings from the first steps."""
    counted = [steps[number] for number in range(min(len(steps), _COUNTED_STEPS))]
    scale = len(steps) / len(counted)
    shared = sum(step.tokens for step in counted)
    alone = sum(
        len(lesson.prompt_ids) + len(reply)
        for step in counted
        for pack in step.packs
        for lesson in pack.lessons
        for reply in lesson.choices_ids
    )
    return round(shared * scale), round(alone * scale)


def _first_tokens(rows: Sequence[TrainingCase], book: LessonBook) -> int:
    asked = {}
    for row in rows:
        for question in kept_questions(row):
            if question.ask not in asked:
                request = book.request(row.case, question)
                asked[question.ask] = len(request.prompt_ids) + sum(map(len, request.choices_ids))
    return sum(asked.values())


def _product_speed(dtype: torch.dtype, device: torch.device) -> float:
    """Floating-point operations a second of a large matrix product here."""
    left = torch.ones(_ROWS, _ROWS, dtype=dtype, device=device)
    right = torch.ones(_ROWS, _ROWS, dtype=dtype, device=device)
    products, started = 0, 0.0
    while products < 2 or time.perf_counter() - started < _PROBE_SECONDS:
        if products == 1:  # the first one warms up
            started = time.perf_counter()
        (left @ right)[0, 0].item()
        products += 1
    return (products - 1) * 2 * _ROWS**3 / (time.perf_counter() - started)
