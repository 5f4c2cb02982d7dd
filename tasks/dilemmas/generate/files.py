"""The text files of this package."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

__all__ = ["FOLDER", "read_yaml"]

FOLDER = Path(__file__).resolve().parent


@cache
def read_yaml(name: str) -> Any:
    """The content of a YAML file of this package."""
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
