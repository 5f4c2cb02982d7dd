"""Options that several verbs share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = [
    "Columns",
    "Data",
    "IncludePath",
    "Limit",
    "Offline",
    "Out",
    "Reuse",
    "Seed",
    "SplitName",
    "Tasks",
    "split_pairs",
    "split_tasks",
    "task_values",
]

_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
"""What the libraries read when they are first imported."""

Tasks = Annotated[
    str,
    typer.Option(
        "--tasks",
        "-t",
        metavar="SPECS",
        help="Tasks, separated by commas, or all; NAME?k=4 shows 4 solved explanations first.",
    ),
]
Limit = Annotated[
    int | None, typer.Option("--limit", metavar="N", help="Items per task, with all their cues; all where left out.")
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Root seed of every draw.")]
SplitName = Annotated[Literal["test", "train"], typer.Option("--split", help="Which items are asked.")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="DIR", help="Run directory; the same command goes on in it.")
]
Reuse = Annotated[
    list[Path] | None,
    typer.Option("--reuse", metavar="RUN", help="Run whose answers to the same questions are taken over; repeatable."),
]
IncludePath = Annotated[
    list[Path] | None,
    typer.Option("--include-path", metavar="DIR", help="Folder with task plugins of your own; repeatable."),
]

Data = Annotated[
    str | None,
    typer.Option(
        "--data", metavar="PATH|ID", help="For tasks with items of your own: a file, or a data set of the hub."
    ),
]
Columns = Annotated[
    str | None,
    typer.Option("--columns", metavar="ROLE=COLUMN,...", help="Which columns of --data mean what."),
]


def task_values(data: str | None, columns: str | None) -> dict[str, str]:
    """The values that `--data` and `--columns` give to parameters of tasks."""
    return {name: value for name, value in (("data", data), ("columns", columns)) if value is not None}


def _go_offline(asked: bool) -> bool:
    """Keep every library from the network: options are read before any of them is imported."""
    if asked:
        os.environ.update(dict.fromkeys(_OFFLINE, "1"))
    return asked


Offline = Annotated[
    bool,
    typer.Option("--offline", callback=_go_offline, help="Touch no network; `introbench fetch` brings what is needed."),
]


def split_pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """The K=V of a repeatable option as a mapping. Raises UsageError where one is no pair, or given twice."""
    from introbench.errors import UsageError

    found: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name or name in found:
            raise UsageError(f"{option} {text!r}: write K=V, each K once")
        found[name] = value
    return found


def split_tasks(text: str, option: str = "--tasks") -> list[str]:
    """Task specs of a comma-separated list. Raises UsageError where there is none, or one twice."""
    from introbench.errors import UsageError

    found = [part.strip() for part in text.split(",") if part.strip()]
    if not found:
        raise UsageError(f"{option}: names no task; `introbench list` shows all")
    if twice := [spec for spec in found if found.count(spec) > 1]:
        raise UsageError(f"{option}: names {twice[0]} twice; leave one of the two out")
    return found
