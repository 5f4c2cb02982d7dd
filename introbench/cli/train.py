"""`introbench train`: train an adapter on explanations, or say what that would cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from introbench.cli.options import Columns, Data, IncludePath, Offline, split_pairs, split_tasks, task_values
from introbench.cli.say import say

if TYPE_CHECKING:
    from introbench.runs.execute import Progress
    from introbench.train.arm import Arm
    from introbench.train.build import SetRequest
    from introbench.train.config import EvaluationConfig, TrainConfig
    from introbench.train.rows import TrainingSet
    from introbench.train.sources import Measure

__all__ = ["train"]

_Model = Annotated[
    str, typer.Option("--model", "-m", metavar="SPEC", help="Base model, of the hf backend or an embedded one.")
]
_Task = Annotated[
    str, typer.Option("--task", "-t", metavar="SPECS", help="Tasks to be explained, separated by commas.")
]
_ArmSpec = Annotated[
    str,
    typer.Option("--arm", "-a", metavar="ARM", help="What is learnt: kl, no_kl, noise=0.2, FILE.yaml,key=value…"),
]
_Labels = Annotated[
    str | None,
    typer.Option(
        "--labels", metavar="M0|fresh|SPEC|RUN|FILE", help="Where explanation labels come from, if not the arm's."
    ),
]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="K=V", help="Value of the arm or a hyperparameter, as rank=8; repeatable."),
]
_Out = Annotated[
    # No Path: that of an empty text is that of ".".
    str | None, typer.Option("--out", "-o", metavar="DIR", help="Output folder; the same command goes on in it.")
]
_Seed = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="Of the adapter's start, the order of cases, and the labels.")
]
_EvalTasks = Annotated[
    str | None,
    typer.Option("--eval-tasks", metavar="SPECS", help="Tasks asked along the way; the first of --task if left out."),
]
_EvalLimit = Annotated[
    int, typer.Option("--eval-limit", metavar="N", min=0, help="Held-out items per task; 0 asks none.")
]
_EvalReference = Annotated[
    list[str] | None,
    typer.Option("--eval-reference", metavar="SPEC", help="Model beside the base in these runs; repeatable."),
]


_FRESH = "fresh"
"""As --labels: what the arm of this name does."""


def train(
    model: _Model,
    task: _Task = "hint_facts",
    arm: _ArmSpec = "kl",
    labels: _Labels = None,
    out: _Out = None,
    seed: _Seed = None,
    set_: _Set = None,
    eval_tasks: _EvalTasks = None,
    eval_limit: _EvalLimit = 100,
    eval_reference: _EvalReference = None,
    data: Data = None,
    columns: Columns = None,
    include_path: IncludePath = None,
    offline: Offline = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and write nothing.")] = False,
) -> None:
    """Train a LoRA adapter to explain its model's answers, and ask it about held-out items.

    Killed at any moment, the same command goes on where it was. Labels are measured in OUT-labels first.
    """
    from introbench.errors import UsageError
    from introbench.train.beforehand import check_beforehand
    from introbench.train.build import stand_in_set
    from introbench.train.config import EvaluationConfig, output_path
    from introbench.train.processes import shared_training_set

    chosen = _chosen(arm, set_ or [], labels, seed)
    if out is None and not dry_run:
        raise UsageError("--out DIR is missing: name the output folder, a new one or the one to go on in")
    folder = Path("unnamed") if out is None else output_path(out)
    of_evaluation = tuple(split_tasks(eval_tasks, "--eval-tasks")) if eval_tasks else ()
    asked = EvaluationConfig(of_evaluation, eval_limit, tuple(eval_reference or ()), seed=0)
    evaluation = asked if eval_limit else None
    request = _request(model, task, chosen, folder, include_path or [], task_values(data, columns))
    if dry_run:
        _say_cost(_config(request, stand_in_set(request), folder, None))
        return

    def check() -> None:
        check_beforehand(_config(request, stand_in_set(request), folder, evaluation))

    with _progress() as (measure, on_progress):
        made = shared_training_set(request, measure, check)
        _carry_out(_config(request, made, folder, evaluation), on_progress)


def _chosen(spec: str, texts: list[str], labels: str | None, seed: int | None) -> Arm:
    """The arm with what options change. Raises UsageError where labels or a seed stand against those of an option."""
    from introbench.errors import UsageError
    from introbench.train.arm import read_value, resolve_arm
    from introbench.train.build import M0

    given = {} if seed is None else {"seed": seed}
    given |= {name: read_value(value) for name, value in split_pairs("--set", texts).items()}
    wanted: dict[str, object] = {} if labels is None else {"labels": labels}
    if labels == _FRESH:
        plain = resolve_arm(spec, given)
        if plain.labels is None:
            raise UsageError(
                f"--labels {labels}: the arm {spec} learns no explanations; leave it out or name another arm"
            )
        often = plain.fresh_every or resolve_arm(_FRESH).fresh_every
        wanted = {"labels": M0, "fresh_every": often}
    arm = resolve_arm(spec, wanted | given)
    if seed is not None and arm.train.seed != seed:
        raise UsageError(f"--seed {seed}: --set or --arm says seed={arm.train.seed}; leave one of the two out")
    if labels is not None and (arm.labels != wanted["labels"] or (arm.fresh_every and labels != _FRESH)):
        own = arm.labels if arm.labels != wanted["labels"] else _FRESH
        raise UsageError(f"--labels {labels}: the arm {spec} has labels of its own ({own}); leave one of the two out")
    return arm


def _request(
    model: str, task: str, arm: Arm, out: Path, include_paths: list[Path], values: dict[str, str]
) -> SetRequest:
    from introbench.train.build import SetRequest

    dtype = arm.train.dtype
    return SetRequest(
        student=model,
        tasks=tuple(split_tasks(task, "--task")),
        arm=arm,
        folder=out.with_name(f"{out.name}-labels"),
        seed=arm.train.seed,
        # Labels are those of M0 as it is trained: rounding alone can move some.
        options={} if dtype is None else {"dtype": dtype},
        include_paths=tuple(include_paths),
        task_values=values,
    )


def _config(request: SetRequest, made: TrainingSet, out: Path, evaluation: EvaluationConfig | None) -> TrainConfig:
    from introbench.train.build import relabeller
    from introbench.train.config import TrainConfig

    arm = request.arm
    return TrainConfig(
        model=request.student,
        training_set=made,
        out=out,
        hyperparameters=arm.train,
        arm=arm.name,
        arm_file=arm.yaml(),
        evaluation=evaluation,
        include_paths=request.include_paths,
        task_values=request.task_values,
        relabel=relabeller(request) if arm.fresh_every else None,
        relabel_every=arm.fresh_every,
    )


@contextmanager
def _progress() -> Iterator[tuple[Measure, Callable[[Progress], None]]]:
    """How runs are carried out and progress is shown: by the first process alone."""
    from functools import partial

    from introbench.cli.progress import shown_progress
    from introbench.ranks import local_rank
    from introbench.runs.execute import execute

    if local_rank() in (None, 0):
        with shown_progress() as on_progress:
            yield partial(execute, on_progress=on_progress), on_progress
    else:
        yield execute, lambda progress: None


def _carry_out(config: TrainConfig, on_progress: Callable[[Progress], None]) -> None:
    from introbench.ranks import local_rank
    from introbench.train.trainer import train as carry_out

    first = local_rank() in (None, 0)
    made = config.training_set
    if first:
        _say_labels(made)
    outcome = carry_out(config, on_progress)
    if not first:
        return
    say(f"{outcome.steps} steps, {outcome.tokens:,} tokens in {outcome.seconds:,.0f} s; last loss {outcome.loss:.4f}")
    for row in outcome.trajectory:
        shown = {name: row[name]["value"] for name in ("self", "reference_score", "d", "verdict_j")}
        values = ", ".join(f"{name} {'-' if value is None else f'{value:.3f}'}" for name, value in shown.items())
        say(f"step {row['step']}, {row['task']} against {row['reference']}: {values}")
    say(f"{outcome.out} holds the adapter; README.md in it says what was measured.")


def _say_labels(made: TrainingSet) -> None:
    """How far the labels are those of the student, before anything is learnt from them."""
    counts = ", ".join(f"{name} {count:,}" for name, count in sorted(made.counts.items()))
    say(f"{len(made.cases):,} cases, {made.explained:,} explanations to learn ({counts})")
    if made.agreement is not None and made.change_rate is not None:
        say(
            f"agreement {made.agreement:.1%}: share of labels that are what the student does; "
            f'{made.change_rate:.1%} of them say "changed"'
        )
    for warning in made.warnings:
        say(f"warning: {warning}", err=True)


def _say_cost(config: TrainConfig) -> None:
    from introbench.train.estimate import estimate_training

    found = estimate_training(config)
    gigabytes = {
        "weights": found.memory.weights,
        "adapter, gradients, optimiser": found.memory.adapter,
        "activations": found.memory.activations,
    }
    parts = ", ".join(f"{name} {size / 1e9:.1f}" for name, size in gigabytes.items())
    say(f"cases         {found.cases:,}, at most; labels are not measured yet")
    say(f"steps         {found.steps:,}")
    say(f"tokens        {found.tokens:,} forwards and backwards ({found.unshared_tokens:,} one by one)")
    say(f"              {found.first_tokens:,} forwards, once, for what the base does")
    say(f"parameters    {found.parameters:,} frozen, {found.adapter:,} trained")
    say(f"memory        {found.memory.total / 1e9:.1f} GB in passes of {found.pack_tokens:,} tokens ({parts})")
    time = f"{found.seconds / 3600:.1f} h" if found.seconds >= 3600 else f"{max(found.seconds / 60, 1):.0f} min"
    say(f"time          about {time} on this machine's {found.device}, without labels and runs")
