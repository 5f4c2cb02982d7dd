"""Other tools' own readers, in this interpreter or in one that a variable of the environment names."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

__all__ = ["EVERY_EVAL_EVER", "INSPECT", "read_with"]

INSPECT = "inspect_ai"
EVERY_EVAL_EVER = "every_eval_ever"
PYTHON = "INTROBENCH_READERS_PYTHON"


def read_with(package: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments where the reader's package is; skip the test where it is nowhere."""
    python = sys.executable if importlib.util.find_spec(package) else os.environ.get(PYTHON)
    if not python:
        pytest.skip(
            f"{package} is not installed; `make test-readers` installs it, or {PYTHON} names a Python that has it"
        )
    lookup = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    if subprocess.run([python, "-c", lookup], check=False).returncode:
        pytest.skip(f"{package} is not installed beside {python}")
    return subprocess.run([python, *arguments], capture_output=True, text=True, timeout=250, check=False)
