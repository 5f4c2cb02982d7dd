"""A module answers one question: past these sizes, look for the second one."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50


def test_no_module_is_too_long(modules: Mapping[str, Path], repository: Path) -> None:
    lengths = {path.relative_to(repository): len(path.read_text("utf-8").splitlines()) for path in modules.values()}
    too_long = [f"{path}: {length} lines" for path, length in lengths.items() if length > MAX_MODULE_LINES]
    assert not too_long, f"modules over {MAX_MODULE_LINES} lines:\n" + "\n".join(too_long)


def test_no_function_is_too_long(modules: Mapping[str, Path], repository: Path) -> None:
    too_long = [
        f"{path.relative_to(repository)}:{line}: {name} has {length} lines"
        for path in modules.values()
        for name, line, length in function_lengths(path.read_text("utf-8"))
        if length > MAX_FUNCTION_LINES
    ]
    assert not too_long, f"functions over {MAX_FUNCTION_LINES} lines:\n" + "\n".join(too_long)


def function_lengths(source: str) -> list[tuple[str, int, int]]:
    """Name, first line and length of every function, from its `def` (decorators aside) to its last line."""
    return [
        (node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_a_function_is_counted_from_def_to_its_last_line() -> None:
    source = "@cached\ndef f(\n    x,\n):\n    return x\n\n\nasync def g(): ...\n"
    assert function_lengths(source) == [("f", 2, 4), ("g", 8, 1)]
