"""The recipe's training loop beside the obvious one on the same cases: tokens per second and peak memory.

usage: python -m benchmarks.train [options]   a table; with --json FILE all raw numbers
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import (
    load_average,
    provenance,
    without_folders,
)
from benchmarks.train.side import Job
from introbench.files import write_whole

_MODULE = "benchmarks.train"
_ROOT = Path(__file__).resolve().parents[2]
_SCHEMA = 1
_GOAL = 2.0
"""Times as many tokens a second as the obvious loop."""

_METHOD = (
    "Both loops go forwards and backwards over the same cases with the same adapter, each time in a process of its "
    "own, in turns; medians are compared. A row is a prompt with its reply: one for an explanation, one for each "
    "prompt whose behaviour is kept. The obvious loop pads rows of similar length, has a pass for explanations and "
    "one for behaviour, computes M0 by the same weights with the adapter switched off, and all logits; of its batch "
    "sizes the best counts. Tokens a second are tokens of all rows, prompts included, over seconds. Introbench's "
    "seconds include those of measuring M0 beforehand, as if there were one epoch only. Processor seconds count what "
    "its threads computed, and say more than seconds where other programs run."
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write JSON where a file is named."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(typed)
    if options.json and not options.json.parent.is_dir():
        sys.exit(f"{_MODULE}: {options.json.parent}: no such folder")
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if options.threads:
        torch.set_num_threads(options.threads)
    found: dict[str, Any] = {
        "schema": _SCHEMA,
        "what": "The recipe's training loop beside the obvious one on the same cases.",
        **provenance(_MODULE, typed, device),
        "method": _METHOD,
        "model": without_folders(options.model),
        "task": options.task,
        "rank": options.rank,
        "results": [_measure(options, dtype, device) for dtype in options.dtype or ("float32", "bfloat16")],
    }
    found["machine"]["load_average_after"] = load_average()
    print("\n".join(line for result in found["results"] for line in _lines(result)))
    if options.json:
        write_whole(options.json, (json.dumps(found, indent=1) + "\n").encode())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {_MODULE}", description="Measure the training loop.")
    parser.add_argument("--model", default="smollm2-135m-q4_1", metavar="SPEC", help="a base; %(default)s")
    parser.add_argument("--task", default="hint_facts", help="%(default)s")
    parser.add_argument("--items", type=int, default=12, help="training items, with all their cues; %(default)s")
    parser.add_argument("--rank", type=int, default=64, help="of the adapter; %(default)s")
    parser.add_argument(
        "--dtype", action="append", choices=("float32", "bfloat16"), help="repeatable; both if left out"
    )
    parser.add_argument("--device", help="cuda where there is one, else cpu")
    parser.add_argument("--threads", type=int, default=0, help="threads of torch; its own choice if left out")
    parser.add_argument("--repeats", type=int, default=3, help="%(default)s")
    parser.add_argument("--pack-tokens", type=int, default=1024, help="tokens of introbench's passes; %(default)s")
    parser.add_argument(
        "--batch-sizes", type=_numbers, default=(2, 8), metavar="ROWS", help="of the obvious loop; %(default)s"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where all raw numbers go")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


def _measure(options: argparse.Namespace, dtype: str, device: torch.device) -> dict[str, Any]:
    own = Job(
        side="introbench",
        model=options.model,
        dtype=dtype,
        device=str(device),
        task=options.task,
        items=options.items,
        rank=options.rank,
        size=options.pack_tokens,
        threads=options.threads,
    )
    plain = [replace(own, side="plain", size=size) for size in options.batch_sizes]
    runs = [_in_own_process(job) for _ in range(options.repeats) for job in (own, *plain)]
    sides = {
        f"{job.side}, {job.size} {'tokens a pass' if job is own else 'rows a batch'}": _side(job, runs)
        for job in (own, *plain)
    }
    entries = list(sides.values())
    best = max(each["tokens_per_second"] for each in entries[1:])
    return {
        "dtype": dtype,
        "cases": runs[0]["cases"],
        "row_tokens": runs[0]["row_tokens"],
        "sides": sides,
        "times_obvious_loop": entries[0]["tokens_per_second"] / best,
        "times_by_processor": min(each["processor_seconds"] for each in entries[1:]) / entries[0]["processor_seconds"],
        "goal": _GOAL,
        "losses": sorted({round(run["loss"], 6) for run in runs}),
        "runs": runs,
    }


def _side(job: Job, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    mine = [run for run in runs if (run["side"], run["size"]) == (job.side, job.size)]
    seconds = [run["seconds"] + (run["first_seconds"] if job.side == "introbench" else 0.0) for run in mine]
    median = statistics.median(seconds)
    processor = statistics.median(run["processor_seconds"] for run in mine)
    return {
        "processor_seconds": processor,
        "seconds": seconds,
        "median_seconds": median,
        "tokens_per_second": mine[0]["row_tokens"] / median,
        "peak_bytes": max(run["peak_bytes"] or 0 for run in mine) or None,
        "pushed_tokens": mine[0]["pushed_tokens"],
    }


def _in_own_process(job: Job) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.train.side"],
        input=json.dumps(asdict(job)),
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _lines(result: dict[str, Any]) -> list[str]:
    found = [f"{result['dtype']}: {result['cases']} cases, {result['row_tokens']:,} tokens in rows"]
    for name, side in result["sides"].items():
        peak = f"{side['peak_bytes'] / 1e9:.2f} GB" if side["peak_bytes"] else "-"
        found.append(
            f"  {name:<32}{side['median_seconds']:>9.2f} s{side['tokens_per_second']:>9.0f} tokens/s{peak:>10}"
        )
    found.append(f"  times the obvious loop: {result['times_obvious_loop']:.2f} (goal {result['goal']:g})")
    found.append(f"  by processor seconds, without measuring M0: {result['times_by_processor']:.2f}")
    return found


if __name__ == "__main__":
    main()
