"""What the house rules are checked on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

FOLDER_OF_PACKAGE = {
    "introbench": "introbench",
    "introbench_tasks": "tasks",
    "introbench_leaderboard": "leaderboard",
}


@pytest.fixture(scope="session")
def package_folders(repository: Path) -> Mapping[str, Path]:
    """Import name → folder of each top-level package that exists."""
    folders = {package: repository / folder for package, folder in FOLDER_OF_PACKAGE.items()}
    return {package: folder for package, folder in folders.items() if folder.is_dir()}


@pytest.fixture(scope="session")
def modules(package_folders: Mapping[str, Path]) -> Mapping[str, Path]:
    """Import name → file of every module in the packages; a package stands for its `__init__.py`."""
    found = {}
    for package, folder in package_folders.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return found
