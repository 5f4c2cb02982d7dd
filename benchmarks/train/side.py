"""One loop over all lessons, in a process of its own, so that its peak of memory is its own.

usage: python -m benchmarks.train.side < JOB.json (`python -m benchmarks.train` starts these)
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from benchmarks.scorer.measure import timed
from benchmarks.train.plain import plain_losses
from introbench.models.hf.model import HfModel
from introbench.models.load import load_model
from introbench.runs.config import resolve_config
from introbench.runs.plan import make_plan
from introbench.scorer.packs import split_packs
from introbench.train.adapter import LeanLoraLinear, add_adapter
from introbench.train.batches import TrainingPack, lay_out
from introbench.train.config import Hyperparameters
from introbench.train.first import measure_first
from introbench.train.lessons import Lesson, LessonBook, merged
from introbench.train.packed import Student
from introbench.train.rows import TrainingCase

__all__ = ["Job", "run_job"]

Side = Literal["introbench", "plain"]


@dataclass(frozen=True, slots=True)
class Job:
    """One loop.

    Attributes:
        side: which.
        model: spec of the base.
        dtype: of its weights.
        device: where it is.
        task: task spec.
        items: training items, with all their cues.
        rank: of the adapter.
        size: tokens of a pass, or rows of a padded batch.
        threads: of torch, 0 for its own choice.
    """

    side: Side
    model: str
    dtype: str
    device: str
    task: str
    items: int
    rank: int
    size: int
    threads: int = 0


def run_job(job: Job) -> dict[str, Any]:
    """Seconds, peak and loss of one loop forwards and backwards over all lessons, behind a warm-up."""
    model = load_model(job.model, dtype=job.dtype, device=job.device)
    assert isinstance(model, HfModel)
    chosen = Hyperparameters(rank=job.rank, alpha=2.0 * job.rank)
    rows = training_rows(job)
    book = LessonBook(model.chat, model.spec, model.context)
    device = model.hf_model.device
    measured = timed(lambda: measure_first(model, rows, book), device)
    first = measured.result
    lessons = [lesson for row in rows for lesson in book.lessons(row, first, chosen)]
    adapted = add_adapter(model.hf_model, chosen, model.spec)
    _move_away_from_zero(adapted)
    if job.side == "plain":
        for module in adapted.modules():
            if isinstance(module, LeanLoraLinear):
                module.__class__ = LeanLoraLinear.__bases__[0]
    student = Student(adapted, model.path, first, "forward")
    packs = [lay_out(part) for part in _packed(lessons, job.size)] if job.side == "introbench" else []
    whole, some = _loops(job, student, packs, lessons)
    some()
    adapted.zero_grad()
    processor = time.process_time()
    run = timed(whole, device)
    processor = time.process_time() - processor
    gradient = torch.sqrt(sum((each.grad**2).sum() for each in adapted.parameters() if each.grad is not None))
    return {
        "side": job.side,
        "size": job.size,
        "seconds": run.seconds,
        "processor_seconds": processor,
        "peak_bytes": run.peak_bytes,
        "first_seconds": measured.seconds,
        "loss": run.result,
        "gradient_norm": float(gradient),
        "cases": len(rows),
        "row_tokens": sum(len(lesson.prompt_ids) + len(lesson.choices_ids[0]) for lesson in lessons),
        "pushed_tokens": sum(len(pack.forest.ids) for pack in packs) or None,
    }


def training_rows(job: Job) -> list[TrainingCase]:
    """Training cases with a drawn label each: what a label says does not change what it costs."""
    plan = make_plan(*resolve_config(job.model, tasks=[job.task], split="train", limit=job.items, aa_share=0.0))
    cases = [case for case in plan.tasks[0].cases if case.cue.split == "train"]
    return [
        TrainingCase(case, "changed" if number % 2 else "unchanged", number % len(case.item.choices))
        for number, case in enumerate(cases)
    ]


def _loops(
    job: Job, student: Student, packs: Sequence[TrainingPack], lessons: Sequence[Lesson]
) -> tuple[Callable[[], float], Callable[[], float]]:
    """The whole loop, and a part of it to warm up."""
    if job.side == "introbench":
        return lambda: _packed_losses(student, packs), lambda: _packed_losses(student, packs[:1])
    model, some = student.adapted, lessons[: 2 * job.size]
    return lambda: plain_losses(model, lessons, job.size), lambda: plain_losses(model, some, job.size)


def _packed_losses(student: Student, packs: Sequence[TrainingPack]) -> float:
    total = 0.0
    for pack in packs:
        loss = torch.stack(list(student.losses(pack).values())).sum()
        loss.backward()
        total += float(loss.detach())
    return total


def _packed(lessons: Sequence[Lesson], tokens: int) -> list[list[Lesson]]:
    found = merged(lessons)
    return [[found[place] for place in pack] for pack in split_packs(found, tokens)]


def _move_away_from_zero(model: Any) -> None:
    """As an adapter is in the midst of training: before the first step half of its gradient is zero."""
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.01)


def main() -> None:
    """Read a job, do it, print what was found as one line of JSON."""
    job = Job(**json.loads(sys.stdin.read()))
    if job.threads:
        torch.set_num_threads(job.threads)
    print(json.dumps(run_job(job)))


if __name__ == "__main__":
    main()
