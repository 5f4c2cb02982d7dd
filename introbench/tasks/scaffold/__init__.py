"""A new task plugin that works at once, to be changed file by file."""

from __future__ import annotations

import re
from pathlib import Path

from introbench.errors import UsageError
from introbench.files import disk_errors, write_whole
from introbench.hashing import text_hash

__all__ = ["write_plugin"]

_HERE = Path(__file__).parent
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def write_plugin(name: str, parent: Path) -> Path:
    """Write a plugin with its test into the folder `parent/name` and return the folder.

    Raises UsageError where the name is none for a task or the folder holds something already.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a task: use letters a to z, digits and '_', a letter first")
    folder = parent / name
    if folder.exists():
        raise UsageError(f"{folder}: exists already; choose another name or --dir")
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    files = Environment(loader=FileSystemLoader(_HERE), undefined=StrictUndefined, keep_trailing_newline=True)
    items = (_HERE / "items.jsonl").read_text(encoding="utf-8")
    values = {"name": name, "sha256": text_hash(items), "count": items.count("\n")}
    written = {
        "task.py": files.get_template("task.py.j2").render(values),
        "templates.yaml": (_HERE / "templates.yaml").read_text(encoding="utf-8"),
        "items.jsonl": items,
        f"test_{name}.py": files.get_template("test.py.j2").render(values),
    }
    with disk_errors(folder):
        folder.mkdir(parents=True)
    for file, text in written.items():
        write_whole(folder / file, text.encode())
    return folder
