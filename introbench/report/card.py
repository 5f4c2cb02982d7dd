"""The data card of a task: what its items are and how models behave on them; one command writes and checks it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from tabulate import tabulate

from introbench.hashing import canonical_json, content_hash, file_hash
from introbench.metrics.intervals import Estimate
from introbench.metrics.schema import EmitterSummary, TaskSummary
from introbench.tasks.registry import TaskVariant
from introbench.tasks.task import ItemSet
from introbench.tasks.types import Item

__all__ = [
    "CHANGE_RATES",
    "Measured",
    "ModelOnTask",
    "card_problems",
    "card_text",
    "measured_model",
    "task_hash",
    "unusual_change",
]

CHANGE_RATES = (0.15, 0.85)
"""Where every embedded model changes its answer less or more often than this, the task is experimental."""

_OPEN, _CLOSE = "<!-- measured: ", " -->"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ModelOnTask(_Part):
    """What one model did on the headline cases of a run."""

    model: str
    """Its name in the run."""
    fingerprint: str
    """Hash of everything that its answers depend on."""
    embedded: bool
    """Whether it is an embedded model, by which a task is called experimental."""
    cases: int
    """Headline cases that it answered."""
    items: int
    """Items of the run."""
    change_rate: Estimate
    """Share of cases whose answer differs with and without the cue: the share of labels that are "changed"."""
    placebo_change_rate: Estimate
    """The same where the cue is a neutral sentence."""
    cue_following: Estimate
    """Share of cases whose cued answer is the hint."""
    accuracy_uncued: Estimate
    """Share of right answers without the cue."""
    says_changed: Estimate
    """Share of explanations that say "changed"."""


class Measured(_Part):
    """What the numbers of a card rest on."""

    schema_version: Literal[1] = 1
    """Version of this layout."""
    task_hash: str
    """Hash of the items and templates that were measured."""
    version: str
    """Version of introbench."""
    split: str
    """Which items were asked."""
    limit: int
    """Most items that were asked."""
    seed: int
    """Root seed."""
    models: list[ModelOnTask]
    """Every model, in the order given."""


def task_hash(variant: TaskVariant, found: ItemSet) -> str:
    """Hash of a task's items and templates. Raises OSError where the templates cannot be read."""
    return content_hash([found.sha256, file_hash(str(variant.task.templates_file))])


def measured_model(task: TaskSummary, found: EmitterSummary, fingerprint: str, *, embedded: bool) -> ModelOnTask:
    """What a card keeps of a summary."""
    return ModelOnTask(
        model=found.model,
        fingerprint=fingerprint,
        embedded=embedded,
        cases=found.coverage.behaved,
        items=task.cases.items,
        change_rate=found.behaviour.change_rate,
        placebo_change_rate=found.behaviour.placebo_change_rate,
        cue_following=found.behaviour.cue_following,
        accuracy_uncued=found.behaviour.accuracy_uncued,
        says_changed=found.saying.changed_rate,
    )


def unusual_change(measured: Measured) -> str:
    """Why a task with these measurements has to be called experimental, or ""."""
    rates = {each.model: each.change_rate.value for each in measured.models if each.embedded}
    known = {model: rate for model, rate in rates.items() if rate is not None}
    low, high = CHANGE_RATES
    if not known or any(low <= rate <= high for rate in known.values()):
        return ""
    shown = ", ".join(f"{model} changes {rate:.0%} of its answers" for model, rate in known.items())
    return f"{shown}: outside {low:.0%} to {high:.0%}"


def card_text(variant: TaskVariant, found: ItemSet, measured: Measured) -> str:
    """The card as Markdown; its last line holds the measurements, from which it can be written again."""
    info = variant.task.info
    experimental = f"\n**Experimental:** {info.experimental}\n" if info.experimental else ""
    return f"""# {variant.name}: data card

{info.summary}
{experimental}
{_bullets(_facts(variant, found))}

## Items

{_items_table(found.items)}

## Cues

{_cues_table(variant)}

## Behaviour of models

{_settings(measured)}

{_models_table(measured.models)}

Shares of cases with 95 % intervals. *Changes* is the share of labels that are "changed", which is the balance of
verdicts; *says changed* is that share among the model's explanations. What changes under a placebo, a neutral sentence,
is noise.

{_OPEN}{canonical_json(measured.model_dump(mode="json"))}{_CLOSE}
"""


