"""`introbench export`: cases for other harnesses, and stored runs for other readers of logs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer

from introbench.cli.options import IncludePath, Limit, Seed, SplitName, Tasks, split_pairs, split_tasks
from introbench.cli.say import say

__all__ = ["export"]

export = typer.Typer(help="Write cases and results out for other tools.", rich_markup_mode=None)


@export.callback()
def _group() -> None:
    """Write cases and results out for other tools."""


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


_Run = Annotated[Path, typer.Argument(metavar="RUN", help="Run directory.")]


@export.command("inspect")
def inspect(
    run: _Run,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of logs; others in it stay.")],
    include_path: IncludePath = None,
) -> None:
    """Write a stored run as logs of Inspect, one per model and task."""
    from introbench.export.inspect_log import inspect_logs
    from introbench.files import disk_errors, write_whole
    from introbench.report.gather import gather

    gathered = gather(run, include_path or ())
    unseen: Counter[str] = Counter()
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    for log in inspect_logs(gathered, run):
        write_whole(out / log.name, log.data)
        unseen[log.reason] += log.without_prompt
        say(f"{out / log.name}: {log.samples} cases of {log.model} on {log.task}")
    _say_unseen(unseen)
    say(f"inspect view --log-dir {out}")


@export.command("every-eval-ever")
def every_eval_ever(
    run: _Run,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder that has, or gets, the folder data of records.")
    ],
    organization: Annotated[str, typer.Option("--organization", metavar="NAME", help="Who ran the models.")],
    relationship: Annotated[
        Literal["first_party", "third_party", "collaborative", "other"],
        typer.Option("--relationship", help="What they are to the makers of the models."),
    ] = "other",
    model_id: Annotated[
        list[str] | None,
        typer.Option(
            "--model-id", metavar="NAME=DEVELOPER/MODEL", help="Under which id others know a model; repeatable."
        ),
    ] = None,
    include_path: IncludePath = None,
) -> None:
    """Write a stored run as records of Every Eval Ever, two files per model and task."""
    from introbench.errors import UsageError
    from introbench.export.every_eval_ever import Evaluator, eval_records, model_ids
    from introbench.files import disk_errors, write_whole
    from introbench.report.gather import gather

    if not organization.strip():
        raise UsageError("--organization: is empty; name who ran the models")
    given = split_pairs("--model-id", model_id or [])
    gathered = gather(run, include_path or ())
    ids = model_ids(gathered.run.models, given)
    unseen: Counter[str] = Counter()
    for record in eval_records(gathered, run, Evaluator(organization.strip(), relationship), ids):
        with disk_errors(out):
            (out / record.place).parent.mkdir(parents=True, exist_ok=True)
        if record.scored:
            write_whole(out / record.samples_place, record.samples)
        write_whole(out / record.place, record.estimates)
        unseen[record.reason] += record.without_prompt
        say(f"{out / record.place}: {record.scored} scored cases; {record.left_out} that no score is made of left out")
    _say_unseen(unseen)
    say("every_eval_ever validate FILE… checks them")


def _say_unseen(unseen: Counter[str]) -> None:
    """Say which cases have no prompt in what was written."""
    for reason, count in unseen.items():
        if count:
            say(f"{count} cases stand there without their prompts: {reason}", err=True)
