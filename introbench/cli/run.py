"""`introbench run` and `introbench plan`: ask models about their answers, or say what that would cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from introbench.cli.options import IncludePath, Limit, Out, Seed, SplitName, Tasks, split_tasks

if TYPE_CHECKING:
    from introbench.runs.config import RunConfig
    from introbench.tasks.registry import TaskVariant

__all__ = ["plan", "run"]

_Model = Annotated[
    str,
    typer.Option("--model", "-m", metavar="SPEC", help="Model under test, SPEC or NAME=SPEC; see `introbench list`."),
]
_References = Annotated[
    list[str] | None,
    typer.Option("--reference", "-r", metavar="SPEC", help="Model to compare with, SPEC or NAME=SPEC; repeatable."),
]
_Dtype = Annotated[
    Literal["float32", "bfloat16", "float16"] | None,
    typer.Option("--dtype", help="Weights' dtype; float32 under 1B parameters, else the checkpoint's."),
]
_Device = Annotated[str | None, typer.Option("--device", metavar="NAME", help="cuda where there is one, else cpu.")]


def run(
    model: _Model,
    out: Out = None,
    reference: _References = None,
    tasks: Tasks = "hint_facts",
    limit: Limit = None,
    seed: Seed = 0,
    split: SplitName = "test",
    dtype: _Dtype = None,
    device: _Device = None,
    include_path: IncludePath = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost; same as `plan`.")] = False,
) -> None:
    """Run a model and its references, and show how true its explanations are.

    Killed at any moment, the same command goes on where it was.
    """
    from introbench.errors import UsageError
    from introbench.runs.config import resolve_config

    options = {name: value for name, value in (("dtype", dtype), ("device", device)) if value is not None}
    config, variants = resolve_config(
        model,
        reference or [],
        split_tasks(tasks),
        split=split,
        limit=limit,
        seed=seed,
        options=options,
        include_paths=include_path or [],
    )
    if dry_run:
        _show_plan(config, variants, out)
        return
    if out is None:
        raise UsageError("--out DIR is missing: name the run directory, a new one or the one to go on in")
    _run(config, variants, out)


def plan(
    model: _Model,
    out: Out = None,
    reference: _References = None,
    tasks: Tasks = "hint_facts",
    limit: Limit = None,
    seed: Seed = 0,
    split: SplitName = "test",
    dtype: _Dtype = None,
    device: _Device = None,
    include_path: IncludePath = None,
) -> None:
    """Count cases, requests, tokens and what the ledger already has, without loading weights."""
    run(model, out, reference, tasks, limit, seed, split, dtype, device, include_path, dry_run=True)


def _run(config: RunConfig, variants: list[TaskVariant], out: Path) -> None:
    from introbench.cli.progress import shown_progress
    from introbench.cli.score import rescore
    from introbench.runs.execute import execute

    with shown_progress() as on_progress:
        execute(config, variants, out, on_progress)
    rescore(out)


def _show_plan(config: RunConfig, variants: list[TaskVariant], out: Path | None) -> None:
    from tabulate import tabulate

    from introbench.runs.execute import count_plan

    plan, counts = count_plan(config, variants, out)
    tasks = [[task.variant.name, task.items, len(task.cases)] for task in plan.tasks]
    typer.echo(tabulate(tasks, headers=["task", "items", "cases"], tablefmt="simple"))
    rows = []
    for count in counts:
        saving = f"{count.prompt_tokens / count.pushed_tokens:.1f}x" if count.pushed_tokens else "-"
        rows.append([count.name, count.requests, count.found, count.packs, count.pushed_tokens or "-", saving])
    headers = ["model", "requests", "in ledger", "packs", "tokens", "saved"]
    typer.echo("")
    typer.echo(tabulate(rows, headers=headers, tablefmt="simple", maxcolwidths=[30, *[None] * 5]))
    typer.echo("\ntokens: pushed once each in packed trees; saved: against one row per choice")
