"""Demonstrations: solved explanations of training items, drawn from labels, shown before the explanation question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from introbench.errors import TaskError
from introbench.hashing import named_random
from introbench.tasks.cases import Demonstration, lettered, make_case
from introbench.tasks.labels import FrozenLabels, Label, read_labels
from introbench.tasks.noise import flip_labels
from introbench.tasks.noisy import BUNDLED, OWN
from introbench.tasks.task import check_file
from introbench.tasks.templates import Templates
from introbench.tasks.types import Cue, Item

if TYPE_CHECKING:
    from introbench.tasks.registry import TaskVariant

__all__ = ["Shown", "draw_demonstrations"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown before every explanation question of a task.

    Attributes:
        demonstrations: the solved explanations, in their order.
        labels: what they were drawn from; None where nothing is shown.
        flipped: how many of their labels are not what was measured.
    """

    demonstrations: tuple[Demonstration, ...] = ()
    labels: FrozenLabels | None = None
    flipped: int = 0


def draw_demonstrations(variant: TaskVariant, items: Sequence[Item], templates: Templates, seed: int) -> Shown:
    """Draw solved explanations from a task's labels, half of them "changed" as they were measured, then add its noise.

    One draw serves every case of a run: the prompts then share it as a prefix. It depends on the labels, the seed, the
    number of demonstrations and the number of the draw alone, takes each item once, and only training items under
    training cues.

    Args:
        items: all items of the task.

    Raises TaskError where the labels do not fit the task or are too few.
    """
    if not variant.demonstrations:
        return Shown()
    labels, name = _labels(variant), variant.task.info.name
    training = {item.id: item for item in items if item.split == "train"}
    cues = {cue.id: cue for cue in templates.cues if cue.split == "train"}
    drawn = _draw(variant, labels, training, cues, seed)
    flipped = 0
    if variant.noisy:
        choices = {label.item: _asked(variant, training[label.item]).choices for label in drawn}
        drawn, flipped = flip_labels(drawn, choices, variant.noisy.noise, seed, name)
    shown = [_demonstration(variant, labels.where, label, training[label.item], cues, templates) for label in drawn]
    return Shown(tuple(shown), labels, flipped)


def _labels(variant: TaskVariant) -> FrozenLabels:
    info, source = variant.task.info, variant.noisy.labels if variant.noisy else BUNDLED
    if variant.noisy and variant.noisy.frozen:
        found = variant.noisy.frozen
    elif source == OWN:
        raise TaskError(f"{variant.name}: the target's own labels are measured by `introbench run` first; run it")
    elif source != BUNDLED:
        raise TaskError(f"{variant.name}: its labels have not been read; use introbench.train.sources.with_labels")
    elif info.labels_sha256 is None:
        raise TaskError(
            f"{info.name}: bundles no labels, so it takes no demonstrations; leave k= out, or let the target "
            f"label its own: noisy:{info.name}?rate=0&labels=own"
        )
    else:
        path = variant.task.folder / "labels.json"
        check_file(path, info.labels_sha256)
        found = read_labels(path)
    file = found.file
    if (file.task, file.version) != (info.name, info.version):
        raise TaskError(
            f"{found.where}: labels of {file.task} version {file.version}, needed: {info.name} version {info.version}"
        )
    if file.behaviour != variant.behaviour:
        raise TaskError(
            f"{found.where}: its labels were read by {file.behaviour}, not by {variant.behaviour}; leave k= out, or "
            f"let the target label its own: noisy:{info.name}?behaviour={variant.behaviour}&rate=0&labels=own"
        )
    return found


def _draw(
    variant: TaskVariant, labels: FrozenLabels, training: Mapping[str, Item], cues: Mapping[str, Cue], seed: int
) -> list[Label]:
    count, draw = variant.demonstrations, variant.noisy.draw if variant.noisy else 0
    names = [variant.task.info.name, "demonstrations", str(count), *([str(draw)] if draw else [])]
    random = named_random(seed, *names)
    drawn: list[Label] = []
    wanted = {"changed": count // 2, "unchanged": count - count // 2}
    for label in random.sample(labels.file.labels, len(labels.file.labels)):
        if label.item not in training or label.cue not in cues:
            raise TaskError(f"{labels.where}: item {label.item!r} with cue {label.cue!r} is not in the training split")
        if wanted[label.verdict] and label.item not in {other.item for other in drawn}:
            drawn.append(label)
            wanted[label.verdict] -= 1
    if short := [f"{number} {verdict}" for verdict, number in wanted.items() if number]:
        raise TaskError(
            f"{labels.where}: {' and '.join(short)} labels short of {count} demonstrations; give a smaller k="
        )
    random.shuffle(drawn)
    return drawn


def _demonstration(
    variant: TaskVariant, where: str, label: Label, item: Item, cues: Mapping[str, Cue], templates: Templates
) -> Demonstration:
    """The solved explanation of a label: what its own case asks, under the variant's reading of the behaviour."""
    choices = _asked(variant, item).choices
    for text in (label.content, label.hint):
        if text is not None and text not in choices:
            raise TaskError(f"{where}: {text!r} is no choice of item {item.id!r}")
    hint = None if label.hint is None else choices.index(label.hint)
    case = make_case(item, cues[label.cue], hint, templates, variant.name, behaviour=variant.behaviour)
    reply = choices.index(label.content) + len(choices) * (label.verdict == "changed")
    return Demonstration(case.explanation.messages[-1].content, case.explanation.choices[reply])


def _asked(variant: TaskVariant, item: Item) -> Item:
    """The item with the choices that the variant's labels speak of."""
    return lettered(item) if variant.behaviour == "letter" else item
