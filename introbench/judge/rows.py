"""The files of `introbench judge`: completions in, labels with evidence out, JSON Lines both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from introbench.errors import UsageError
from introbench.files import disk_errors
from introbench.hashing import canonical_json
from introbench.judge.verdict import Verdict

__all__ = ["Row", "read_rows", "verdict_lines"]


class Row(BaseModel):
    """A completion to judge. Further fields of a line are somebody else's business."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    id: str | int
    """Names the row; unique in its file."""
    prompt: str
    """What was asked."""
    completion: str
    """What was replied; may be empty."""


def read_rows(path: Path) -> list[Row]:
    """Read a file of completions. Raises UsageError that names the file and the line of the first bad row."""
    with disk_errors(path):
        data = path.read_bytes()
    rows: list[Row] = []
    seen: dict[str | int, int] = {}
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = Row.model_validate_json(line)
        except ValidationError as error:
            raise UsageError(f"{path}:{number}: {_problem(error)}; a row has id, prompt and completion") from error
        if row.id in seen:
            raise UsageError(f"{path}:{number}: id {row.id!r} stands on line {seen[row.id]} already; ids must differ")
        seen[row.id] = number
        rows.append(row)
    if not rows:
        raise UsageError(f"{path}: holds no row; a row has id, prompt and completion")
    return rows


def verdict_lines(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> bytes:
    """The output file: a line per row, in the order of the input."""
    return "".join(
        canonical_json({"id": row.id, "label": verdict.label, "evidence": verdict.evidence}) + "\n"
        for row, verdict in zip(rows, verdicts, strict=True)
    ).encode()


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = " / ".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else str(first["msg"])
