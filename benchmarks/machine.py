"""Where and of what a measurement was taken: never a host, a user or a folder."""

from __future__ import annotations

import os
import platform
import shlex
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from introbench.runs.manifest import cpu_name, git_state

__all__ = [
    "command_line",
    "describe_machine",
    "describe_versions",
    "git_state",
    "load_average",
    "provenance",
    "utc_now",
    "without_folders",
]

CPU = torch.device("cpu")
_PACKAGES = ("torch", "transformers", "lm_eval", "numpy")


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Processor, cores, threads, load of other work and, where it is used, the accelerator."""
    found: dict[str, Any] = {
        "cpu": cpu_name(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_average": load_average(),
        "device": device.type,
    }
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        found |= {"gpu": properties.name, "gpu_bytes": properties.total_memory, "cuda": torch.version.cuda}
    return found


def describe_versions() -> dict[str, str]:
    """Versions of Python and of what the numbers depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def load_average() -> float:
    """Processes that wanted a core in the last minute: what else the machine did."""
    return round(os.getloadavg()[0], 2)


def utc_now() -> str:
    """The date in ISO form."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def provenance(module: str, arguments: Sequence[str], device: torch.device = CPU) -> dict[str, Any]:
    """What was run, when, and on what: the head of every file of results.

    Args:
        module: what `python -m` was given.
        arguments: what was typed behind it.
        device: that computes.
    """
    return {
        "command": command_line(module, arguments),
        "date": utc_now(),
        "git": git_state(),
        "machine": describe_machine(device),
        "versions": describe_versions(),
    }


def command_line(module: str, arguments: Sequence[str]) -> str:
    """The command that was typed, with only the last part of every absolute path."""
    return " ".join(["python -m", module, *(shlex.quote(without_folders(argument)) for argument in arguments)])


def without_folders(argument: str) -> str:
    """An argument as it may be published: of an absolute path, its last part, as in hf/NAME or --json=NAME."""
    head, separator, path = argument.rpartition("=") if argument.startswith("--") else ("", "", argument)
    before, slash, rest = path.partition("/")
    if slash and (not before or rest.startswith(("/", "~"))):
        path = f"{before}/{Path(rest).name}" if before else Path(rest).name
    return head + separator + path
