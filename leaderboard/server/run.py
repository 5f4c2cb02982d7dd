"""Starting the server: one per store, until it is told to end."""

from __future__ import annotations

import fcntl
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from sqlalchemy import Engine

from introbench.errors import UsageError
from introbench.files import disk_errors
from introbench_leaderboard.rules import read_rules
from introbench_leaderboard.server.app import make_app
from introbench_leaderboard.server.settings import Settings, own_folder

__all__ = ["run_server"]

_LOCK = "lock"
_CONNECTIONS = 256
_KEEP_ALIVE = 5
_LAST_REPLIES = 10
"""Seconds that requests under way have once the server is told to end."""


def run_server(engine: Engine, settings: Settings, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises UsageError where another server has the store, its rules are wrong, or nobody may listen at this address.
    """
    read_rules(settings.store)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with _alone(settings.store):
        server = uvicorn.Server(
            uvicorn.Config(
                make_app(engine, settings),
                host=host,
                port=port,
                http="h11",
                ws="none",
                log_config=None,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=_CONNECTIONS,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=_LAST_REPLIES,
            )
        )
        # uvicorn raises the signal that ended it once more when all is done: for the command that is no failure.
        for ends in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ends, signal.SIG_IGN)
        try:
            server.run()
        except SystemExit as error:
            raise UsageError(f"--host {host} --port {port}: cannot be listened at; see the line above") from error
        if not server.started:
            raise UsageError("the server did not start; see the lines above")


@contextmanager
def _alone(store: Path) -> Iterator[None]:
    """Hold the store as its only server: what a second one takes for interrupted would be this one's work."""
    folder = own_folder(store)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (folder / _LOCK).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(f"{store}: another server has this store") from error
    else:
        yield
    finally:
        file.close()
