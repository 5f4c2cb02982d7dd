"""Write constraints.txt: the exact version of everything that introbench[run,dev] resolves to.

usage: python scripts/constraints.py [--torch VERSION]

The versions are the newest that pip can choose together. torch stays at the version that constraints.txt names
already, because its version decides which build pip takes. Nothing is installed.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
PROJECT = "introbench"
HEADER = """\
# The exact versions that the tests pass with: everything that introbench[run,dev] resolves to.
# Written by `make constraints`. Pass it to every installation: pip install -c constraints.txt -e '.[run]'
"""


def pinned_torch() -> str:
    """The version of torch that constraints.txt names."""
    match = re.search(r"^torch==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    if match is None:
        sys.exit(f"{CONSTRAINTS.name} names no torch; give one: make constraints TORCH=VERSION")
    return match.group(1)


def resolve(extras: str, pins: dict[str, str]) -> dict[str, str]:
    """Name and version of everything that pip would install for these extras into an empty environment."""
    with tempfile.TemporaryDirectory() as folder:
        constraints, report = Path(folder, "constraints.txt"), Path(folder, "report.json")
        constraints.write_text(lines(pins), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--constraint", str(constraints), "--report", str(report), f"{ROOT}[{extras}]"]
        subprocess.run(command, check=True)
        installs: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
    found = {install["metadata"]["name"]: install["metadata"]["version"] for install in installs}
    # A local label ("+cpu") names a build, not a version; other machines have other builds.
    return {name: version.partition("+")[0] for name, version in found.items() if name != PROJECT}


def lines(pins: dict[str, str]) -> str:
    """One `name==version` a line, sorted by name."""
    return "".join(f"{name}=={pins[name]}\n" for name in sorted(pins, key=str.lower))


def main() -> None:
    """Resolve and replace constraints.txt whole."""
    parser = argparse.ArgumentParser(description="Write constraints.txt.")
    parser.add_argument("--torch", metavar="VERSION", help="another version of torch than the one pinned now")
    torch = parser.parse_args().torch or pinned_torch()
    pins = resolve("run,dev", {"torch": torch})
    draft = CONSTRAINTS.with_suffix(".new")
    draft.write_text(HEADER + lines(pins), encoding="utf-8")
    draft.replace(CONSTRAINTS)
    print(f"{CONSTRAINTS.name}: {len(pins)} versions")


if __name__ == "__main__":
    main()
