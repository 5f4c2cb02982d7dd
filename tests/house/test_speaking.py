"""Commands speak through `say`, which makes every text inert, and through nothing else."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

SPEAKERS = {"echo", "secho", "print", "print_exc", "input"}
ALLOWED = {"introbench.cli.say", "introbench.report.cells"}  # the latter prints into a buffer


def spoken(source: str) -> list[int]:
    """Lines on which something is written to a terminal directly."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    names = [(call.lineno, getattr(call.func, "attr", getattr(call.func, "id", ""))) for call in calls]
    return [line for line, name in names if name in SPEAKERS]


def test_no_other_module_writes_to_the_terminal(modules: Mapping[str, Path]) -> None:
    found = {
        f"{module}:{line}"
        for module, path in modules.items()
        if module.startswith("introbench.") and module not in ALLOWED
        for line in spoken(path.read_text("utf-8"))
    }
    assert sorted(found) == []


def test_what_is_spoken_is_found_however_it_is_called() -> None:
    assert spoken("import typer\ntyper.echo('a')\nprint('b')\nconsole.print('c')\nsay('d')\n") == [2, 3, 4]
