"""`introbench tasks`: write a new task plugin, hold one against the contract, write the data card of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from introbench.cli.options import IncludePath, Limit, Out, Reuse, Seed, SplitName
from introbench.cli.say import say

if TYPE_CHECKING:
    from introbench.report.card import Measured
    from introbench.runs.config import RunConfig
    from introbench.tasks.registry import TaskVariant
    from introbench.tasks.task import ItemSet

__all__ = ["app"]

app = typer.Typer(help="Write, check and describe task plugins.", rich_markup_mode=None, no_args_is_help=True)

_CARD_ITEMS = 60


@app.command("new", short_help="Write a plugin that works at once, with its test.")
def new(
    name: Annotated[str, typer.Argument(help="Name of the task: letters, digits and '_'.")],
    parent: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Folder that takes the plugin's folder.")
    ] = Path(),
) -> None:
    """Write the folder of a new task: what it declares, example items and wordings, and a test."""
    from introbench.tasks.scaffold import write_plugin

    folder = write_plugin(name, parent)
    say(f"{folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    say(f"introbench tasks validate {folder}")
    say(f"introbench run --model scripted/oracle --include-path {folder} --tasks {name} --out RUN")


@app.command("validate", short_help="List everything that a plugin breaks.")
def validate(
    plugin: Annotated[str, typer.Argument(metavar="PATH|SPEC", help="Folder of a plugin, or a known task.")],
    tokenizer: Annotated[
        str | None, typer.Option("--tokenizer", metavar="SPEC", help="Model whose tokenizer is held against it.")
    ] = None,
    include_path: IncludePath = None,
) -> int:
    """Check a plugin by its files, its rendered prompts and models that answer by rule. Exit code 1 on any problem."""
    from introbench.errors import TaskError, UsageError
    from introbench.models.load import open_model
    from introbench.models.spec import parse_spec
    from introbench.tasks.registry import find_tasks, resolve_task, task_at
    from introbench.testing import all_problems

    head = open_model(parse_spec(tokenizer)) if tokenizer else None
    if head is not None and head.chat is None:
        raise UsageError(f"{tokenizer}: has no tokenizer; name a model with weights")
    if Path(plugin).is_dir():
        try:
            task, values = task_at(Path(plugin)), {}
        except TaskError as error:
            say(f"declaration: {error}\n{plugin}: 1 problem")
            return 1
    else:
        variant = resolve_task(plugin, find_tasks(include_path or []))
        task, values = variant.task, dict(variant.parameters)
    found, notes = all_problems(task, values, head)
    for line in (*notes, *found):
        say(str(line))
    say(f"{task.info.name}: {len(found) or 'no'} problem{'s' * (len(found) != 1)}")
    return int(bool(found))


@app.command("card", short_help="Write or check the data card of a task.")
def card(
    task: Annotated[str, typer.Argument(metavar="NAME", help="Task spec.")],
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", metavar="SPEC", help="Model to measure; repeatable.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Say whether the card is current; exit code 1 if not.")
    ] = False,
    limit: Limit = _CARD_ITEMS,
    split: SplitName = "test",
    seed: Seed = 0,
    out: Out = None,
    reuse: Reuse = None,
    include_path: IncludePath = None,
) -> int:
    """Run models on a task in the ordinary way and write card.md into its folder."""
    from introbench.errors import UsageError
    from introbench.files import write_whole
    from introbench.report.card import card_problems, card_text, unusual_change
    from introbench.runs.config import resolve_config
    from introbench.tasks.registry import find_tasks, resolve_task

    variant = resolve_task(task, find_tasks(include_path or []))
    path = variant.task.folder / "card.md"
    found = variant.items()
    if check:
        wrong = list(card_problems(path, variant, found))
        for line in wrong or [f"{path} is current"]:
            say(line)
        return int(bool(wrong))
    if not model:
        raise UsageError("--model SPEC is missing: name one or more models to measure, or add --check")
    config, variants = resolve_config(
        model[0],
        model[1:],
        [variant.name],
        split=split,
        limit=len(found.items) if limit is None else limit,
        seed=seed,
        include_paths=include_path or [],
        task_values=variant.parameters,
    )
    measured = _measure(config, variants, found, out, reuse or [])
    write_whole(path, card_text(variant, found, measured).encode())
    say(f"{path}: {len(measured.models)} models")
    if (reason := unusual_change(measured)) and not variant.task.info.experimental:
        say(f"{reason}; say so in the task's `experimental` and write the card again with the same command")
    return 0


def _measure(
    config: RunConfig, variants: list[TaskVariant], found: ItemSet, out: Path | None, reuse: list[Path]
) -> Measured:
    """The ordinary run of all models, in a folder that is kept where one is given."""
    from tempfile import TemporaryDirectory

    from introbench import __version__
    from introbench.cli.progress import shown_progress
    from introbench.metrics.summary import summarise
    from introbench.models.spec import parse_spec
    from introbench.report.card import Measured, measured_model, task_hash
    from introbench.runs.execute import execute

    with TemporaryDirectory() as folder:
        with shown_progress() as on_progress:
            run = execute(config, variants, out or Path(folder) / "run", on_progress, reuse=reuse)
        summary = summarise(run)
    (task,) = summary.tasks
    specs = {entry.name: parse_spec(entry.spec) for entry in config.models}
    fingerprints = {each.name: each.fingerprint for each in summary.models}
    return Measured(
        task_hash=task_hash(variants[0], found),
        version=__version__,
        split=config.split,
        limit=config.limit or len(found.items),
        seed=config.seed,
        models=[
            measured_model(task, each, fingerprints[each.model], embedded=specs[each.model].backend == "embedded")
            for each in task.emitters
        ],
    )
