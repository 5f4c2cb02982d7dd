"""Sending a bundle: into a folder, or to a server."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from introbench.errors import InterruptedRunError, UsageError
from introbench.files import disk_errors, write_whole
from introbench.texts import inert, shortened
from introbench_leaderboard.entry import EntryId

__all__ = ["ROUTE", "Receipt", "bundle_name", "place", "upload"]

ROUTE = "/api/submissions"
"""Where a server takes bundles, below its address."""

_SECONDS = 120.0
_LONGEST_REPLY = 256 << 10
_SHOWN = 500
_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a server says of a bundle.

    Attributes:
        taken: whether it was received.
        text: its reply in short, inert.
    """

    taken: bool
    text: str


def bundle_name(entry: EntryId) -> str:
    """What a bundle is called in a folder of bundles."""
    return f"{entry.org}__{entry.model}__{entry.revision}__{entry.run}.tar.gz"


def place(folder: Path, entry: EntryId, data: bytes) -> Path:
    """Write a bundle into a folder, which is made where it is missing. Returns the file."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    file = folder / bundle_name(entry)
    write_whole(file, data)
    return file


def upload(url: str, data: bytes, token: str | None) -> Receipt:
    """Send a bundle to a server.

    Raises UsageError where the address or the token is wrong, InterruptedRunError where the server cannot be reached.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOCAL:
        raise UsageError(f"--to {url}: a token is sent over https only")
    if parts.username or parts.password:
        raise UsageError("--to URL: holds a user name or password; use --token")
    request = urllib.request.Request(
        url.rstrip("/") + ROUTE, data=data, method="POST", headers={"Content-Type": "application/gzip"}
    )
    if token:
        # Never handed on: a redirection ends the attempt.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.build_opener(_StayHere).open(request, timeout=_SECONDS) as reply:
            return Receipt(True, _said(reply.read(_LONGEST_REPLY)))
    except urllib.error.HTTPError as error:
        with error:
            said = _said(error.read(_LONGEST_REPLY))
        if error.code in (401, 403):
            raise UsageError(f"{url}: does not take this token ({said}); see --token") from error
        if 300 <= error.code < 400:
            raise UsageError(f"{url}: sends on to another address; name that one") from error
        if error.code >= 500 or error.code == 429:
            raise InterruptedRunError(f"{url}: cannot take it now ({error.code}: {said}); try again later") from error
        return Receipt(False, said)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise InterruptedRunError(f"{url}: cannot be reached ({reason}); the same command tries again") from error


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        return None


def _said(data: bytes) -> str:
    """A reply in one short line, whatever it is."""
    text = data.decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict):
        text = ", ".join(f"{name}: {value}" for name, value in found.items() if isinstance(value, str | int | bool))
    return inert(shortened(" ".join(text.split()), _SHOWN))
