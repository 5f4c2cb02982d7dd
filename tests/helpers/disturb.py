"""A run in a process of its own that is ended in the middle: by SIGKILL, or by the kernel in the middle of a write."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

__all__ = ["ended", "merge_only", "run_once", "start"]

_CONTEXT = multiprocessing.get_context("forkserver")
# Imported once, then forked: a run begins in milliseconds, and many can be killed.
_CONTEXT.set_forkserver_preload(["torch", "transformers", "introbench.models.hf.load", "introbench.runs.execute"])


def start(target: Callable[..., None], *arguments: object) -> BaseProcess:
    """Start `target` in a process of its own."""
    process = _CONTEXT.Process(target=target, args=arguments)
    process.start()
    return process


def ended(process: BaseProcess, seconds: float = 120) -> int:
    """The exit code of a process, negative for the signal that ended it."""
    process.join(seconds)
    code = process.exitcode
    process.close()
    assert code is not None
    return code


def run_once(spec: str, out: Path, limit: int, file_bytes: int | None) -> None:
    """A run as the command line carries it out. Ended by SIGXFSZ when a file grows past `file_bytes`."""
    _limit_files(file_bytes)
    from introbench.runs.config import resolve_config
    from introbench.runs.execute import execute

    config, variants = resolve_config(spec, [f"{spec}?weight_noise=0.2"], ["hint_facts"], limit=limit, aa_share=0.2)
    execute(config, variants, out)
    os._exit(0)


def merge_only(ledger: Path, file_bytes: int) -> None:
    """Fold the rows of all ranks into a ledger. Ended when the ledger grows past `file_bytes`."""
    _limit_files(file_bytes)
    from introbench.runs.ledger import Ledger

    Ledger(ledger).merge()
    os._exit(0)


def _limit_files(file_bytes: int | None) -> None:
    if file_bytes is None:
        return
    # Python ignores the signal and gets an error instead. By default the kernel writes what fits, then kills.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
