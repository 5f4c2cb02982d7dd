"""One check of an upload, in a process of its own that may take so much time, memory and disk and can be killed."""

from __future__ import annotations

import json
import os
import resource
import threading
from collections.abc import Sequence
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from introbench.errors import UsageError
from introbench_leaderboard.check import Submission, check_bundle, read_bundle
from introbench_leaderboard.entry import ENTRY, entry_folder, read_entry
from introbench_leaderboard.patience import too_long
from introbench_leaderboard.reasons import Reason, reason
from introbench_leaderboard.rules import read_rules
from introbench_leaderboard.server.settings import Settings
from introbench_leaderboard.server.tokens import ANY
from introbench_leaderboard.server.uploads import Claim
from introbench_leaderboard.store import accept, conflicts, write_index

__all__ = ["Judge", "judged"]

_NICE = 10
_OPEN_FILES = 256
_LONGEST_VERDICT = 4 << 20
_GRACE = 10.0
"""Seconds of processor time beyond the limit after which the system itself ends a check."""

Verdict = tuple[str | None, list[dict[str, str]]]
"""Id of the entry, or None and the reasons why there is none."""


class Judge:
    """Checks uploads, one at a time."""

    def __init__(self, settings: Settings, incoming: Path) -> None:
        self._settings = settings
        self._incoming = incoming
        # A server that has loaded everything once and forks: a check begins at once, and in a state that no other left.
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload([__name__])
        self._running: BaseProcess | None = None

    def check(self, claim: Claim) -> Verdict | None:
        """What became of an upload; None where its check came to no end, be it the machine's fault or the bundle's."""
        ours, theirs = self._context.Pipe(duplex=False)
        work = (theirs, self._settings, self._incoming / claim.file, claim.orgs)
        process = self._context.Process(target=_checked, args=work, daemon=True)
        process.start()
        self._running = process
        theirs.close()
        try:
            if not ours.poll(self._settings.check_seconds):
                return None, [_plain(too_long(self._settings.check_seconds))]
            entry, reasons = json.loads(ours.recv_bytes(_LONGEST_VERDICT))
            return entry, reasons
        except (EOFError, OSError):
            return None
        finally:
            process.kill()
            process.join()
            ours.close()
            self._running = None

    def stop(self) -> None:
        """End the check that is running, if any; from another thread."""
        if (running := self._running) is not None:
            running.kill()


def _checked(out: Connection, settings: Settings, file: Path, orgs: Sequence[str]) -> None:
    """What the process does: bounds itself, checks, and hands over its verdict as plain JSON."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _bound(settings)
    try:
        entry, reasons = judged(settings.store, file, orgs)
    except MemoryError:
        text = f"takes more than {settings.check_memory >> 20} MiB of memory to check"
        entry, reasons = None, [reason("check-memory", "bundle", text)]
    out.send_bytes(json.dumps([entry, [_plain(each) for each in reasons]]).encode())
    out.close()


def judged(store: Path, file: Path, orgs: Sequence[str]) -> tuple[str | None, list[Reason]]:
    """Check a bundle and take it into the store: the id of its entry, or None and every reason.

    What an interrupted check had taken in already is finished, not refused: the same bundle is one entry.
    """
    data = read_bundle(file)
    verdict = check_bundle(data, read_rules(store))
    submission = verdict.submission
    if submission is None:
        return None, list(verdict.reasons)
    mine = submission.id
    if ANY not in orgs and mine.org not in orgs:
        text = f"names {mine.org}; this token may submit for {', '.join(orgs)}"
        return None, [reason("token-org", "bundle.json", text)]
    if not _is_there(store, submission):
        try:
            if found := list(conflicts(store, submission)):
                return None, found
            accept(store, data, submission)
        except UsageError as error:
            # Something else came in at this moment.
            if not _is_there(store, submission):
                return None, [reason("store", "store", _told(error, store))]
    write_index(store)
    return str(mine), []


def _is_there(store: Path, submission: Submission) -> bool:
    folder = entry_folder(store, submission.id)
    return (folder / ENTRY).is_file() and read_entry(folder).bundle_sha256 == submission.sha256


def _told(error: UsageError, store: Path) -> str:
    """What went wrong, without the places of this machine."""
    return str(error).replace(str(store), "the store")


def _plain(found: Reason) -> dict[str, str]:
    return {"code": found.code, "where": found.where, "text": found.text}


def _bound(settings: Settings) -> None:
    seconds = int(settings.check_seconds + _GRACE)
    limits: dict[int, int] = {
        resource.RLIMIT_AS: settings.check_memory,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: settings.check_file,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))
    os.nice(_NICE)


def _end_with_parent() -> None:
    parent: Any = parent_process()
    wait([parent.sentinel])
    os._exit(1)
