"""`introbench export`: cases written out for other harnesses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from introbench.cli.options import IncludePath, Limit, Seed, SplitName, Tasks, split_tasks
from introbench.cli.say import say

__all__ = ["export"]

export = typer.Typer(help="Write cases out for other harnesses.", rich_markup_mode=None)


@export.callback()
def _group() -> None:
    """Write cases out for other harnesses."""


@export.command("lm-eval")
def lm_eval(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder to write, new or empty.")],
    tasks: Tasks = "hint_facts",
    limit: Limit = None,
    seed: Seed = 0,
    split: SplitName = "test",
    include_path: IncludePath = None,
) -> None:
    """Write tasks that lm-eval runs with its own models."""
    from introbench.export.lm_eval import TAG, export_lm_eval
    from introbench.runs.config import resolve_config
    from introbench.runs.plan import make_plan
    from introbench.train.sources import with_labels

    # The cases do not depend on who answers them; a configuration has to name somebody.
    config, variants = resolve_config(
        "scripted/oracle", (), split_tasks(tasks), limit=limit, seed=seed, split=split, include_paths=include_path or []
    )
    plan = make_plan(*with_labels(config, variants, None))
    names = export_lm_eval(plan, out)
    for name, task in zip(names, plan.tasks, strict=True):
        say(f"{name}: {len(task.cases)} cases of {task.items} items")
    say(f"lm_eval run --include_path {out} --tasks {TAG} --apply_chat_template --model hf --model_args …")
