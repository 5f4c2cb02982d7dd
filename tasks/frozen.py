"""Writing a frozen item file, or checking that it is what its generator would write."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from introbench.hashing import text_hash

__all__ = ["write_or_check"]


def write_or_check(path: Path, generate: Callable[[], str], arguments: Sequence[str] | None = None) -> tuple[int, str]:
    """What `python -m introbench_tasks.NAME.generate [--check]` does.

    Args:
        path: the item file.
        generate: gives the text that it is to hold.
        arguments: those of the command line where None.

    Returns the exit status, 1 where `--check` finds a missing or different file, and what to tell the user.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m introbench_tasks.{path.parent.name}.generate",
        description="Write the item file, or check that it is what the generator would write.",
    )
    parser.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    check: bool = parser.parse_args(arguments).check
    text = generate()
    if not check:
        path.write_text(text, encoding="utf-8", newline="\n")
        return 0, f"{path}: {text.count(chr(10))} items, sha256 {text_hash(text)}"
    if not path.exists() or path.read_bytes() != text.encode("utf-8"):
        return 1, f"{path} is not what the generator writes; run it without --check"
    return 0, f"{path} is what the generator writes"
