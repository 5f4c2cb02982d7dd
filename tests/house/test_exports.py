"""What may be imported from introbench is written down, and all of it exists.

Their order is ruff's business (RUF022), which also sorts them: `ruff check --fix`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

import introbench

PUBLIC = ["ChoiceRequest", "ChoiceResult", "__version__", "load_model"]


def test_the_public_names_are_these() -> None:
    assert introbench.__all__ == PUBLIC


def test_every_exported_name_exists(modules: Mapping[str, Path]) -> None:
    packages = [importlib.import_module(name) for name, path in modules.items() if path.name == "__init__.py"]
    missing = [
        f"{package.__name__}.{name}"
        for package in packages
        for name in getattr(package, "__all__", [])
        if not hasattr(package, name)
    ]
    assert not missing, f"named in __all__ but not there: {missing}"


def test_no_name_is_exported_twice(modules: Mapping[str, Path]) -> None:
    for name, path in modules.items():
        if path.name == "__init__.py":
            exported = getattr(importlib.import_module(name), "__all__", [])
            assert len(exported) == len(set(exported)), f"{path}: a name stands twice in __all__"
