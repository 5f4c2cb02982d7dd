"""Plugins on disk that a test may break: the one of `introbench tasks new`, read, changed and written back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from introbench.hashing import file_hash
from introbench.tasks.registry import task_at
from introbench.tasks.scaffold import write_plugin
from introbench.tasks.task import Task

__all__ = ["Rows", "changed_plugin", "new_plugin"]

Rows = list[dict[str, Any]]


def new_plugin(parent: Path, name: str = "mine") -> Path:
    """The folder of a plugin as `introbench tasks new` writes it."""
    return write_plugin(name, parent)


def changed_plugin(
    folder: Path,
    items: Callable[[Rows], Rows | None] = lambda rows: rows,
    templates: Callable[[dict[str, Any]], Any] = lambda file: None,
) -> Task:
    """The plugin with other items and templates, and with the checksum, count and kinds that then are right."""
    path = folder / "items.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    changed = items(rows)
    rows = rows if changed is None else changed
    before = file_hash(str(path))
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    file = yaml.safe_load((folder / "templates.yaml").read_text(encoding="utf-8"))
    templates(file)
    (folder / "templates.yaml").write_text(yaml.safe_dump(file, sort_keys=False), encoding="utf-8")
    kinds = tuple(dict.fromkeys(cue["kind"] for cue in file["cues"]))
    code = (folder / "task.py").read_text(encoding="utf-8")
    code = code.replace(before, file_hash(str(path))).replace("count=24", f"count={len(rows)}")
    code = code.replace('("opinion", "poll", "placebo")', repr(kinds))
    (folder / "task.py").write_text(code, encoding="utf-8")
    return task_at(folder)
