"""What lies in the caches: weights that were converted here, and what the Hugging Face hub has brought."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from introbench.files import disk_errors
from introbench.models.embedded import EMBEDDED_MODELS, cache_folder, conversion_folder, verified

__all__ = ["Cached", "cached", "prune"]


@dataclass(frozen=True, slots=True)
class Cached:
    """An entry of a cache.

    Attributes:
        name: name of the model or data set.
        kind: "converted" (made here), "scratch" (left by a conversion that was killed), or what the hub calls it.
        folder: where it lies.
        size: bytes on disk.
        current: whether this version of introbench would use it.
    """

    name: str
    kind: Literal["converted", "scratch", "hub model", "hub dataset", "hub space"]
    folder: Path
    size: int
    current: bool

    def damaged(self) -> bool:
        """Whether a converted model is not what was written; reads all of it. The hub's own files are not judged."""
        return self.kind == "converted" and not verified(self.folder)


def cached() -> list[Cached]:
    """All entries: our own, then the hub's. Raises DiskError where a cache cannot be read."""
    return [*_own(), *_hub()]


def prune(*, everything: bool = False) -> list[Cached]:
    """Remove what no run would use: outdated and damaged conversions, and scratch folders; returns what went.

    The hub's cache is left alone: other programs share it.

    Args:
        everything: remove sound conversions too; they are made anew when they are asked for.
    """
    gone = [entry for entry in _own() if everything or not entry.current or entry.damaged()]
    for entry in gone:
        with disk_errors(entry.folder):
            shutil.rmtree(entry.folder)
    return gone


def _own() -> Iterator[Cached]:
    folder = cache_folder()
    current = {conversion_folder(model): model.name for model in EMBEDDED_MODELS.values()}
    with disk_errors(folder):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.is_dir():
                scratch = path.name.startswith(".")
                name = current.get(path, path.name.lstrip("."))
                yield Cached(name, "scratch" if scratch else "converted", path, _size(path), path in current)


def _hub() -> Iterator[Cached]:
    try:
        from huggingface_hub import CacheNotFound, scan_cache_dir
    except ImportError:
        return
    try:
        found = scan_cache_dir()
    except CacheNotFound:
        return
    kinds: dict[str, Literal["hub model", "hub dataset", "hub space"]] = {
        "model": "hub model",
        "dataset": "hub dataset",
        "space": "hub space",
    }
    for repo in sorted(found.repos, key=lambda repo: repo.repo_id):
        yield Cached(repo.repo_id, kinds[repo.repo_type], Path(repo.repo_path), repo.size_on_disk, current=True)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
