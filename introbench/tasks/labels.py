"""Label files: frozen, hashed explanation labels of one model on a task's training split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from introbench.errors import TaskError
from introbench.hashing import bytes_hash
from introbench.tasks.types import BehaviourReading

__all__ = ["FrozenLabels", "Label", "LabelFile", "parse_labels", "read_labels"]


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
        items_sha256: hash of what the items were read from; empty in files that do not say.
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
    items_sha256: str = ""
    labels: Annotated[list[Label], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class FrozenLabels:
    """A label file as it was read.

    Attributes:
        file: its content.
        sha256: hash of its bytes.
        where: what messages call it: its path, or the run that it was made from.
    """

    file: LabelFile
    sha256: str
    where: str


def read_labels(path: Path) -> FrozenLabels:
    """Read a label file. Raises TaskError where it is absent or breaks the schema."""
    try:
        return parse_labels(path.read_bytes(), str(path))
    except OSError as error:
        raise TaskError(f"{path}: cannot be read: {error}") from error


def parse_labels(data: bytes, where: str) -> FrozenLabels:
    """The content of a label file. Raises TaskError where it breaks the schema."""
    try:
        return FrozenLabels(LabelFile.model_validate_json(data), bytes_hash(data), where)
    except ValidationError as error:
        first = error.errors()[0]
        place = " / ".join(map(str, first["loc"]))
        raise TaskError(f"{where}: {place + ': ' if place else ''}{first['msg']}") from error
