"""Dependencies point one way: metrics never import models, tasks never import torch, nothing imports the commands."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

RUNNING = ("torch", "introbench.models", "introbench.scorer")
TASKS_MAY_NOT = ("torch", "transformers", "introbench.models", "introbench.runs", "introbench.metrics")
FORBIDDEN = {
    "introbench.models": ("introbench.runs", "introbench.metrics", "introbench.report"),
    "introbench.scorer": ("introbench.models", "introbench.runs", "introbench.metrics", "introbench.report"),
    "introbench.runs": ("introbench.metrics", "introbench.report"),
    "introbench.metrics": RUNNING,
    "introbench.report": RUNNING,
    "introbench.gate": RUNNING,
    "introbench.judge": ("torch", "introbench.runs", "introbench.metrics", "introbench.scorer", "introbench.report"),
    "introbench.tasks": TASKS_MAY_NOT,
    "introbench_tasks": TASKS_MAY_NOT,
    "introbench_leaderboard": ("torch", "transformers", "introbench.scorer"),
}
MAY_IMPORT_COMMANDS = ("introbench.cli", "introbench.__main__")


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def imported_names(source: str) -> Iterator[str]:
    """Absolute dotted names that a module imports, anywhere in it; `from a import b` gives `a` and `a.b`.

    Relative imports do not occur: ruff forbids them (TID252).
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def offences(modules: Mapping[str, Path], package: str, forbidden: tuple[str, ...]) -> list[str]:
    return [
        f"{module} imports {name}"
        for module, path in modules.items()
        if within(module, package)
        for name in imported_names(path.read_text("utf-8"))
        if any(within(name, other) for other in forbidden)
    ]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_stays_below_what_builds_on_it(modules: Mapping[str, Path], package: str) -> None:
    assert offences(modules, package, FORBIDDEN[package]) == []


def test_nothing_builds_on_the_commands(modules: Mapping[str, Path]) -> None:
    others = {
        module: path
        for module, path in modules.items()
        if not any(within(module, allowed) for allowed in MAY_IMPORT_COMMANDS)
    }
    assert [
        offence
        for package in ("introbench", "introbench_tasks", "introbench_leaderboard")
        for offence in offences(others, package, ("introbench.cli",))
    ] == []


def test_imports_are_found_wherever_they_stand() -> None:
    source = "import a.b as c\ndef f():\n    from introbench import models\n    from torch.nn import Module\n"
    found = list(imported_names(source))
    assert found == ["a.b", "introbench", "introbench.models", "torch.nn", "torch.nn.Module"]
