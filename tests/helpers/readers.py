"""Other tools' own readers, in this interpreter or in one that a variable of the environment names."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

__all__ = ["EVERY_EVAL_EVER", "INSPECT", "read_with"]

INSPECT = ("inspect_ai", "INTROBENCH_INSPECT_PYTHON")
EVERY_EVAL_EVER = ("every_eval_ever", "INTROBENCH_EVERY_EVAL_EVER_PYTHON")


def read_with(reader: tuple[str, str], arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments where the reader's package is; skip the test where it is nowhere."""
    package, variable = reader
    python = sys.executable if importlib.util.find_spec(package) else os.environ.get(variable)
    if not python:
        pytest.skip(f"{package} is not installed; {variable} may name a Python that has it")
    return subprocess.run([python, *arguments], capture_output=True, text=True, timeout=250, check=False)
