"""Attacks on the archive: bytes that no `introbench submit` writes."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping

from bundles import archive_of, gzipped

from introbench_leaderboard.archive import LIMITS

__all__ = ["ARCHIVES"]

Attack = Callable[[Mapping[str, bytes], bytes], bytes]
"""From the files of a sound bundle, and its archive, to another archive."""


def _more(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", form: int = tarfile.GNU_FORMAT) -> Attack:
    """A sound bundle with one more member."""

    def add(archive: tarfile.TarFile) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, link
        archive.addfile(entry)

    return lambda members, data: archive_of(members, more=add, form=form)


def _with(change: Callable[[tarfile.TarInfo], None], form: int = tarfile.USTAR_FORMAT) -> Attack:
    return lambda members, data: archive_of(members, change, form=form)


def _file(name: str, content: bytes) -> Attack:
    from introbench_leaderboard.archive import pack

    return lambda members, data: pack({**members, name: content})


def _set(name: str, value: object) -> Callable[[tarfile.TarInfo], None]:
    return lambda entry: setattr(entry, name, value)


def _sparse(members: Mapping[str, bytes], data: bytes) -> bytes:
    plain = bytearray(gzip.decompress(data))
    plain[156:157] = tarfile.GNUTYPE_SPARSE
    plain[148:156] = b" " * 8
    plain[148:156] = b"%06o\0 " % sum(plain[:512])
    return gzipped(bytes(plain))


def _oversized(members: Mapping[str, bytes], data: bytes) -> bytes:
    plain = bytearray(gzip.decompress(data))
    plain[124:136] = b"77777777777\0"
    plain[148:156] = b" " * 8
    plain[148:156] = b"%06o\0 " % sum(plain[:512])
    return gzipped(bytes(plain))


def _padding(members: Mapping[str, bytes], data: bytes) -> bytes:
    plain = bytearray(gzip.decompress(data))
    size = len(members["bundle.json"])
    plain[512 + size : 512 + size + 6] = b"hidden"
    return gzipped(bytes(plain))


def _named_gzip(members: Mapping[str, bytes], data: bytes) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile("somebody.tar", "wb", fileobj=out, mtime=0) as file:
        file.write(gzip.decompress(data))
    return out.getvalue()


def _zip(members: Mapping[str, bytes], data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _bomb(members: Mapping[str, bytes], data: bytes) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [squeeze.compress(bytes(1 << 20)) for _ in range((LIMITS.unpacked >> 20) + 64)]
    return b"".join([*parts, squeeze.flush()])


def _twice(members: Mapping[str, bytes], data: bytes) -> bytes:
    def add(archive: tarfile.TarFile) -> None:
        entry = tarfile.TarInfo("manifest.json")
        entry.size = 2
        archive.addfile(entry, io.BytesIO(b"{}"))

    return archive_of(members, more=add)


def _many(members: Mapping[str, bytes], data: bytes) -> bytes:
    return archive_of({**members, **{f"records/{number}": b"" for number in range(LIMITS.members)}})


ARCHIVES: Mapping[str, Attack] = {
    "no gzip": lambda members, data: b"PK" + data,
    "plain tar": lambda members, data: gzip.decompress(data),
    "zip in place of tar": _zip,
    "gzip of noise": lambda members, data: gzipped(bytes(range(256)) * 8),
    "cut off": lambda members, data: data[: len(data) // 2],
    "empty": lambda members, data: b"",
    "bytes behind the end": lambda members, data: data + b"hidden",
    "second gzip member": lambda members, data: data + gzipped(b"hidden"),
    "name in the gzip header": _named_gzip,
    "decompression bomb": _bomb,
    "too large to be read": lambda members, data: data + bytes(LIMITS.packed),
    "thousands of files": _many,
    "climbing path": _more("../escape"),
    "climbing path inside": _more("records/../../escape"),
    "absolute path": _more("/tmp/escape"),
    "backslashes": _more("..\\escape"),
    "drive letter": _more("C:escape"),
    "symbolic link": _more("records/link", tarfile.SYMTYPE, "../../secret"),
    "hard link": _more("records/link", tarfile.LNKTYPE, "manifest.json"),
    "device": _more("records/device", tarfile.CHRTYPE),
    "pipe": _more("records/pipe", tarfile.FIFOTYPE),
    "folder": _more("records", tarfile.DIRTYPE),
    "sparse file": _sparse,
    "size beyond the archive": _oversized,
    "extended header with another path": _with(_set("pax_headers", {"comment": "x"}), tarfile.PAX_FORMAT),
    "one name twice": _twice,
    "very long name": _more("records/" + "x" * 300),
    "name in another script": _more("records/\u0430.jsonl", form=tarfile.GNU_FORMAT),
    "name with an escape sequence": _more("records/\x1b[2J"),
    "times of files": _with(_set("mtime", 1_700_000_000)),
    "owner of files": _with(_set("uname", "somebody")),
    "executable files": _with(_set("mode", 0o777)),
    "bytes in the padding": _padding,
    "bytes behind the last file": lambda members, data: gzipped(gzip.decompress(data) + b"hidden".ljust(512, b"\0")),
    "a script": _file("setup.py", b"import os\n"),
    "a pickle": _file("records/0-me/model.pkl", b"\x80\x04N."),
    "a typed summary": _file("summary.json", b"{}\n"),
}
