"""Frozen files of generated tasks: their rows, writing them, and checking that they are what their generator writes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NotRequired, TypedDict

from introbench.hashing import text_hash

__all__ = ["ItemRecord", "jsonl_text", "write_or_check"]


class ItemRecord(TypedDict):
    """One line of an `items.jsonl`, keys in the order of the file."""

    id: str
    kind: str
    cluster: str
    split: Literal["train", "test"]
    question: str
    choices: list[str]
    key: int | None
    fields: NotRequired[dict[str, str]]


def jsonl_text(rows: Iterable[Mapping[str, object]]) -> str:
    """The content of a file of rows: one JSON object per line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_or_check(files: Mapping[Path, Callable[[], str]], arguments: Sequence[str] | None = None) -> tuple[int, str]:
    """What `python -m introbench_tasks.NAME.generate [--check]` does: write the files of a task, or compare with them.

    Args:
        files: by path, what gives the text that the file is to hold; all in the folder of the task.
        arguments: those of the command line where None.

    Returns the exit status, 1 where `--check` finds a missing or different file, and a line per file for the user.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m introbench_tasks.{next(iter(files)).parent.name}.generate",
        description="Write the frozen files of the task, or check that they are what the generator would write.",
    )
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    check: bool = parser.parse_args(arguments).check
    status, lines = 0, []
    for path, generate in files.items():
        text = generate()
        if not check:
            path.write_text(text, encoding="utf-8", newline="\n")
            lines.append(f"{path}: {text.count(chr(10))} lines, sha256 {text_hash(text)}")
        elif path.exists() and path.read_bytes() == text.encode("utf-8"):
            lines.append(f"{path} is what the generator writes")
        else:
            lines.append(f"{path} is not what the generator writes; run it without --check")
            status = 1
    return status, "\n".join(lines)
