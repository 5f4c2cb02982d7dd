"""What a server is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Settings", "default_database", "own_folder"]

_FOLDER, _DATABASE = ".server", "server.sqlite"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server is told when it starts.

    Attributes:
        store: folder of the store.
        site: folder that the site is built in and served from.
        database: URL of the database, as SQLAlchemy takes it.
        upload_seconds: how long an upload may take beyond what `upload_rate` gives it.
        upload_rate: bytes per second that an upload has to keep.
        open_per_token: uploads of one token that may wait at a time.
        check_seconds: how long one check may take.
        check_memory: bytes of address space of one check.
        check_file: bytes of the largest file that a check may write.
        attempts: how often a check is begun before the bundle is given up: a machine may fail as well as a bundle.
        rebuild_seconds: how long the site may be behind while other uploads wait.
    """

    store: Path
    site: Path
    database: str
    upload_seconds: float = 20.0
    upload_rate: int = 16 << 10
    open_per_token: int = 100
    check_seconds: float = 300.0
    check_memory: int = 4 << 30
    check_file: int = 512 << 20
    attempts: int = 5
    rebuild_seconds: float = 60.0


def own_folder(store: Path) -> Path:
    """The server's own folder in a store: of the moment, and of nobody else's concern."""
    return store / _FOLDER


def default_database(store: Path) -> str:
    """URL of the database where none is named: a file in the store."""
    return f"sqlite:///{own_folder(store).resolve() / _DATABASE}"
