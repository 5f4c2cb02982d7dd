"""The thread that has uploads checked one after another, and the site rebuilt."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from introbench.files import disk_errors
from introbench.texts import inert, shortened
from introbench_leaderboard.entry import SUBMISSIONS
from introbench_leaderboard.reasons import reason
from introbench_leaderboard.server import uploads
from introbench_leaderboard.server.judge import Judge
from introbench_leaderboard.server.settings import Settings, own_folder

__all__ = ["INCOMING", "Worker"]

INCOMING = "incoming"
"""Folder of what came in and is not decided, in the server's own one."""

_IDLE, _PAUSE = 1.0, 2.0
"""Seconds between looks at an empty queue, and after something failed."""
_BUILD_SECONDS = 1_800.0
_OLD_SECONDS = 3_600.0
_SHOWN = 300

_log = logging.getLogger(__name__)


class Worker:
    """Checks what waits, and keeps the site up to date.

    Attributes:
        incoming: folder of what came in.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.incoming = own_folder(settings.store) / INCOMING
        self._engine = engine
        self._settings = settings
        self._judge = Judge(settings, self.incoming)
        self._asked = threading.Event()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._work, name="checks", daemon=True)
        self._behind_since: float | None = None
        self._build: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Clear up what an earlier server left, and begin."""
        with disk_errors(self.incoming):
            self.incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self._settings.store / SUBMISSIONS).mkdir(exist_ok=True)
            self._settings.site.mkdir(parents=True, exist_ok=True)
            again = uploads.recover(self._engine)
            needed = uploads.open_files(self._engine)
            for left in [file for file in self.incoming.iterdir() if file.name not in needed]:
                left.unlink()
            _sweep_sites(self._settings.site)
        _log.info("%d interrupted checks begin again", again)
        self._behind_since = time.monotonic()
        self._thread.start()

    def wake(self) -> None:
        """Say that something waits."""
        self._asked.set()

    def alive(self) -> bool:
        """Whether uploads are being checked."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End. A check that is running is killed, and begins again after the next start."""
        self._ends.set()
        self._asked.set()
        self._judge.stop()
        if (build := self._build) is not None:
            build.kill()
        self._thread.join()

    def _work(self) -> None:
        while not self._ends.is_set():
            self._asked.clear()
            try:
                found = uploads.claim(self._engine)
                if found is not None:
                    self._check(found)
                if found is None or self._is_late():
                    self._rebuild()
            except (SQLAlchemyError, OSError) as error:
                _log.error("cannot go on: %s", _short(error))
                self._ends.wait(_PAUSE)
                continue
            if found is None:
                self._asked.wait(_IDLE)

    def _check(self, found: uploads.Claim) -> None:
        if not (self.incoming / found.file).exists():
            self._kept(uploads.finish, found.id, None, [_LOST])
            _log.warning("upload %s: its file is gone", found.id)
            return
        verdict = self._judge.check(found)
        if self._ends.is_set() and verdict is None:
            return
        if verdict is None and found.attempts < self._settings.attempts:
            _log.warning("upload %s: its check came to no end; it waits again", found.id)
            self._kept(uploads.put_back, found.id)
            return
        given_up = f"its check came to no end {found.attempts} times; ask the board's maintainers"
        entry, reasons = verdict or (None, [_told("check-failed", given_up)])
        self._kept(uploads.finish, found.id, entry, reasons)
        (self.incoming / found.file).unlink(missing_ok=True)
        _log.info("upload %s: %s", found.id, entry or f"rejected for {len(reasons)} reasons")
        if entry is not None and self._behind_since is None:
            self._behind_since = time.monotonic()

    def _kept(self, change: Callable[..., None], *values: object) -> None:
        """Write an outcome down, however long the database is away: nothing else knows it."""
        while True:
            try:
                change(self._engine, *values)
                return
            except SQLAlchemyError as error:
                _log.error("an outcome cannot be written: %s", _short(error))
                if self._ends.wait(_PAUSE):
                    raise

    def _is_late(self) -> bool:
        since = self._behind_since
        return since is not None and time.monotonic() - since > self._settings.rebuild_seconds

    def _rebuild(self) -> None:
        if self._behind_since is None or self._ends.is_set():
            return
        self._behind_since = None
        command = [sys.executable, "-m", "introbench", "leaderboard", "build"]
        command += ["--store", str(self._settings.store), "--out", str(self._settings.site)]
        self._build = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            _, said = self._build.communicate(timeout=_BUILD_SECONDS)
        except subprocess.TimeoutExpired:
            self._build.kill()
            _, said = self._build.communicate()
        if self._build.returncode != 0 and not self._ends.is_set():
            _log.error("the site stays as it was: %s", _short(said.decode("utf-8", "replace").strip() or "killed"))
        self._build = None


def _told(code: str, text: str) -> dict[str, str]:
    found = reason(code, "bundle", text)
    return {"code": found.code, "where": found.where, "text": found.text}


_LOST = _told("upload-lost", "is no longer there, as after a restored backup; send it again")


def _sweep_sites(site: Path) -> None:
    """Remove what killed builds left beside the site; younger folders may be of a build that is running."""
    for left in site.parent.glob(f".{site.name}-*"):
        if left.is_dir() and time.time() - left.stat().st_mtime > _OLD_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _short(text: object) -> str:
    return inert(shortened(" ".join(str(text).split()), _SHOWN))
