"""Files written whole or not at all, and errors of the disk turned into one clear line."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from introbench.errors import DiskError

__all__ = ["disk_errors", "slug", "write_whole"]

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again",
    errno.EDQUOT: "the disk quota is used up; free some space and run the same command again",
    errno.EACCES: "no permission to write there; choose another folder",
    errno.EPERM: "no permission to write there; choose another folder",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOTDIR: "a part of the path is a file; choose another folder",
}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into a DiskError that names the file and the way out."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        raise DiskError(f"{path}: {reason}") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it holds either its old content or all of the new one.

    Raises DiskError where the disk refuses; the old file then stays as it was.
    """
    with disk_errors(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            # mkstemp makes files that only the owner can read; results are meant to be shared.
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise


def slug(text: str) -> str:
    """A name for files and folders: letters, digits, '.', '_', '=' and '-', no leading dot."""
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._=-") else "-" for letter in text)
    return kept.strip(".-") or "unnamed"
