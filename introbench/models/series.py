"""Specs that name a series of checkpoints: `hf/DIR/checkpoint-*`, one model per folder, the earliest first."""

from __future__ import annotations

import glob
import re
from dataclasses import replace
from pathlib import Path

from introbench.errors import ModelError
from introbench.models.spec import ModelSpec

__all__ = ["expand_series"]

_SERIES = frozenset({"hf", "vllm"})
"""Backends whose names may be folders."""


def expand_series(spec: ModelSpec) -> list[tuple[str, ModelSpec]]:
    """The models that a spec stands for, each with its mark in the series; one without a mark where it is no series.

    A "*" stands for any letters in the last name of a path: of the folders of checkpoints, or of those of adapters
    behind "+". The mark is what differs, as in "checkpoint-200"; numbers in it count as numbers.

    Raises ModelError where no folder matches.
    """
    if spec.backend not in _SERIES or "*" not in spec.name:
        return [("", spec)]
    base, plus, pattern = spec.name.rpartition("+")
    folders = [path for path in map(Path, glob.glob(str(Path(pattern).expanduser()))) if path.is_dir()]
    if not folders:
        raise ModelError(f"{spec}: no folder matches {pattern!r}")
    # A spec keeps how its path was written: "./runs/checkpoint-1" and "runs/checkpoint-1" are told apart nowhere else.
    lead = "./" if pattern.startswith("./") else ""
    return [(path.name, replace(spec, name=f"{base}{plus}{lead}{path}")) for path in sorted(folders, key=_order)]


def _order(path: Path) -> tuple[tuple[int, str], ...]:
    """Names in the order of the numbers in them: checkpoint-90 before checkpoint-100."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name))
