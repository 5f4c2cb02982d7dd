"""Write the files of the task, or check that they are what the generator would write."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from introbench.hashing import text_hash
from introbench_tasks.jabberwocky.generate.assemble import files


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 1 where `--check` finds a missing or different file."""
    parser = argparse.ArgumentParser(prog="python -m introbench_tasks.jabberwocky.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    check: bool = parser.parse_args(arguments).check

    status = 0
    for path, text in files().items():
        if not check:
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"{path}: {text.count(chr(10))} lines, sha256 {text_hash(text)}")
        elif not path.exists() or path.read_bytes() != text.encode("utf-8"):
            print(f"{path} is not what the generator writes; run it without --check", file=sys.stderr)
            status = 1
    if check and not status:
        print("all files are what the generator writes")
    return status


if __name__ == "__main__":
    sys.exit(main())