def card_problems(path: Path, variant: TaskVariant, found: ItemSet) -> Iterator[str]:
    """Why a card is not current; nothing where it is."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        yield f"{path}: cannot be read ({error.strerror}); write it with `introbench tasks card`"
        return
    line = next((line for line in text.splitlines() if line.startswith(_OPEN)), "")
    try:
        measured = Measured.model_validate_json(line.removeprefix(_OPEN).removesuffix(_CLOSE))
    except ValidationError:
        yield f"{path}: holds no measurements that can be read; write it with `introbench tasks card`"
        return
    if measured.task_hash != task_hash(variant, found):
        yield f"{path}: was measured on other items or templates; write it again with `introbench tasks card`"
    elif text != card_text(variant, found, measured):
        yield f"{path}: says something else than the task does today; write it again with `introbench tasks card`"
    if (reason := unusual_change(measured)) and not variant.task.info.experimental:
        yield f"{path}: {reason}; say so in the task's `experimental`"


def _facts(variant: TaskVariant, found: ItemSet) -> Iterator[str]:
    info = variant.task.info
    items = found.items
    yield f"version {info.version}, comparability {info.comparability}"
    yield f"licence of the items: {info.licence}"
    yield f"source: {info.source}"
    if (variant.task.folder / "generate").is_dir():
        yield "generator: the package `generate` beside this card"
    sizes = sorted({len(item.choices) for item in items})
    keyed = sum(item.key is not None for item in items)
    yield f"{len(items)} items in {len({item.cluster for item in items})} clusters; no cluster is in both splits"
    yield f"{' or '.join(map(str, sizes))} choices per item; {keyed} items have a right one"
    yield from (f"left out of the source: {count} {reason}" for reason, count in found.skipped.items())
    yield from map(variant.bare_note, found.notes)
    yield f"behaviour is read by {' or '.join(info.behaviours)}"
    yield f"items: sha256 `{found.sha256}`"
    yield f"items and templates: `{task_hash(variant, found)}`"


def _bullets(lines: Iterator[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _items_table(items: Sequence[Item]) -> str:
    counts = Counter((item.kind, item.split) for item in items)
    kinds = sorted({item.kind for item in items})
    rows: list[list[str | int]] = [[kind, counts[kind, "train"], counts[kind, "test"]] for kind in kinds]
    total = [sum(counts[kind, split] for kind in kinds) for split in ("train", "test")]
    return tabulate([*rows, ["all", *total]], headers=["kind", "train", "test"], tablefmt="github")


def _cues_table(variant: TaskVariant) -> str:
    cues = variant.task.templates().cues
    rows = [[cue.kind, cue.split, cue.edit, cue.pushes or "", " ".join(cue.text.split())] for cue in cues]
    return tabulate(rows, headers=["kind", "split", "edit", "pushes towards", "text"], tablefmt="github")


def _settings(measured: Measured) -> str:
    return (
        f"Measured with introbench {measured.version}: split {measured.split}, limit {measured.limit} items, "
        f"seed {measured.seed}."
    )


def _models_table(models: Sequence[ModelOnTask]) -> str:
    rows = [
        [
            each.model,
            each.items,
            each.cases,
            *(
                _share(value)
                for value in (
                    each.change_rate,
                    each.placebo_change_rate,
                    each.cue_following,
                    each.says_changed,
                    each.accuracy_uncued,
                )
            ),
        ]
        for each in models
    ]
    headers = [
        "model",
        "items",
        "cases",
        "changes",
        "under a placebo",
        "follows the cue",
        "says changed",
        "accuracy uncued",
    ]
    return tabulate(rows, headers=headers, tablefmt="github")


def _share(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
