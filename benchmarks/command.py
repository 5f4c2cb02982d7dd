"""One `introbench` command in a process of its own: how long it took and how much memory it had."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cost", "measured"]

# What the system reports of a child begins with the memory of its parent; the process itself knows its own.
_CODE = """
import atexit, runpy, sys
def report(path=sys.argv.pop(1)):
    with open("/proc/self/status") as status, open(path, "w") as file:
        file.writelines(line for line in status if line.startswith("VmHWM"))
atexit.register(report)
runpy.run_module("introbench", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took.

    Attributes:
        seconds: wall time.
        processor_seconds: of all its threads, user and system.
        peak_bytes: most memory that was resident.
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int


def measured(*arguments: str) -> Cost:
    """Run `introbench` with these arguments on Linux. Raises RuntimeError where it does not end with 0."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as said:
        peak = Path(folder) / "peak"
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", _CODE, str(peak), *arguments], stdout=subprocess.DEVNULL, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"introbench {arguments[0]} ended with {process.returncode}: {said.read()[-2000:]!r}")
        kibibytes = int(peak.read_text("ascii").split()[1])
    return Cost(round(seconds, 2), round(usage.ru_utime + usage.ru_stime, 2), kibibytes * 1024)
