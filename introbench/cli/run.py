"""`introbench run` and `introbench plan`: ask models about their answers, or say what that would cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from introbench.cli.options import (
    Columns,
    Data,
    IncludePath,
    Limit,
    Offline,
    Out,
    Reuse,
    Seed,
    SplitName,
    Tasks,
    split_pairs,
    split_tasks,
    task_values,
)
from introbench.cli.say import say

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
_AaShare = Annotated[
    float | None,
    typer.Option("--aa-share", metavar="SHARE", help="Items asked twice, to measure rerun noise; 0.1 where left out."),
]
_PackTokens = Annotated[
    int | None,
    typer.Option("--pack-tokens", metavar="N", min=1, help="Tokens of one forward pass; from memory where left out."),
]
_Explanations = Annotated[
    Literal["constrained", "free"],
    typer.Option("--explanations", help="Scored among the candidates, or written freely and parsed."),
]
_Ranks = Annotated[
    int,
    typer.Option("--ranks", metavar="N", help="Processes that share the work on this machine, one per GPU."),
]
_Device = Annotated[str | None, typer.Option("--device", metavar="NAME", help="cuda where there is one, else cpu.")]
_ChatTemplate = Annotated[
    str | None,
    typer.Option("--chat-template", metavar="auto|none|FILE", help="The model's own, plain lines, or one of a file."),
]
_ModelArgs = Annotated[
    list[str] | None,
    typer.Option("--model-arg", metavar="K=V", help="Option of the model under test, as SPEC?K=V; repeatable."),
]
_FailOver = Annotated[
    float,
    typer.Option("--fail-over", metavar="SHARE", min=0, max=1, help="Requests that may stay unanswered."),
]


def run(
    model: _Model,
    out: Out = None,
    reference: _References = None,
    tasks: Tasks = "hint_facts",
    data: Data = None,
    columns: Columns = None,
    limit: Limit = None,
    seed: Seed = 0,
    split: SplitName = "test",
    dtype: _Dtype = None,
    device: _Device = None,
    chat_template: _ChatTemplate = None,
    model_arg: _ModelArgs = None,
    pack_tokens: _PackTokens = None,
    explanations: _Explanations = "constrained",
    aa_share: _AaShare = None,
    include_path: IncludePath = None,
    offline: Offline = False,
    ranks: _Ranks = 1,
    reuse: Reuse = None,
    fail_over: _FailOver = 0.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost; same as `plan`.")] = False,
) -> None:
    """Run a model and its references, and show how true its explanations are.

    Killed at any moment, the same command goes on where it was.
    """
    from introbench.runs.config import resolve_config

    asked = {"dtype": dtype, "device": device, "chat_template": chat_template, "pack_tokens": pack_tokens}
    config, variants = resolve_config(
        model,
        reference or [],
        split_tasks(tasks),
        split=split,
        limit=limit,
        seed=seed,
        explanations=explanations,
        aa_share=aa_share,
        options={name: str(value) for name, value in asked.items() if value is not None},
        model_options=split_pairs("--model-arg", model_arg or []),
        include_paths=include_path or [],
        task_values=task_values(data, columns),
    )
    if dry_run:
        _show_plan(config, variants, out)
    else:
        _start(config, variants, out, ranks, include_path or [], reuse or [], fail_over)


def plan(
    model: _Model,
    out: Out = None,
    reference: _References = None,
    tasks: Tasks = "hint_facts",
    data: Data = None,
    columns: Columns = None,
    limit: Limit = None,
    seed: Seed = 0,
    split: SplitName = "test",
    dtype: _Dtype = None,
    device: _Device = None,
    chat_template: _ChatTemplate = None,
    model_arg: _ModelArgs = None,
    pack_tokens: _PackTokens = None,
    explanations: _Explanations = "constrained",
    aa_share: _AaShare = None,
    include_path: IncludePath = None,
    offline: Offline = False,
) -> None:
    """Count cases, requests, tokens and what the ledger already has, without loading weights."""
    run(
        model,
        out,
        reference,
        tasks,
        data,
        columns,
        limit,
        seed,
        split,
        dtype,
        device,
        chat_template,
        model_arg,
        pack_tokens,
        explanations,
        aa_share,
        include_path,
        offline,
        dry_run=True,
    )


def _start(
    config: RunConfig,
    variants: list[TaskVariant],
    out: Path | None,
    ranks: int,
    include_paths: list[Path],
    reuse: list[Path],
    fail_over: float,
) -> None:
    from introbench.errors import UsageError

    if out is None:
        raise UsageError("--out DIR is missing: name the run directory, a new one or the one to go on in")
    if ranks != 1:
        _launch(ranks)
    else:
        _run(config, variants, out, include_paths, reuse, fail_over)


def _launch(ranks: int) -> None:
    """The same command in several processes, each with its rank in its environment."""
    import sys

    from introbench.runs.launch import launch_ranks

    arguments: list[str] = []
    given = iter(sys.argv[1:])
    for argument in given:
        if argument == "--ranks":
            next(given)
        elif not argument.startswith("--ranks="):
            arguments.append(argument)
    launch_ranks(ranks, arguments)


def _run(
    config: RunConfig,
    variants: list[TaskVariant],
    out: Path,
    include_paths: list[Path],
    reuse: list[Path],
    fail_over: float,
) -> None:
    from contextlib import nullcontext
    from functools import partial

    from introbench.cli.progress import shown_progress
    from introbench.cli.score import rescore
    from introbench.ranks import joined_ranks
    from introbench.runs.execute import execute
    from introbench.runs.launch import end_with_launcher
    from introbench.train.sources import with_labels

    end_with_launcher()
    with joined_ranks() as ranks:
        first = ranks.first
        with shown_progress() if first else nullcontext(lambda progress: None) as on_progress:
            measure = partial(execute, on_progress=on_progress, ranks=ranks, reuse=reuse)
            config, variants = with_labels(config, variants, out, measure, ranks)
            # Labels follow from the whole first stage: of one with gaps, they would change when it goes on.
            measure(config, variants, out, fail_over=fail_over)
    if first:
        rescore(out, include_paths=include_paths)


def _show_plan(config: RunConfig, variants: list[TaskVariant], out: Path | None) -> None:
    from tabulate import tabulate

    from introbench.runs.count import count_plan
    from introbench.train.sources import with_labels

    config, variants = with_labels(config, variants, out)
    plan, counts = count_plan(config, variants, out)
    tasks = [
        [task.variant.name, task.items, sum(task.skipped.values()), len(task.cases), len(task.repeated)]
        for task in plan.tasks
    ]
    say(tabulate(tasks, headers=["task", "items", "left out", "cases", "asked twice"], tablefmt="simple"))
    rows = []
    for count in counts:
        saving = f"{count.prompt_tokens / count.pushed_tokens:.1f}x" if count.pushed_tokens else "-"
        of_bound = f"{count.pushed_tokens / count.bound_tokens:.2f}" if count.bound_tokens else "-"
        tokens = count.pushed_tokens or "-"
        rows.append([count.name, count.requests, count.found, count.packs, tokens, of_bound, saving])
    headers = ["model", "requests", "in ledger", "packs", "tokens", "of bound", "saved"]
    say("")
    say(tabulate(rows, headers=headers, tablefmt="simple", maxcolwidths=[24, *[None] * 6]))
    say(
        "\ntokens: pushed once each in packed trees; of bound: against a tree per item;\n"
        "saved: against one row per choice"
    )
