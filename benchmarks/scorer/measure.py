"""Taking a measurement: seconds, peak memory, and the tokens that a model was really given."""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

__all__ = ["Meter", "Run", "finish", "metering", "peak_resident", "timed"]

T = TypeVar("T")

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
"""What Linux takes in clear_refs as the request to begin the high-water mark anew (proc(5))."""


@dataclass
class Meter:
    """What went through a model.

    Attributes:
        passes: number of forward passes.
        tokens: tokens pushed, padding included.
        positions: positions whose logits were computed.
    """

    passes: int = 0
    tokens: int = 0
    positions: int = 0


@dataclass(frozen=True)
class Run(Generic[T]):
    """One measured call.

    Attributes:
        result: what it returned.
        seconds: wall time, the device's work included.
        peak_bytes: most memory held meanwhile, weights included: on CUDA what the allocator held, else what was
            resident; None where the system does not say.
        rise_bytes: by how much that is more than before the call.
    """

    result: T
    seconds: float
    peak_bytes: int | None
    rise_bytes: int | None


@contextmanager
def metering(model: Any) -> Iterator[Meter]:
    """Count what goes through a transformers model, whoever calls it."""
    meter = Meter()

    def before(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        meter.passes += 1
        meter.tokens += int((args[0] if args else kwargs["input_ids"]).numel())

    def after(module: Any, args: tuple[Any, ...], output: Any) -> None:
        meter.positions += int(output.logits.shape[:-1].numel())

    hooks = [model.register_forward_pre_hook(before, with_kwargs=True), model.register_forward_hook(after)]
    try:
        yield meter
    finally:
        for hook in hooks:
            hook.remove()


def finish(device: torch.device) -> None:
    """Wait until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(call: Callable[[], T], device: torch.device) -> Run[T]:
    """Call once and measure it."""
    gc.collect()
    before = _begin_peak(device)
    finish(device)
    start = time.perf_counter()
    result = call()
    finish(device)
    seconds = time.perf_counter() - start
    peak = _peak(device) if before is not None else None
    rise = peak - before if peak is not None and before is not None else None
    return Run(result, seconds, peak, rise)


def peak_resident() -> int:
    """Most bytes that this process has had in memory so far."""
    # Kibibytes, but bytes on macOS.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _begin_peak(device: torch.device) -> int | None:
    """Forget earlier peaks; returns the bytes held now, or None where peaks cannot be forgotten."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    try:
        _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return None
    return _status("VmRSS")


def _peak(device: torch.device) -> int | None:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else _status("VmHWM")


def _status(name: str) -> int | None:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None
