"""The benchmark of the scorer: introbench beside other engines on the same token ids, and what growing loads cost.

usage: python -m benchmarks.scorer [options]            a table; with --json FILE all raw numbers
       python -m benchmarks.scorer --scaling 100,1000   what a case costs as the load grows
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from benchmarks.machine import (
    load_average,
    provenance,
    without_folders,
)
from benchmarks.scorer.compare import Settings, compare
from benchmarks.scorer.load import LoadShape, Span, count_load, draw_load, task_load
from benchmarks.scorer.models import SHAPES, Subject, load_random, load_spec
from benchmarks.scorer.peers import BATCH_SIZES, PEERS
from benchmarks.scorer.report import peer_lines, scaling_lines
from benchmarks.scorer.scaling import Job, measure_scaling
from benchmarks.scorer.vllm import vllm_entries
from introbench.errors import IntrobenchError
from introbench.files import write_whole
from introbench.models.types import ChoiceRequest

_MODULE = "benchmarks.scorer"
_EMBEDDED = "smollm2-135m-q4_1"
_DTYPES = ("float32", "bfloat16")
_SCHEMA = 1
_WHAT_PEERS = "The scorer of introbench beside other engines on the same token ids."
_METHOD = (
    "Peers with padded batches choose their batch size on a part of the load, drawn by a seed; then all answer the "
    "whole load in turns, `repeats` times, on the same token ids. Medians are compared. lm-eval's HFLM keeps its "
    "defaults where --hflm-softmax does not say otherwise: several one-token choices of one context are one row, and "
    "log-probabilities are rounded to the model's dtype, sums included. vLLM is timed without "
    "its start, with an empty prefix cache."
)
_WHAT_SCALING = "What a case costs the scorer of introbench, and a whole run, as the load grows."


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write JSON where a file is named."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(typed)
    if options.json and not options.json.parent.is_dir():
        sys.exit(f"{_MODULE}: {options.json.parent}: no such folder")
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    head: dict[str, Any] = {
        "schema": _SCHEMA,
        "what": _WHAT_SCALING if _scaling(options) else _WHAT_PEERS,
        **provenance(_MODULE, typed, device),
    }
    try:
        found = head | (_measure_scaling(options, device) if _scaling(options) else _measure_peers(options, device))
    except IntrobenchError as error:
        sys.exit(f"{_MODULE}: {error}")
    found["machine"]["load_average_after"] = load_average()
    found["versions"] |= _vllm_version(found)
    print("\n".join(scaling_lines(found) if _scaling(options) else peer_lines(found)))
    if options.json:
        write_whole(options.json, (json.dumps(found, indent=1) + "\n").encode())


def _vllm_version(found: dict[str, Any]) -> dict[str, str]:
    for result in found.get("results", ()):
        for entry in result["peers"].values():
            for package, version in entry.get("engine", {}).get("versions", {}).items():
                if package.startswith("vllm"):
                    return {package: version}
    return {}


def _scaling(options: argparse.Namespace) -> bool:
    return bool(options.scaling or options.scaling_run)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {_MODULE}", description="Measure the scorer.", formatter_class=argparse.RawTextHelpFormatter
    )
    what = parser.add_argument_group("what is measured")
    what.add_argument("--model", metavar="SPEC", help=f"a spec of introbench; {_EMBEDDED} where nothing is said")
    what.add_argument("--random", metavar="SHAPE", help=f"random weights: {', '.join(SHAPES)} or a config.json")
    what.add_argument("--dtype", action="append", choices=_DTYPES, help="repeatable; both where nothing is said")
    what.add_argument("--device", help="cuda where there is one, else cpu")
    what.add_argument("--threads", type=int, default=0, help="threads of torch; its own choice where nothing is said")
    _add_load(parser.add_argument_group("the load"))
    how = parser.add_argument_group("how it is measured")
    how.add_argument("--peers", type=_names, default=PEERS, metavar="NAMES", help=f"of {','.join(PEERS)}, by commas")
    how.add_argument("--batch-sizes", type=_numbers, default=BATCH_SIZES, metavar="SIZES", help="that padded peers try")
    how.add_argument("--hflm-softmax", choices=_DTYPES, help="of lm-eval; the model's where nothing is said: faster")
    how.add_argument("--repeats", type=int, default=3, help="of the whole load; medians are compared, all are kept")
    how.add_argument("--sweep-requests", type=int, default=64, help="requests on which batch sizes are chosen")
    how.add_argument("--check-items", type=int, default=2, help="items also answered one row at a time")
    how.add_argument("--no-ceiling", action="store_true", help="no dense forward passes and matrix products")
    how.add_argument("--vllm-python", metavar="PATH", help="an interpreter with vLLM, which is left out otherwise")
    how.add_argument("--vllm-batch-sizes", type=_numbers, default=Settings().vllm_batch_sizes, metavar="SIZES")
    how.add_argument("--vllm-options", default="", metavar="TEXT", help="more options of benchmarks/vllm_peer.py")
    growing = parser.add_argument_group("growing loads, instead of peers; a tiny random model unless --model is given")
    growing.add_argument("--scaling", type=_numbers, metavar="CASES", help="the scorer alone, as in 100,1000,10000")
    growing.add_argument("--scaling-run", type=_numbers, metavar="CASES", help="whole runs of introbench")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where all raw numbers go")
    return parser


def _add_load(group: argparse._ArgumentGroup) -> None:
    shape = LoadShape()
    group.add_argument("--task", help="a task of introbench, as hint_facts, instead of drawn token ids")
    for name in ("items", "cues", "choices", "candidates", "stem_tokens", "turn_tokens", "seed"):
        default = getattr(shape, name)
        group.add_argument(f"--{name.replace('_', '-')}", type=int, default=default, metavar="N", help=f"{default}")
    for name in ("choice_tokens", "question_tokens", "cue_tokens", "explanation_tokens"):
        default = getattr(shape, name)
        flag = f"--{name.replace('_', '-')}"
        group.add_argument(flag, type=_span, default=default, metavar="N[-N]", help=f"{default}")


def _span(text: str) -> Span:
    try:
        return Span.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := sorted(set(names) - set(PEERS)):
        raise argparse.ArgumentTypeError(f"no peer {unknown[0]!r}; known: {', '.join(PEERS)}")
    return names


def _numbers(text: str) -> tuple[int, ...]:
    numbers = tuple(int(number) for number in text.split(","))
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: numbers from 1 on, by commas")
    return numbers


def _measure_peers(options: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    results: list[dict[str, Any]] = []
    load: dict[str, Any] = {}
    for dtype in options.dtype or _DTYPES:
        subject = _subject(options, dtype, device)
        requests, load = _load(options, subject)
        results.append(_measure_one(options, subject, requests))
        del subject
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return {
        "model": results[0]["model"]["name"],
        "load": load,
        "method": _METHOD,
        "hflm_softmax": options.hflm_softmax or "the model's dtype",
        "repeats": options.repeats,
        "sweep_requests": min(options.sweep_requests, load["requests"]),
        "results": results,
    }


def _subject(options: argparse.Namespace, dtype: str, device: torch.device) -> Subject:
    if options.random:
        return load_random(options.random, dtype, str(device))
    return load_spec(options.model or _EMBEDDED, dtype, str(device))


def _load(options: argparse.Namespace, subject: Subject) -> tuple[list[ChoiceRequest], dict[str, Any]]:
    """The requests, and what the JSON says of them."""
    if options.task:
        requests = task_load(options.task, options.items, subject.chat)
        drawn: dict[str, Any] = {"task": options.task}
    else:
        names = LoadShape.__dataclass_fields__
        shape = LoadShape(**{name: getattr(options, name) for name in names})
        requests = draw_load(shape, subject.vocabulary)
        drawn = {"drawn": shape.as_json()}
    return requests, drawn | count_load(requests).as_json()


def _measure_one(options: argparse.Namespace, subject: Subject, requests: Sequence[ChoiceRequest]) -> dict[str, Any]:
    settings = Settings(
        peers=options.peers,
        batch_sizes=options.batch_sizes,
        repeats=options.repeats,
        sweep_requests=options.sweep_requests,
        check_items=options.check_items,
        hflm_softmax=options.hflm_softmax,
        vllm_batch_sizes=options.vllm_batch_sizes,
        ceiling=not options.no_ceiling,
    )
    found, own = compare(subject, requests, settings)
    if options.vllm_python is None:
        found["skipped"]["vllm"] = "no interpreter named by --vllm-python"
        return found
    # Its memory is the other engine's now.
    subject.model.to("cpu")
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    seconds = found["peers"]["introbench"]["median_seconds"]
    extra = [*(["--threads", str(options.threads)] if options.threads else []), *options.vllm_options.split()]
    entries, skipped = vllm_entries(options.vllm_python, subject, requests, own, seconds, settings, extra)
    found["peers"] |= entries
    found["skipped"] |= skipped
    return found


def _measure_scaling(options: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    dtype = (options.dtype or _DTYPES)[0]
    found = {}
    kinds: dict[Literal["scorer", "run"], tuple[int, ...] | None] = {
        "scorer": options.scaling,
        "run": options.scaling_run,
    }
    for kind, sizes in kinds.items():
        if sizes:
            jobs = [
                Job(kind, cases, options.model, dtype, str(device), options.threads, options.seed) for cases in sizes
            ]
            found[kind] = measure_scaling(jobs)
    return {"model": without_folders(options.model or "tiny random model"), "dtype": dtype, "scaling": found}


if __name__ == "__main__":
    main()
