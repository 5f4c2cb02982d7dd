"""Write the item file, or check that it is what the generator would write."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from introbench.hashing import text_hash
from introbench_tasks.refusal.generate.assemble import ITEMS_FILE, items_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 1 where `--check` finds a missing or different file."""
    parser = argparse.ArgumentParser(prog="python -m introbench_tasks.refusal.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    check: bool = parser.parse_args(arguments).check

    text = items_text()
    if not check:
        ITEMS_FILE.write_text(text, encoding="utf-8", newline="\n")
        print(f"{ITEMS_FILE}: {text.count(chr(10))} items, sha256 {text_hash(text)}")
        return 0
    if not ITEMS_FILE.exists() or ITEMS_FILE.read_bytes() != text.encode("utf-8"):
        print(f"{ITEMS_FILE} is not what the generator writes; run it without --check", file=sys.stderr)
        return 1
    print(f"{ITEMS_FILE} is what the generator writes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
