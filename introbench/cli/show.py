"""`introbench show`: the rendered prompts of a task, and with `--ids` the token ids of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from introbench.cli.options import Columns, Data, IncludePath, Seed, SplitName, task_values
from introbench.cli.say import say

if TYPE_CHECKING:
    from introbench.models.types import ModelHead
    from introbench.tasks.types import Case, Question

__all__ = ["show"]


def show(
    task: Annotated[str, typer.Argument(help="Task spec.")],
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="SPEC", help="Whose tokenizer --ids uses.")
    ] = "smollm2-135m-q4_1",
    ids: Annotated[bool, typer.Option("--ids", help="Show token ids, with the boundary before each choice.")] = False,
    item: Annotated[
        str | None, typer.Option("--item", metavar="ID", help="Id of the item; the first of the plan if left out.")
    ] = None,
    seed: Seed = 0,
    split: SplitName = "test",
    data: Data = None,
    columns: Columns = None,
    include_path: IncludePath = None,
) -> None:
    """Show what a model is asked: every case of one item, as messages or as token ids."""
    from introbench.errors import UsageError
    from introbench.models.load import open_model
    from introbench.models.spec import parse_spec
    from introbench.runs.config import resolve_config
    from introbench.runs.plan import make_plan
    from introbench.train.sources import with_labels

    values, folders = task_values(data, columns), include_path or []
    config, variants = resolve_config(
        model, (), [task], split=split, seed=seed, include_paths=folders, task_values=values
    )
    cases = make_plan(*with_labels(config, variants, None)).tasks[0].cases
    wanted = item or cases[0].item.id
    chosen = [case for case in cases if case.item.id == wanted]
    if not chosen:
        raise UsageError(f"{task}: no item {wanted!r} in the split {split!r}")
    head = open_model(parse_spec(model)) if ids else None
    for case in chosen:
        _show_case(case, head)


def _show_case(case: Case, head: ModelHead | None) -> None:
    hint = "none" if case.hint is None else case.item.choices[case.hint]
    key = "none" if case.item.key is None else case.item.choices[case.item.key]
    say(f"\n{case.id}", bold=True)
    say(f"cue kind {case.cue.kind} ({case.cue.edit}), hint {hint!r}, key {key!r}")
    for question in case.questions:
        say(f"\n  {question.part}", underline=True)
        if head is None:
            _show_messages(question)
        else:
            _show_ids(question, case, head)


def _show_messages(question: Question) -> None:
    for message in question.messages:
        text = message.content.replace("\n", "\n" + " " * 13)
        say(f"    {message.role:<9}{text}")
    wanted = f"a reply of at most {question.new_tokens} tokens" if question.new_tokens else " | ".join(question.replies)
    say(f"    {'choices':<9}{wanted}")


def _show_ids(question: Question, case: Case, head: ModelHead) -> None:
    from introbench.errors import UsageError
    from introbench.runs.packing import render

    if head.chat is None:
        raise UsageError(f"{head.spec}: has no token ids to show")
    request = render(question, case, head.chat)
    pieces = [head.tokenizer.decode([token]) for token in request.prompt_ids]
    say(f"    prompt, {len(pieces)} tokens: " + "|".join(pieces).replace("\n", "⏎"))
    say(f"    {list(request.prompt_ids)}")
    for text, reply in zip(question.replies, request.choices_ids, strict=True):
        shown = "|".join(head.tokenizer.decode([token]) for token in reply).replace("\n", "⏎")
        say(f"    + {text!r}: {shown} {list(reply)}")
