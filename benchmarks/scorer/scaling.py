"""Growing loads: what a case costs and how far memory rises, each size in a process of its own.

usage: python -m benchmarks.scorer.scaling < JOB.json (one size; `python -m benchmarks.scorer --scaling` starts these)
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeVar

import torch

from benchmarks.scorer.load import LoadShape, by_item, draw_load
from benchmarks.scorer.measure import finish, peak_resident
from benchmarks.scorer.models import load_random, load_spec, saved
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.scorer.packs import split_packs
from introbench.scorer.score import score_pack

__all__ = ["Job", "measure_scaling", "run_size", "score_size"]

T = TypeVar("T")

_TASKS = ("hint_facts", "hint_facts?behaviour=letter")
"""Tasks of a run; more than one, because one has too few items for ten thousand cases."""

_CUES = 4
_LONG_ENOUGH = 5.0
"""Seconds that a synthetic load is scored for: a small one is scored again and again, and the median counts."""
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Job:
    """One size.

    Attributes:
        kind: "scorer" for the scorer on a synthetic load, "run" for a whole `introbench run`.
        cases: number of cued cases; rounded up to whole items.
        model: spec of a model, or None for a tiny one with random weights.
        dtype: of its weights.
        device: of its weights.
        threads: of torch, 0 for its own choice.
        seed: of the synthetic load.
    """

    kind: Literal["scorer", "run"]
    cases: int
    model: str | None
    dtype: str
    device: str
    threads: int = 0
    seed: int = 0


def measure_scaling(jobs: Sequence[Job]) -> dict[str, Any]:
    """All sizes of one kind, one after another, and the ratio of the dearest case to the cheapest."""
    sizes = [_in_own_process(job) for job in jobs]
    found: dict[str, Any] = {"sizes": sizes, "largest_to_smallest": _ratio(sizes, "seconds_per_case")}
    # A run that takes no longer than its start says nothing of its cases.
    if all(size.get("seconds_per_case_beyond_start", 0) > 0 for size in sizes):
        found["largest_to_smallest_beyond_start"] = _ratio(sizes, "seconds_per_case_beyond_start")
    return found


def _ratio(sizes: Sequence[dict[str, Any]], name: str) -> float:
    costs = [float(size[name]) for size in sizes]
    return max(costs) / min(costs)


def _in_own_process(job: Job) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scorer.scaling"],
        input=json.dumps(asdict(job)),
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def score_size(job: Job) -> dict[str, Any]:
    """Seconds and memory of packing and scoring a synthetic load. One pack is scored before, to warm up."""
    subject = load_spec(job.model, job.dtype, job.device) if job.model else load_random("tiny", job.dtype, job.device)
    shape = LoadShape(items=-(-job.cases // _CUES), cues=_CUES, seed=job.seed)
    requests = draw_load(shape, subject.vocabulary)

    def score() -> int:
        packs = split_packs(requests, subject.pack_tokens)
        for numbers in packs:
            pack = [requests[number] for number in numbers]
            score_pack(subject.model, subject.path, pack, subject.pack_tokens)
        return len(packs)

    for numbers in split_packs(requests, subject.pack_tokens)[:2]:
        score_pack(subject.model, subject.path, [requests[number] for number in numbers], subject.pack_tokens)
    before = peak_resident()
    passes = [_clocked(score, subject.model.device)]
    while sum(seconds for seconds, _ in passes) < _LONG_ENOUGH:
        passes.append(_clocked(score, subject.model.device))
    seconds, packs = median(seconds for seconds, _ in passes), passes[0][1]
    entry = _size_entry(seconds, before, len(by_item(requests)) * _CUES, len(requests))
    return entry | {"packs": packs, "passes": len(passes)}


def run_size(job: Job) -> dict[str, Any]:
    """Seconds and memory of `introbench run`, from reading the task to the finished run directory.

    Runs of one item go before: what the second takes is the start that any run pays once.
    """
    with TemporaryDirectory(prefix="introbench-benchmark-") as scratch:
        folder = Path(scratch)
        if job.model:
            return _timed_runs(job, job.model, folder)
        with saved(load_random("tiny", job.dtype, job.device)) as weights:
            return _timed_runs(job, f"hf/{weights}", folder)


def _timed_runs(job: Job, spec: str, folder: Path) -> dict[str, Any]:
    def run(limit: int, out: Path) -> Path:
        options = {"dtype": job.dtype, "device": job.device}
        config, variants = resolve_config(spec, tasks=_TASKS, limit=limit, options=options)
        return execute(config, variants, out)

    device = torch.device(job.device)
    run(1, folder / "first")
    start_seconds, _ = _clocked(lambda: run(1, folder / "start"), device)
    before = peak_resident()
    items = -(-job.cases // (_CUES * len(_TASKS)))
    seconds, out = _clocked(lambda: run(items, folder / "run"), device)
    cases = _lines(out / "cases.jsonl")
    found = _size_entry(seconds, before, cases, sum(map(_lines, out.glob("records/*/*.jsonl"))))
    beyond = (seconds - start_seconds) / max(cases - _CUES * len(_TASKS), 1)
    return found | {"start_seconds": start_seconds, "seconds_per_case_beyond_start": beyond}


def _clocked(call: Callable[[], T], device: torch.device) -> tuple[float, T]:
    finish(device)
    start = time.perf_counter()
    result = call()
    finish(device)
    return time.perf_counter() - start, result


def _lines(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


def _size_entry(seconds: float, before: int, cases: int, requests: int) -> dict[str, Any]:
    """`before` is the process's high-water mark when the measurement began, warm-up included."""
    peak = peak_resident()
    return {
        "cases": cases,
        "requests": requests,
        "seconds": seconds,
        "seconds_per_case": seconds / cases,
        "peak_bytes": peak,
        "rise_bytes": peak - before,
    }


def main() -> None:
    """Read a job, do it, print what was found as one line of JSON."""
    job = Job(**json.loads(sys.stdin.read()))
    if job.threads:
        torch.set_num_threads(job.threads)
    print(json.dumps(score_size(job) if job.kind == "scorer" else run_size(job)))


if __name__ == "__main__":
    main()
