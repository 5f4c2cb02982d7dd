"""Requests that a server must not be moved by: tokens of nobody, and bodies and headers that are not what they seem."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
from board_server import BoardServer, bearer, other_answers, spoken
from bundles import Forged

from introbench_leaderboard.archive import LIMITS
from introbench_leaderboard.send import ROUTE
from introbench_leaderboard.server.database import UploadRow, open_database, session
from introbench_leaderboard.server.tokens import list_tokens, revoke_token, token_of

__all__ = ["TOKENS", "TRANSPORT"]

Attack = Callable[[BoardServer, bytes], str]
"""Given a server and a sound bundle: what came of it, in the words of hostile.yaml."""

_MUCH = 1 << 20


def _status(reply: httpx2.Response) -> str:
    return f"refused {reply.status_code}"


def _sent(token: str | None = None, **headers: str) -> Attack:
    """Sends the bundle with this token, a fresh one where None, and further headers."""

    def attack(board: BoardServer, data: bytes) -> str:
        headers_of = {**bearer(board.token() if token is None else token), **headers}
        return _status(httpx2.post(board.url + ROUTE, content=data, headers=headers_of))

    return attack


def _token(made: Callable[[str], str]) -> Attack:
    """Sends the bundle with what is made of a good token."""

    def attack(board: BoardServer, data: bytes) -> str:
        return _status(board.send(data, made(board.token())))

    return attack


def _secret_of_another(place: int) -> Attack:
    def attack(board: BoardServer, data: bytes) -> str:
        one, other = (board.token().split("_") for _ in range(2))
        one[place] = other[place]
        return _status(board.send(data, "_".join(one)))

    return attack


def _revoked(board: BoardServer, data: bytes) -> str:
    token = board.token()
    with open_database(board.database) as engine:
        found = token_of(engine, token)
        assert found
        revoke_token(engine, found.id)
    return _status(board.send(data, token))


def _expired(board: BoardServer, data: bytes) -> str:
    return _status(board.send(data, board.token(days=1e-9)))


def _in_the_address(board: BoardServer, data: bytes) -> str:
    token = board.token()
    return _status(httpx2.post(f"{board.url}{ROUTE}?token={token}&access_token={token}", content=data))


def _in_a_cookie(board: BoardServer, data: bytes) -> str:
    token = board.token()
    return _status(httpx2.post(board.url + ROUTE, content=data, headers={"Cookie": f"Authorization=Bearer {token}"}))


def _two_tokens(good: int) -> Attack:
    def attack(board: BoardServer, data: bytes) -> str:
        tokens = ["introbench_unknown"] * 2
        tokens[good] = board.token()
        headers = [("Authorization", f"Bearer {token}") for token in tokens]
        return _status(httpx2.post(board.url + ROUTE, content=data, headers=headers))

    return attack


def _script(board: BoardServer, data: bytes) -> str:
    head = (
        f"POST {ROUTE} HTTP/1.1\r\nHost: board\r\nAuthorization: Bearer é{board.token()}\r\nContent-Length: 1\r\n\r\n"
    )
    return _line(spoken(board, head, b"x"))


def _decided(board: BoardServer, token: str) -> str:
    """What became of the last upload of a token."""
    found = board.decided(token)[0]
    return f"rejected {found['reasons'][0]['code']}" if found["reasons"] else str(found["state"])


def _another_organisation(board: BoardServer, data: bytes) -> str:
    token = board.token("beta")
    board.send(data, token).raise_for_status()
    return _decided(board, token)


def _anothers_upload(board: BoardServer, data: bytes) -> str:
    mine = board.send(b"mine", board.token()).raise_for_status().json()["id"]
    thief = board.token()
    assert board.uploads(thief) == []
    return _status(httpx2.get(f"{board.url}{ROUTE}/{mine}", headers=bearer(thief)))


TOKENS: Mapping[str, Attack] = {
    "none": lambda board, data: _status(httpx2.post(board.url + ROUTE, content=data)),
    "an unknown one": _sent(f"introbench_{'0' * 12}_{'0' * 64}"),
    "an expired one": _expired,
    "a revoked one": _revoked,
    "one without its last letter": _token(lambda token: token[:-1]),
    "one in capital letters": _token(str.upper),
    "a known id with another secret": _secret_of_another(2),
    "a known secret with another id": _secret_of_another(1),
    "a question to the database for an id": _token(lambda token: f"introbench_' OR 1=1 --_{token[-64:]}"),
    "under another scheme": _sent("", Authorization="Basic aW50cm9iZW5jaDppbnRyb2JlbmNo"),
    "in the address": _in_the_address,
    "in a cookie": _in_a_cookie,
    "a good one behind a bad one": _two_tokens(1),
    "a bad one behind a good one": _two_tokens(0),
    "letters of another script": _script,
    "of another organisation": _another_organisation,
    "a look at another's upload": _anothers_upload,
}


def _line(reply: bytes) -> str:
    """The status in the first line of a reply."""
    return f"refused {reply.split()[1].decode()}" if reply else "refused"


def _spoken(headers: str, *parts: bytes) -> Attack:
    """Sends headers as they stand here behind a good token, then the parts of a body."""

    def attack(board: BoardServer, data: bytes) -> str:
        head = f"POST {ROUTE} HTTP/1.1\r\nHost: board\r\nAuthorization: Bearer {board.token()}\r\n"
        return _line(spoken(board, f"{head}{headers}\r\n\r\n", *parts))

    return attack


def _drips(board: BoardServer, data: bytes) -> str:
    head = f"POST {ROUTE} HTTP/1.1\r\nHost: board\r\nAuthorization: Bearer {board.token()}\r\n"
    with socket.create_connection(("127.0.0.1", board.port), timeout=1) as line:
        line.sendall(f"{head}Content-Length: 100000\r\n\r\n".encode())
        for _ in range(100):
            try:
                line.sendall(b"\x1f")
                return _line(line.recv(1 << 16).partition(b"\r\n")[0])
            except TimeoutError:
                continue
    return "received without end"


def _cut_off(board: BoardServer, data: bytes) -> str:
    token = board.token()
    head = f"POST {ROUTE} HTTP/1.1\r\nHost: board\r\nAuthorization: Bearer {token}\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", board.port)) as line:
        line.sendall(head.encode() + b"\x1f")
    time.sleep(0.5)
    return "received" if board.uploads(token) else "refused"


def _without_end(board: BoardServer, data: bytes) -> str:
    token = board.token()
    row: dict[str, Any] = {"size": 1, "file": "none", "state": "checking", "received": 0.0, "changed": 0.0}
    with open_database(board.database) as engine, session(engine) as opened:
        mine = list_tokens(engine)[-1].id
        for number in range(100):
            named = {"id": f"waits{number}", "token": mine, "sha256": f"{number:064}"}
            opened.add(UploadRow(**row, **named, attempts=1, entry=None, reasons=[]))
    found = _status(board.send(data, token))
    with open_database(board.database) as engine, session(engine) as opened:
        for number in range(100):
            opened.delete(opened.get_one(UploadRow, f"waits{number}"))
    return found


def _other_method(board: BoardServer, data: bytes) -> str:
    token = board.token()
    mine = board.send(b"mine", token).raise_for_status().json()["id"]
    headers = {**bearer(token), "X-HTTP-Method-Override": "DELETE"}
    found = _status(httpx2.post(f"{board.url}{ROUTE}/{mine}", content=b"x", headers=headers))
    assert [each["id"] for each in board.uploads(token)] == [mine]
    return found


def _climbing(path: str) -> Attack:
    def attack(board: BoardServer, data: bytes) -> str:
        head = f"GET {path} HTTP/1.1\r\nHost: board\r\nAuthorization: Bearer {board.token()}\r\n\r\n"
        return _line(spoken(board, head))

    return attack


def _twice(others: bool) -> Attack:
    def attack(board: BoardServer, data: bytes) -> str:
        fresh = other_answers(data, 700 + others)
        before = len(board.entries())
        first = board.token()
        second = board.token() if others else first
        for token in (first, second, first):
            board.send(fresh, token).raise_for_status()
        assert {each["state"] for token in (first, second) for each in board.decided(token)} == {"accepted"}
        return "taken once" if len(board.entries()) == before + 1 else "taken again"

    return attack


def _judged(changed: Callable[[bytes], bytes]) -> Attack:
    """A bundle in place of one that the board has taken."""

    def attack(board: BoardServer, data: bytes) -> str:
        token = board.token()
        taken = other_answers(data, 900)
        board.send(taken, token).raise_for_status()
        assert [each["state"] for each in board.decided(token)] == ["accepted"]
        before = board.entries()
        board.send(changed(taken), token).raise_for_status()
        found = _decided(board, token)
        return "taken once" if found == "accepted" and board.entries() == before else found

    return attack


def _packed_otherwise(data: bytes) -> bytes:
    squeeze = zlib.compressobj(1, zlib.DEFLATED, 31)
    return squeeze.compress(gzip.decompress(data)) + squeeze.flush()


def _renamed(data: bytes) -> bytes:
    forged = Forged.of(data)
    forged.header["model"] = "renamed"
    return forged.data()


def _edited(data: bytes) -> bytes:
    forged = Forged.of(data)
    forged.ledger[0]["logprobs"].reverse()
    forged.sealed = False
    return forged.data()


_FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="b.tar.gz"\r\n\r\nx\r\n--b--\r\n'

TRANSPORT: Mapping[str, Attack] = {
    "a length beyond all bounds": _spoken(f"Content-Length: {LIMITS.packed + 1}"),
    "chunks beyond all bounds": _spoken(
        "Transfer-Encoding: chunked", *[b"100000\r\n" + b"\0" * _MUCH + b"\r\n"] * (LIMITS.packed // _MUCH + 1)
    ),
    "a body that drips": _drips,
    "a body that never comes": _spoken("Content-Length: 1000"),
    "a body that is cut off": _cut_off,
    "an empty body": _spoken("Content-Length: 0"),
    "compressed once more": _sent(**{"Content-Encoding": "gzip"}),
    "a form with a file": _spoken(
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(_FORM)}", _FORM
    ),
    "a page's form": _sent(**{"Content-Type": "application/x-www-form-urlencoded"}),
    "JSON": _sent(**{"Content-Type": "application/json"}),
    "two lengths": _spoken("Content-Length: 1\r\nContent-Length: 2", b"xx"),
    "a length and chunks": _spoken("Content-Length: 1\r\nTransfer-Encoding: chunked", b"1\r\nx\r\n0\r\n\r\n"),
    "a length below zero": _spoken("Content-Length: -1", b"x"),
    "a length in words": _spoken("Content-Length: one", b"x"),
    "a chunk of a length that is none": _spoken("Transfer-Encoding: chunked", b"zz\r\nx\r\n"),
    "a NUL in a header": _spoken("X-Note: a\0b\r\nContent-Length: 1", b"x"),
    "a megabyte of headers": _spoken(f"X-Note: {'x' * _MUCH}\r\nContent-Length: 1", b"x"),
    "another method in a header": _other_method,
    "an id that climbs": _climbing(f"{ROUTE}/..%2f..%2fboard.json"),
    "a path that climbs out of the site": _climbing("/%2e%2e/store/board.json"),
    "another scheme and host in the first line": _climbing("http://169.254.169.254/latest/meta-data"),
    "uploads without end": _without_end,
    "the same bundle again": _twice(others=False),
    "the same bundle by another token": _twice(others=True),
    "the same bundle packed otherwise": _judged(_packed_otherwise),
    "the same answers under another name": _judged(_renamed),
    "an edited verdict in a fresh bundle": _judged(_edited),
}
