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
    """The content of a label file. Raises TaskError where it breaks the schema, or has two labels for one case."""
    try:
        file = LabelFile.model_validate_json(data)
    except ValidationError as error:
        raise TaskError(f"{where}: {_fault(error)}") from error
    _refuse_doubles(file, where)
    return FrozenLabels(file, bytes_hash(data), where)


def _fault(error: ValidationError) -> str:
    first = error.errors()[0]
    place = " / ".join(map(str, first["loc"]))
    said = f"{place + ': ' if place else ''}{first['msg']}"
    if first["type"] == "json_invalid":
        said = "not JSON"
    # What is wrong within its labels is wrong with them; else it is another kind of file.
    other = len(first["loc"]) < 2
    return f"is no label file ({said}); `introbench labels RUN --task NAME --out FILE` makes one" if other else said


def _refuse_doubles(file: LabelFile, where: str) -> None:
    seen: set[tuple[str, str, str | None]] = set()
    for label in file.labels:
        case = label.item, label.cue, label.hint
        if case in seen:
            hint = "" if label.hint is None else f" with the hint {label.hint!r}"
            raise TaskError(
                f"{where}: two labels for item {label.item!r} under cue {label.cue!r}{hint}; keep the one that holds"
            )
        seen.add(case)
