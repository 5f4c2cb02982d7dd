"""The archive that a bundle travels in: one way of writing it, and a reader that takes nothing else.

Members are read in memory and nothing is ever unpacked under a name from the archive. What has been read is packed
again and compared, so that whatever this module does not know about an archive cannot pass through it.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from introbench.texts import inert, shortened

__all__ = ["LIMITS", "ArchiveError", "Limits", "pack", "unpack"]

_MODE = 0o644
_GZIP_FLAGS = 3
"""Place in a gzip header of the flags that announce a file name, a comment or more."""
_GZIP_METHOD = b"\x1f\x8b\x08"
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a bundle may be. Past these nothing is read, so that memory and time are bounded.

    Attributes:
        packed: bytes of the archive as it is sent.
        unpacked: bytes of the archive without compression.
        members: number of files in it.
        name: letters of a file's name.
        line: bytes of one row of cases or ledger.
        rows: rows of all files together.
        depth: levels of nested JSON.
        text: letters of one reply of a model.
    """

    packed: int = 32 << 20
    unpacked: int = 128 << 20
    members: int = 64
    name: int = 99
    line: int = 64 << 10
    rows: int = 400_000
    depth: int = 16
    text: int = 8_192


LIMITS = Limits()


class ArchiveError(Exception):
    """An archive that is not taken. Its arguments are the reasons, each a code and a sentence."""

    @property
    def reasons(self) -> tuple[tuple[str, str], ...]:
        """All of them."""
        return self.args


def pack(members: Mapping[str, bytes]) -> bytes:
    """The archive of some files: equal bytes for equal files, without times, owners or any other name."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    return squeeze.compress(_tar(members)) + squeeze.flush()


def unpack(data: bytes, limits: Limits = LIMITS) -> dict[str, bytes]:
    """The files of an archive, by name.

    Raises ArchiveError where it is too large, holds anything but plain files, or was not written by `pack`.
    """
    plain = _decompressed(data, limits)
    members: dict[str, bytes] = {}
    problems: list[tuple[str, str]] = []
    try:
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:", format=tarfile.USTAR_FORMAT) as archive:
            for number, member in enumerate(archive):
                if number >= limits.members:
                    raise ArchiveError(("archive-members", f"holds more than {limits.members} files"))
                found = list(_member_problems(member, members, limits))
                problems += found
                if not found:
                    file = archive.extractfile(member)
                    members[member.name] = file.read() if file else b""
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        raise ArchiveError(("archive-broken", f"is no tar archive ({error})")) from error
    if problems:
        raise ArchiveError(*problems)
    if _tar(members) != plain:
        raise ArchiveError(
            ("archive-form", "is not as `introbench submit` writes it (times, owners, order, or bytes between files)")
        )
    return members


def _decompressed(data: bytes, limits: Limits) -> bytes:
    if len(data) > limits.packed:
        raise ArchiveError(("archive-size", f"has {len(data)} bytes, at most {limits.packed} are taken"))
    if not data.startswith(_GZIP_METHOD):
        raise ArchiveError(("archive-broken", "is no gzip file"))
    if data[_GZIP_FLAGS : _GZIP_FLAGS + 1] != b"\0":
        raise ArchiveError(("archive-form", "has a file name, a comment or more in its gzip header"))
    reader = zlib.decompressobj(31)
    try:
        plain = reader.decompress(data, limits.unpacked + 1)
    except (zlib.error, MemoryError) as error:
        raise ArchiveError(("archive-broken", f"cannot be decompressed ({error})")) from error
    if len(plain) > limits.unpacked:
        raise ArchiveError(("archive-bomb", f"grows beyond {limits.unpacked} bytes when it is decompressed"))
    if not reader.eof:
        raise ArchiveError(("archive-broken", "is cut off"))
    if reader.unused_data:
        raise ArchiveError(("archive-form", f"has {len(reader.unused_data)} bytes behind its end"))
    return plain


def _member_problems(member: tarfile.TarInfo, known: Mapping[str, bytes], limits: Limits) -> Iterator[tuple[str, str]]:
    name = inert(shortened(member.name, _SHOWN))
    if not member.isreg() or member.sparse is not None or member.pax_headers:
        kind = "a link" if member.issym() or member.islnk() else "no plain file"
        yield "archive-kind", f"{name}: is {kind}"
    if len(member.name) > limits.name:
        yield "archive-name", f"{name}: has a name of more than {limits.name} letters"
    parts = member.name.split("/")
    if member.name.startswith("/") or ".." in parts or "\\" in member.name or ":" in member.name:
        yield "archive-path", f"{name}: leads out of the bundle"
    elif "" in parts or "." in parts or not member.name.isascii() or not member.name.isprintable():
        yield "archive-name", f"{name}: is no plain name"
    if member.name in known:
        yield "archive-twice", f"{name}: stands there twice"
    if member.size < 0 or member.size > limits.unpacked:
        yield "archive-size", f"{name}: claims {member.size} bytes"


def _tar(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(members):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(members[name]), _MODE
            archive.addfile(entry, io.BytesIO(members[name]))
    return out.getvalue()
