"""The run directory: its files, its lock, and the check that a folder belongs to this configuration."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from introbench.errors import FolderInUseError, RunDirectoryError
from introbench.files import disk_errors, slug, write_whole

__all__ = ["RunDirectory", "read_manifest"]

_LOCK = ".lock"
_TORN = (".cases.jsonl-", ".manifest.json-")
"""How the files begin that a run writes beside the ones that they are to replace."""


class RunDirectory:
    """Paths and whole-file writes below one run directory.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def cases(self) -> Path:
        """A row per case."""
        return self.path / "cases.jsonl"

    @property
    def manifest(self) -> Path:
        """What the run is."""
        return self.path / "manifest.json"

    @property
    def summary(self) -> Path:
        """Every estimate."""
        return self.path / "summary.json"

    @property
    def report(self) -> Path:
        """The page for people."""
        return self.path / "report.html"

    def ledger(self, folder: str, task: str) -> Path:
        """The ledger file of one model and task."""
        return self.path / "records" / folder / f"{slug(task)}.jsonl"

    def check(self, config: Mapping[str, Any], cases: bytes) -> Mapping[str, Any] | None:
        """The manifest to go on from, or None for a new run. Writes nothing.

        Raises RunDirectoryError where the folder holds other files or a run of another configuration.
        """
        with disk_errors(self.path):
            if not self.path.exists():
                return None
            names = [entry.name for entry in self.path.iterdir() if not _unfinished(entry.name)]
        # Cases without a manifest are what a run leaves that was killed while it was being set up.
        if names in ([], [self.cases.name]):
            return None
        if not self.manifest.is_file():
            raise RunDirectoryError(f"{self.path}: is not empty and holds no run; choose another --out")
        manifest = read_manifest(self.path)
        found = manifest.get("config", {})
        if different := [name for name in config if found.get(name) != config[name]]:
            name = different[0]
            raise RunDirectoryError(
                f"{self.path}: holds another run ({name}: {_short(found.get(name))}; asked for: "
                f"{_short(config[name])}); choose another --out"
            )
        with disk_errors(self.cases):
            if self.cases.read_bytes() != cases:
                raise RunDirectoryError(
                    f"{self.cases}: differs from this version's cases (items, templates or seed changed); "
                    "choose another --out"
                )
        return manifest

    def create(self, manifest: Mapping[str, Any], cases: bytes) -> None:
        """Write a new run's cases, then its manifest: a folder with a manifest is a run."""
        with disk_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.cases, cases)
        self.write_manifest(manifest)

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace the manifest."""
        text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        write_whole(self.manifest, (text + "\n").encode())

    def _tidy(self) -> None:
        """Remove what a killed run was writing; for who holds the lock. A summary may be in the making by another."""
        with disk_errors(self.path):
            for entry in self.path.iterdir():
                if entry.name.startswith(_TORN):
                    entry.unlink()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process. Raises RunDirectoryError where another one holds it."""
        made = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        lock = self.path / _LOCK
        with disk_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            file = lock.open("w")
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise FolderInUseError(f"{self.path}: another process is running there; wait for it") from error
            self._tidy()
            try:
                yield
            finally:
                # Where no run came about, nothing is left behind; the lock of a run stays, as others may wait on it.
                if [entry.name for entry in self.path.iterdir()] == [lock.name]:
                    lock.unlink()
                    for folder in made:
                        folder.rmdir()
        finally:
            file.close()


def _unfinished(name: str) -> bool:
    """Whether a file is the lock, or one that was being written when a run was killed."""
    return name == _LOCK or name.startswith((*_TORN, ".report.html-", ".summary.json-"))


def read_manifest(path: Path) -> Mapping[str, Any]:
    """The manifest of a stored run. Raises RunDirectoryError where there is none that can be read."""
    file = path / "manifest.json"
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunDirectoryError(f"{path}: holds no run (no manifest.json); name a folder that a run wrote") from error
    except (OSError, ValueError) as error:
        raise RunDirectoryError(f"{file}: cannot be read: {error}") from error
    if not isinstance(manifest, dict):
        raise RunDirectoryError(f"{file}: not a manifest")
    return manifest


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_short(entry.get("spec") if isinstance(entry, dict) else entry) for entry in value)
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
