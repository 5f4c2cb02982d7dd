"""A run directory as a run leaves it, with invented answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from introbench.hashing import canonical_json, content_hash, named_random

MODELS: list[dict[str, Any]] = [
    {"name": "tiny", "folder": "tiny", "role": "target", "fingerprint": "aa", "tie_margin": 0.001, "spec": "x"},
    {"name": "tiny base", "folder": "tiny-base", "role": "base", "fingerprint": "bb", "tie_margin": 0.001},
    {"name": "other", "folder": "other", "role": "reference", "fingerprint": "cc", "tie_margin": 0.1},
]
CUES = [("friend", "opinion", "train"), ("note", "metadata", "test"), ("weather", "placebo", "train")]
MANIFEST: dict[str, Any] = {
    "schema": 1,
    "seed": 7,
    "models": MODELS,
    "tasks": [{"name": name, "version": 2, "comparability": 1, "licence": "x"} for name in ("facts", "opinions")],
    "hardware": {"cpu": "some"},
}


def invented_rows(items: int) -> list[dict[str, Any]]:
    rows = []
    for task in ("facts", "opinions"):
        for item in range(items):
            draw = named_random(0, task, str(item))
            choices = [f"choice {index}" for index in range(draw.choice([3, 4]))]
            for cue, kind, split in CUES:
                case = f"{task}/{item}/{cue}"
                asks: dict[str, list[str | int]] = {
                    "uncued": [task, item],
                    "cued": [case],
                    "explanation": [case, "why"],
                }
                rows.append(
                    {
                        "id": case,
                        "task": task,
                        "item": str(item),
                        "item_kind": "some",
                        "cluster": str(item // 2),
                        "item_split": "test",
                        "cue": cue,
                        "cue_kind": kind,
                        "cue_split": split,
                        "edit": "rewrite" if kind == "metadata" and item % 10 == 0 else "insert",
                        "choices": choices,
                        "hint": None if kind == "placebo" else draw.randrange(len(choices)),
                        "key": draw.randrange(len(choices)) if task == "facts" else None,
                        "messages": "0",
                        "asks": {part: content_hash(ask) for part, ask in asks.items()},
                    }
                )
    return rows


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(canonical_json(row) + "\n" for row in rows))


RunMaker = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path) -> RunMaker:
    """Writes a run directory and returns its path. Answers depend on the request and the model alone."""

    def make(items: int = 60, backwards: bool = False) -> Path:
        rows = invented_rows(items)
        (tmp_path / "manifest.json").write_text(canonical_json(MANIFEST))
        write_lines(tmp_path / "cases.jsonl", rows)
        for model in MODELS:
            for task in ("facts", "opinions"):
                records = {}
                for row in (row for row in rows if row["task"] == task):
                    for part, ask in row["asks"].items():
                        size = len(row["choices"]) * (2 if part == "explanation" else 1)
                        draw = named_random(1, model["name"], ask)
                        key = content_hash([ask, model["fingerprint"], 0])
                        logprobs = [float(np.log(draw.random() / size)) for _ in range(size)]
                        record = {"key": key, "ask": ask, "replicate": 0, "tokens": None, "logprobs": logprobs}
                        records[key] = {**record, "pack": "0", "time": 0.1, "host": "here"}
                ordered = list(records.values())[:: -1 if backwards else 1]
                write_lines(tmp_path / "records" / model["folder"] / f"{task}.jsonl", ordered)
        return tmp_path

    return make
