"""Checkpoints to resume from: only those that were written to their end count, whatever ended the process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from introbench.errors import DiskError
from introbench.files import disk_errors, write_whole
from introbench.hashing import file_hash

__all__ = ["last_behind", "last_whole", "saving", "seal", "steps_of"]

_SEAL = "whole.json"
_NEEDED = frozenset({"adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "trainer_state.json"})
"""What a training goes on from. Without one of these the trainer would begin it anew, without a word."""

_REFUSED_BY_TORCH = ("inline_container", "PytorchStreamWriter", "iostream error")
"""Words in the errors of torch's file writer, which have no type and no number of their own."""


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """Turn what libraries raise where the disk takes no more of a file of weights into a DiskError with the way out."""
    try:
        with disk_errors(path):
            yield
    except (RuntimeError, SafetensorError) as error:
        if isinstance(error, RuntimeError) and not any(word in str(error) for word in _REFUSED_BY_TORCH):
            raise
        raise DiskError(
            f"{path}: the disk refused the weights, it may be full; free some space and run the same command again, "
            "which goes on from the last whole checkpoint"
        ) from error


def seal(folder: Path) -> None:
    """Mark a checkpoint as written to its end, with the hash of every file."""
    with disk_errors(folder):
        hashes = {path.name: file_hash(str(path)) for path in sorted(folder.iterdir()) if path.is_file()}
    write_whole(folder / _SEAL, (json.dumps(hashes, indent=1) + "\n").encode())


def last_whole(folder: Path) -> Path | None:
    """The latest whole checkpoint of a folder, or None. Those behind it are torn, and removed."""
    with disk_errors(folder):
        for checkpoint in sorted(folder.glob("checkpoint-*"), key=steps_of, reverse=True):
            if _whole(checkpoint):
                return checkpoint
            shutil.rmtree(checkpoint)
    return None


def last_behind(folder: Path, step: int) -> Path | None:
    """The latest whole checkpoint that was written before some step was made, or None. Removes nothing."""
    with disk_errors(folder):
        found = [each for each in folder.glob("checkpoint-*") if steps_of(each) < step and _whole(each)]
    return max(found, key=steps_of, default=None)


def steps_of(checkpoint: Path | None) -> int:
    """Steps behind which a checkpoint was written; 0 without one."""
    return int(checkpoint.name.partition("-")[2]) if checkpoint else 0


def _whole(folder: Path) -> bool:
    try:
        hashes = json.loads((folder / _SEAL).read_text(encoding="utf-8"))
        return hashes.keys() >= _NEEDED and all(file_hash(str(folder / name)) == hashes[name] for name in hashes)
    except (OSError, ValueError):
        return False
