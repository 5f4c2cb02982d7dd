"""Measure `introbench score` on a stored run with many ledger rows: seconds and memory of the whole command.

usage: python -m benchmarks.score_speed [--rows N] [--models N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import measured
from introbench.files import write_whole
from introbench.hashing import canonical_json, content_hash, named_random

__all__ = ["measure", "write_run"]

CHOICES = 4
CUES = (("opinion_think", "opinion"), ("peer_friend", "peer"), ("hint_line", "hint_line"), ("placebo_train", "placebo"))
REQUESTS_PER_ITEM = 1 + 2 * len(CUES)


def write_run(folder: Path, rows: int, models: int) -> tuple[int, int]:
    """A run directory with about so many ledger rows in all, spread evenly over models; cases and rows written.

    Every fourth cue is a placebo, one item in ten is asked twice, answers are random.
    """
    items = round(rows / models / REQUESTS_PER_ITEM / 1.1)
    names = [f"model-{number}" for number in range(models)]
    manifest: dict[str, Any] = {
        "schema": 1,
        "seed": 0,
        "models": [
            {
                "name": name,
                "folder": name,
                "role": "reference" if number else "target",
                "fingerprint": content_hash(name),
                "tie_margin": 0.001,
            }
            for number, name in enumerate(names)
        ],
        "tasks": [{"name": "facts", "version": 1, "comparability": 1}],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    cases = [case for item in range(items) for case in _cases(item)]
    (folder / "cases.jsonl").write_text("".join(canonical_json(case) + "\n" for case in cases))
    written = 0
    for model in manifest["models"]:
        records = folder / "records" / model["folder"]
        records.mkdir(parents=True)
        lines = list(_ledger(cases, model["name"], model["fingerprint"], items))
        written += len(lines)
        (records / "facts.jsonl").write_text("".join(lines))
    return len(cases), written


def _cases(item: int) -> list[dict[str, Any]]:
    random = named_random(0, "score speed", str(item))
    uncued = content_hash(["uncued", item])
    found = []
    for cue, kind in CUES:
        asks = {"uncued": uncued, "cued": content_hash([item, cue]), "explanation": content_hash([item, cue, "why"])}
        found.append(
            {
                "id": f"facts/{item}/{cue}",
                "task": "facts",
                "item": str(item),
                "item_kind": "some",
                "cluster": str(item),
                "item_split": "test",
                "cue": cue,
                "cue_kind": kind,
                "cue_split": "train",
                "edit": "insert",
                "choices": [f"choice {number}" for number in range(CHOICES)],
                "hint": None if kind == "placebo" else random.randrange(CHOICES),
                "key": random.randrange(CHOICES),
                "messages": content_hash([item, cue, "messages"]),
                "asks": asks,
            }
        )
    return found


def _ledger(cases: list[dict[str, Any]], model: str, fingerprint: str, items: int) -> list[str]:
    rng = np.random.default_rng(named_random(0, "score speed", model).getrandbits(64))
    lines: dict[str, str] = {}
    for case in cases:
        for replicate in (0, 1) if int(case["item"]) < items // 10 else (0,):
            for part, ask in case["asks"].items():
                key = content_hash([ask, fingerprint, replicate])
                if key in lines:
                    continue
                width = 2 * CHOICES if part == "explanation" else CHOICES
                values = np.log(rng.dirichlet(np.full(width, 0.5)) + 1e-9)
                row = {
                    "key": key,
                    "ask": ask,
                    "replicate": replicate,
                    "tokens": content_hash([ask, "tokens"]),
                    "logprobs": [float(value) for value in values],
                    "text": None,
                    "pack": "0",
                    "time": 0.1,
                    "host": "here",
                }
                if part == "explanation":
                    row["deciding"] = [float(value) for value in np.log(rng.dirichlet((1, 1, 2))[:2])]
                lines[key] = canonical_json(row) + "\n"
    return list(lines.values())


def measure(run: Path) -> dict[str, float]:
    """Seconds, processor seconds and peak memory (bytes) of one `introbench score`, in a process of its own."""
    return asdict(measured("score", str(run)))


def main() -> None:
    """Write a run, score it, print and store what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, metavar="N", help="ledger rows of all models together")
    parser.add_argument("--models", type=int, default=2, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cases, rows = write_run(Path(folder), options.rows, options.models)
        found = {"rows": rows, "cases": cases, "models": options.models, **measure(Path(folder))}
    print(json.dumps(found))
    if options.json is not None:
        from benchmarks.machine import provenance

        result = {
            "what": "introbench score on a stored run, the whole command.",
            **provenance("benchmarks.score_speed", sys.argv[1:]),
            "result": found,
        }
        write_whole(options.json, (json.dumps(result, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
