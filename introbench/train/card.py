"""The model card of a trained adapter: what it is, what it learnt and what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from introbench.models.spec import ModelSpec, parse_spec

__all__ = ["model_card"]

_SHOWN = ("self", "reference_score", "d", "s_D", "o_D", "centred_coupling", "verdict_j", "auroc", "content_on_changed")


def model_card(
    record: Mapping[str, Any],
    log: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    relabelled: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The card as Markdown. It names the base without the folders of the machine that trained it.

    Args:
        record: the training's record.
        log: a row per step.
        rows: of the trajectory.
        relabelled: a row per time that labels were made anew.
    """
    return "\n".join(_lines(record, log, rows, relabelled)) + "\n"


def _lines(
    record: Mapping[str, Any],
    log: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    relabelled: Sequence[Mapping[str, Any]],
) -> Iterator[str]:
    config = record["config"]
    spec, name = parse_spec(record["base"]["spec"]), record["base"]["name"]
    base, adapted = (str(ModelSpec("hf", each, spec.options)) for each in (name, f"{name}+FOLDER"))
    yield from ("---", f"base_model: {name}", "library_name: peft", "tags: [introbench, lora]", "---")
    yield from ("", f"# {config['arm']} on {base}", "")
    yield (
        "A LoRA adapter, trained by introbench to explain what its base's answers depend on. It takes no other base: "
        f"`introbench run --model {adapted} --reference {base}`."
    )
    yield from ("", "## What it learnt", "")
    agreement = record["agreement"]
    yield f"- tasks: {', '.join(config['tasks'])}; {record['explained']} explanations on {record['cases']} cases"
    for origin in record["origins"]:
        model = origin["model"].replace(spec.name, name)
        yield f"- labels: {origin['cases']} of {origin['source']} ({model}), sha256 {origin['sha256']}"
    if agreement is not None:
        changed = record["change_rate"]
        yield f'- {agreement:.1%} of the labels are what the base does; {changed:.1%} of them say "changed"'
    yield f"- training set: sha256 {config['training_set']}"
    for row in relabelled:
        yield (
            f'- labels made anew behind step {row["step"]}: {row["change_rate"]:.1%} "changed", training set sha256 '
            f"{row['training_set']}"
        )
    warnings = [*record["warnings"], *(warning for row in relabelled for warning in row["warnings"])]
    yield from (f"- note: {warning}" for warning in dict.fromkeys(warnings))
    yield from ("", "## How", "")
    yield from (f"- {name}: {value}" for name, value in config["hyperparameters"].items())
    yield from ("", "## What was measured", "")
    yield from _training_lines(log)
    # A base in a folder is named in the runs by its path.
    public = [{**row, "reference": row["reference"].replace(spec.name, name)} for row in rows]
    yield from _evaluation_lines(public)


def _training_lines(log: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not log:
        return
    last, tokens, seconds = log[-1], sum(row["tokens"] for row in log), sum(row["seconds"] for row in log)
    terms = ", ".join(f"{name} {last[name]:.4f}" for name in ("explanation", "behaviour", "keep") if name in last)
    yield f"{last['step']} steps, {tokens:,} tokens in {seconds:,.0f} s; last loss {last['loss']:.4f} ({terms})."
    yield ""


def _evaluation_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not rows:
        yield "Held-out items were not asked."
        return
    yield "Held-out items, after so many steps; the interval is 95 %."
    yield ""
    yield "| step | task | reference | " + " | ".join(name.replace("_", " ") for name in _SHOWN) + " |"
    yield "|---" * (3 + len(_SHOWN)) + "|"
    for row in rows:
        cells = [_cell(row[name]) for name in _SHOWN]
        yield f"| {row['step']} | {row['task']} | {row['reference']} | " + " | ".join(cells) + " |"


def _cell(estimate: Mapping[str, Any]) -> str:
    if estimate["value"] is None:
        return "–"
    if estimate["low"] is None:
        return f"{estimate['value']:.3f}"
    return f"{estimate['value']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f})"
