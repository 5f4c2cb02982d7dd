"""Write the item file, or check that it is what the generator would write."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from introbench_tasks.frozen import write_or_check
from introbench_tasks.hint_facts.generate.assemble import ITEMS_FILE, items_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 1 where `--check` finds a missing or different file."""
    status, message = write_or_check({ITEMS_FILE: items_text}, arguments)
    print(message, file=sys.stderr if status else sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main())
