"""vLLM as a peer: `vllm_peer.py` answers the same ids under an interpreter of its own, as vLLM brings its own torch.

It reads {"requests": [{"prompt_ids": […], "choices_ids": [[…]…]}…], "repeats": N} and writes, as the last line of its
output, {"seconds": […], "logprobs": [[…]…], …}.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.scorer.compare import Settings, agreement
from benchmarks.scorer.load import sample
from benchmarks.scorer.models import Subject, saved
from benchmarks.scorer.peers import Scores
from introbench.models.types import ChoiceRequest

__all__ = ["PEER_SCRIPT", "VARIANTS", "vllm_entries"]

VARIANTS = {"vllm": "--no-prefix-caching", "vllm-prefix": "--prefix-caching"}

PEER_SCRIPT = Path(__file__).resolve().parent.parent / "vllm_peer.py"
_LONGEST_SECONDS = 3600


def vllm_entries(
    python: str,
    subject: Subject,
    requests: Sequence[ChoiceRequest],
    own: Scores,
    own_seconds: float,
    settings: Settings,
    extra: Sequence[str] = (),
) -> tuple[dict[str, Any], dict[str, str]]:
    """What the JSON says of vLLM with and without prefix caching, and why where it did not answer.

    Args:
        python: its interpreter.
        own: introbench's log-probabilities of the same requests.
        own_seconds: introbench's median.
        extra: more options of `vllm_peer.py`.
    """
    entries: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    dtype = str(subject.model.dtype).removeprefix("torch.")
    part = sample(requests, settings.sweep_requests)
    with saved(subject) as folder:
        for name, flag in VARIANTS.items():
            command = [python, str(PEER_SCRIPT), "--model", folder, "--dtype", dtype, flag, *extra]
            try:
                sweep = _sweep(command, part, settings.vllm_batch_sizes)
                size = min(sweep, key=sweep.__getitem__, default=settings.vllm_batch_sizes[0])
                answer = _ask(command, requests, settings.repeats, size)
            except _NoAnswerError as error:
                skipped[name] = str(error)
            else:
                tried = {str(size): seconds for size, seconds in sweep.items()}
                entries[name] = {"batch_size": size, "sweep_seconds": tried, **_entry(answer, own, own_seconds)}
    return entries, skipped


def _sweep(command: Sequence[str], part: Sequence[ChoiceRequest], sizes: Sequence[int]) -> dict[int, float]:
    """Seconds of each batch size on a part of the load. One size alone is not tried: a start takes a minute."""
    if len(sizes) == 1:
        return {}
    return {size: min(_ask(command, part, 1, size)["seconds"]) for size in sizes}


class _NoAnswerError(Exception):
    """The other interpreter did not answer; the message says how it ended."""


def _ask(command: Sequence[str], requests: Sequence[ChoiceRequest], repeats: int, size: int) -> dict[str, Any]:
    """The script's answer. What it says on the way goes to stderr."""
    asked = {
        "repeats": repeats,
        "requests": [
            {"prompt_ids": list(request.prompt_ids), "choices_ids": [list(reply) for reply in request.choices_ids]}
            for request in requests
        ],
    }
    try:
        done = subprocess.run(
            [*command, "--max-num-seqs", str(size)],
            input=json.dumps(asked),
            stdout=subprocess.PIPE,
            text=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        raise _NoAnswerError(f"it did not run: {type(error).__name__}") from error
    if done.returncode != 0:
        raise _NoAnswerError(f"it ended with exit code {done.returncode}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _entry(answer: dict[str, Any], own: Scores, own_seconds: float) -> dict[str, Any]:
    scores = [tuple(values) for values in answer["logprobs"]]
    seconds: list[float] = answer["seconds"]
    median = statistics.median(seconds)
    return {
        "seconds": seconds,
        "median_seconds": median,
        "best_seconds": min(seconds),
        "requests_per_second": len(scores) / median,
        "times_introbench": median / own_seconds,
        "against_introbench": agreement(scores, own),
        "engine": {name: value for name, value in answer.items() if name not in ("logprobs", "seconds")},
    }
