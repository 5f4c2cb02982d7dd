"""What a board takes: one set of cases per task, so that every entry answered the same questions."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from introbench.errors import UsageError
from introbench.files import disk_errors
from introbench.metrics.frozen import Frozen

__all__ = ["RULES_FILE", "Rules", "read_rules"]

RULES_FILE = "board.json"


class Rules(Frozen):
    """The rules of a board. A store may hold its own in `board.json`; what it leaves out is as here."""

    schema_version: Literal[1] = 1
    """Version of this layout."""
    seed: int = 0
    """Root seed of every run: a free choice of it would be a free choice of the hints."""
    split: Literal["test", "train"] = "test"
    """Which items are asked."""
    limit: int | None = Field(default=None, ge=1)
    """Items per task; null for all. Runs with any other limit are not taken."""
    engines: tuple[str, ...] = ("hf", "vllm", "openai", "lm-eval", "embedded")
    """Backends whose runs are taken. Scripted models are none of them."""


def read_rules(store: Path | None) -> Rules:
    """The rules of a store; the usual ones where it has none of its own. Raises UsageError where they are wrong."""
    file = store / RULES_FILE if store else None
    if file is None or not file.exists():
        return Rules()
    with disk_errors(file):
        data = file.read_bytes()
    try:
        return Rules.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise UsageError(f"{file}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from error
