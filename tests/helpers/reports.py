"""Runs that reports are made of, and texts that attack whoever shows them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from introbench.runs.config import resolve_config
from introbench.runs.execute import execute

__all__ = ["ACTIVE", "HOSTILE", "introbench", "manifest_of", "rewritten", "run_of", "variables"]

HOSTILE = (
    "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>"
    "\x1b[31mred\x1b]0;title\x07\x1b[2J \x9b31m \u202egnp.exe\u202c \u2066x\u2069 \x00null\x7f \u2028 {{ 7 * 7 }} "
    "'\"&lt; [bold]markup[/bold] `x` | =cmd()"
)
ACTIVE = ("\x1b", "\x9b", "\x07", "\x00", "\x7f", "\u202e", "\u2066", "\u2028")
"""Characters of it that must not reach a terminal or page."""


def run_of(out: Path, *models: str, tasks: str = "hint_facts", limit: int | None = 12, free: bool = False) -> Path:
    """A finished run of these models, target first."""
    config, variants = resolve_config(
        models[0], models[1:], tasks.split(","), limit=limit, explanations="free" if free else "constrained"
    )
    return execute(config, variants, out)


def introbench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "introbench", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "80", "PYTHONUTF8": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=250, check=False)


def rewritten(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change every row of a JSONL file."""
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    for row in rows:
        change(row)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def manifest_of(run: Path) -> dict[str, Any]:
    """What manifest.json holds."""
    found: dict[str, Any] = json.loads((run / "manifest.json").read_text("utf-8"))
    return found


def variables(css: str, block: str) -> Mapping[str, str]:
    """The custom properties that the first rule beginning with `block` sets."""
    body = css.split(block, 1)[1].split("{", 1)[1].split("}", 1)[0]
    pairs = (part.split(":", 1) for part in body.split(";") if "--" in part)
    return {name.strip(): value.strip() for name, value in pairs}
