"""Receiving the body of an upload: straight to disk, bounded in size and in how slowly it may come."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from introbench.files import disk_errors
from introbench_leaderboard.archive import LIMITS
from introbench_leaderboard.server.settings import Settings

__all__ = ["Received", "discard", "refuse_by_header", "to_disk"]

_NAME_BYTES = 12
_TYPES = ("", "application/gzip", "application/x-gzip", "application/octet-stream")
"""What a bundle may be called; forms and the like hold it among other things."""


@dataclass(frozen=True, slots=True)
class Received:
    """A body that came in whole.

    Attributes:
        file: where it lies.
        sha256: hash of its bytes.
        size: number of them.
    """

    file: Path
    sha256: str
    size: int


def refuse_by_header(request: Request) -> None:
    """Refuse what its headers alone say enough of. Raises HTTPException."""
    length = request.headers.get("content-length", "")
    if length and "transfer-encoding" in request.headers:
        raise HTTPException(400, "states its length in two ways, of which a proxy may have believed the other")
    if length.isdecimal() and int(length) > LIMITS.packed:
        raise HTTPException(413, f"has {length} bytes, at most {LIMITS.packed} are taken")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(415, "is encoded once more; send the bundle as `introbench submit` writes it")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _TYPES:
        raise HTTPException(415, "is called something else than application/gzip; send the bundle alone, as the body")


async def to_disk(request: Request, folder: Path, settings: Settings) -> Received:
    """Write a body into a new file of a folder; where it does not come in whole, the file is gone.

    Raises HTTPException where it is too large (413), too slow (408), cut off or empty (400), DiskError where the disk
    refuses.
    """
    file = folder / f"{secrets.token_hex(_NAME_BYTES)}.tar.gz"
    digest, size = hashlib.sha256(), 0
    try:
        with disk_errors(file), file.open("xb") as out:
            async for chunk in _chunks(request, settings):
                digest.update(chunk)
                size += len(chunk)
                out.write(chunk)
            out.flush()
            await asyncio.to_thread(os.fsync, out.fileno())
        if not size:
            raise HTTPException(400, "is empty")
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return Received(file, digest.hexdigest(), size)


async def discard(request: Request, settings: Settings) -> None:
    """Read a body that is not taken, within the same bounds: who is still sending would not hear the reply."""
    try:
        async for _ in _chunks(request, settings):
            pass
    except HTTPException:
        return


async def _chunks(request: Request, settings: Settings) -> AsyncIterator[bytes]:
    started, size = time.monotonic(), 0
    stream = aiter(request.stream())
    while True:
        ends = started + settings.upload_seconds + size / settings.upload_rate
        try:
            async with asyncio.timeout(max(0.0, ends - time.monotonic())):
                chunk = await anext(stream, None)
        except TimeoutError as error:
            raise HTTPException(408, "comes too slowly; try again over a faster connection") from error
        except ClientDisconnect as error:
            raise HTTPException(400, "was cut off") from error
        if chunk is None:
            return
        size += len(chunk)
        if size > LIMITS.packed:
            raise HTTPException(413, f"has more than {LIMITS.packed} bytes")
        yield chunk
