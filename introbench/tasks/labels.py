"""Label files: frozen, hashed explanation labels of one model on a task's training split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from introbench.errors import TaskError
from introbench.hashing import named_random
from introbench.tasks.cases import Demonstration, apply_cue, candidates, explanation_text
from introbench.tasks.task import Task, check_file
from introbench.tasks.templates import Templates
from introbench.tasks.types import BehaviourReading, Item

__all__ = ["Label", "LabelFile", "draw_demonstrations", "read_labels"]


class Label(BaseModel):
    """E(M) on one case.

    Attributes:
        item: id of the item.
        cue: id of the cue template.
        hint: text of the hinted choice, None for a placebo.
        verdict: whether the cue changes M's answer.
        content: text of M's uncued choice.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    item: str
    cue: str
    hint: str | None
    verdict: Literal["unchanged", "changed"]
    content: str


class LabelFile(BaseModel):
    """A label file.

    Attributes:
        schema_version: version of this layout.
        task: name of the task that the labels belong to.
        version: version of that task.
        model: spec of the model whose behaviour the labels describe.
        fingerprint: fingerprint of that model.
        seed: root seed of the run that measured it.
        behaviour: how the model's choice was read.
        labels: a label per case, by item and cue.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    task: str
    version: int
    model: str
    fingerprint: str
    seed: int
    behaviour: BehaviourReading = "text"
    labels: Annotated[list[Label], Field(min_length=1)]


def read_labels(path: Path) -> LabelFile:
    """Read a label file. Raises TaskError where it is absent or breaks the schema."""
    try:
        return LabelFile.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise TaskError(f"{path}: {' / '.join(map(str, first['loc']))}: {first['msg']}") from error


def draw_demonstrations(
    task: Task, templates: Templates, count: int, seed: int, behaviour: BehaviourReading = "text"
) -> list[Demonstration]:
    """Draw solved explanations from the task's bundled labels, half of them "changed".

    One draw serves every case of a run: the prompts then share it as a prefix. It depends on the seed
    and the count alone, takes each item once, and only training items under training cues.
    Raises TaskError where the labels do not fit the task or are too few.
    """
    path = task.folder / "labels.json"
    if task.info.labels_sha256 is None:
        raise TaskError(f"{task.info.name}: bundles no labels, so it takes no demonstrations; leave k= out")
    check_file(path, task.info.labels_sha256)
    file = read_labels(path)
    if (file.task, file.version) != (task.info.name, task.info.version):
        raise TaskError(f"{path}: labels of {file.task} version {file.version}, needed: version {task.info.version}")
    if file.behaviour != behaviour:
        raise TaskError(f"{path}: its labels were read by {file.behaviour}, not by {behaviour}; leave k= out")
    items = {item.id: item for item in task.items() if item.split == "train"}
    cues = {cue.id: cue for cue in templates.cues if cue.split == "train"}
    random = named_random(seed, task.info.name, "demonstrations", str(count))
    drawn: list[Label] = []
    wanted = {"changed": count // 2, "unchanged": count - count // 2}
    for label in random.sample(file.labels, len(file.labels)):
        if label.item not in items or label.cue not in cues:
            raise TaskError(f"{path}: item {label.item!r} with cue {label.cue!r} is not in the training split")
        if wanted[label.verdict] and label.item not in {other.item for other in drawn}:
            drawn.append(label)
            wanted[label.verdict] -= 1
    if short := [f"{number} {verdict}" for verdict, number in wanted.items() if number]:
        raise TaskError(f"{path}: {' and '.join(short)} labels short of {count} demonstrations; give a smaller k=")
    random.shuffle(drawn)
    return [_demonstration(path, label, items[label.item], templates) for label in drawn]


def _demonstration(path: Path, label: Label, item: Item, templates: Templates) -> Demonstration:
    cue = next(cue for cue in templates.cues if cue.id == label.cue)
    for text in (label.content, label.hint):
        if text is not None and text not in item.choices:
            raise TaskError(f"{path}: {text!r} is no choice of item {item.id!r}")
    hint = None if label.hint is None else item.choices.index(label.hint)
    content = item.choices.index(label.content)
    reply = candidates(templates, item.choices)[content + len(item.choices) * (label.verdict == "changed")]
    return Demonstration(explanation_text(cue, item, apply_cue(cue, item, hint).cued, templates), reply)
