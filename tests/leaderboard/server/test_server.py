"""The server as its users meet it: a real process, real uploads, and what becomes of them; on each database."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from board_server import BoardServer, bearer, other_answers, spoken, until
from reports import introbench

from introbench_leaderboard.archive import LIMITS
from introbench_leaderboard.prepare import Prepared
from introbench_leaderboard.send import ROUTE
from introbench_leaderboard.site.build import MARK

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

AT_ONCE = 50


def test_a_bundle_of_introbench_submit_comes_to_stand_on_the_site(
    board: BoardServer, scripted_run: Path, sound: Prepared
) -> None:
    token = board.token("acme")
    for _ in range(2):
        sent = introbench("submit", scripted_run, "--name", "acme/model", "--to", board.url, "--token", token)
        assert sent.returncode == 0, sent.stderr
        assert "state: received" in sent.stdout or "state: accepted" in sent.stdout
        assert [each["state"] for each in board.decided(token)] == ["accepted"]
    upload = board.uploads(token)[0]
    assert upload["entry"] == str(sound.submission.id) and board.entries() == [upload["entry"]]
    again = board.send(sound.data, token)
    assert (again.status_code, again.json()["id"], again.json()["state"]) == (200, upload["id"], "accepted")
    until(lambda: "acme,model" in httpx2.get(board.url + "/data/board.csv").text)
    assert "<html" in httpx2.get(board.url + "/").text
    assert board.incoming() == []


def test_what_is_not_taken_is_rejected_with_its_reasons_and_checked_again_when_it_is_sent_again(
    board: BoardServer, sound: Prepared
) -> None:
    foreign, broken = board.token("beta"), board.token("*")
    assert board.send(sound.data, foreign).status_code == 202
    assert board.send(b"no archive", broken).json()["state"] == "received"
    assert [each["code"] for each in board.decided(foreign)[0]["reasons"]] == ["token-org"]
    assert [each["code"] for each in board.decided(broken)[0]["reasons"]] == ["archive-broken"]
    assert board.send(b"no archive", broken).status_code == 202
    assert [each["state"] for each in board.decided(broken)] == ["rejected"]
    assert (board.entries(), board.incoming()) == ([], [])


def test_a_token_opens_its_own_uploads_alone_and_only_while_it_is_valid(board: BoardServer, scripted_run: Path) -> None:
    mine, other, expired = board.token(), board.token(), board.token(days=1e-9)
    upload = board.send(b"mine", mine).json()["id"]
    address = f"{board.url}{ROUTE}/{upload}"
    assert httpx2.get(address, headers=bearer(mine)).json()["id"] == upload
    assert httpx2.get(address, headers=bearer(other)).status_code == 404
    place = ("--store", board.store, "--database", board.database)
    revoked = introbench("leaderboard", "token", "revoke", other.split("_")[1], *place)
    assert revoked.returncode == 0 and "revoked" in revoked.stdout, revoked.stderr
    listed = introbench("leaderboard", "token", "list", *place).stdout
    assert [listed.count(state) for state in ("valid", "revoked", "expired")] == [1, 1, 1]
    assert mine not in listed
    for wrong in (other, expired, "unknown", mine[:-1]):
        assert httpx2.get(address, headers=bearer(wrong)).status_code == 401
        assert board.send(b"x", wrong).status_code == 401
    sent = introbench("submit", scripted_run, "--name", "acme/model", "--to", board.url, "--token", expired)
    assert sent.returncode == 2 and "does not take this token" in sent.stderr
    assert httpx2.post(board.url + ROUTE, content=b"x").status_code == 401


def test_bodies_that_are_too_large_too_slow_empty_or_cut_off_leave_nothing(board: BoardServer) -> None:
    token = board.token()
    assert board.send(b"", token).status_code == 400
    head = f"POST {ROUTE} HTTP/1.1\r\nHost: board\r\nAuthorization: Bearer {token}\r\n"
    assert b" 413 " in spoken(board, f"{head}Content-Length: {LIMITS.packed + 1}\r\n\r\n", b"")
    chunk = b"100000\r\n" + b"\0" * (1 << 20) + b"\r\n"
    assert b" 413 " in spoken(board, f"{head}Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 33)
    began = time.monotonic()
    assert b" 408 " in spoken(board, f"{head}Content-Length: 1000\r\n\r\n", b"\x1f")
    assert time.monotonic() - began < 60
    with socket.create_connection(("127.0.0.1", board.port)) as line:
        line.sendall(f"{head}Content-Length: 1000\r\n\r\n".encode() + b"\x1f")
    encoded = {**bearer(token), "Content-Encoding": "gzip"}
    assert httpx2.post(board.url + ROUTE, content=b"x", headers=encoded).status_code == 415
    until(lambda: board.incoming() == [])
    assert board.uploads(token) == []


def test_the_server_describes_itself_and_a_second_one_does_not_start(board: BoardServer) -> None:
    found = httpx2.get(board.url + "/api/health").json()
    assert (found["status"], set(found["uploads"].values())) == ("ok", {0})
    assert {ROUTE, ROUTE + "/{upload}", "/api/health"} == set(
        httpx2.get(board.url + "/api/openapi.json").json()["paths"]
    )
    assert httpx2.get(board.url + "/../board.json").status_code == 404
    second = subprocess.run(board.command(), capture_output=True, text=True, check=False)
    assert second.returncode == 2 and "another server" in second.stderr


def test_nothing_is_lost_and_nothing_comes_twice_when_checker_and_server_are_killed(
    board: BoardServer, sound: Prepared
) -> None:
    token = board.token()
    sent = 0

    def checkers() -> list[int]:
        """Processes that check now; one more bundle is sent whenever few wait, as a check may end unseen."""
        nonlocal sent
        if sum(each["state"] == "received" for each in board.uploads(token)) < 3:
            assert board.send(other_answers(sound.data, sent), token).status_code == 202
            sent += 1
        return board.checkers()

    killed = set[int]()
    while not killed:
        for checker in until(checkers, longest_pause=0.05):
            with suppress(ProcessLookupError):
                os.kill(checker, signal.SIGKILL)
                killed.add(checker)
    until(lambda: set(checkers()) - killed, longest_pause=0.05)
    board.kill()
    (board.store / ".server" / "incoming" / "left.tar.gz").write_bytes(b"torn")
    board.start()
    assert [each["state"] for each in board.decided(token)] == ["accepted"] * sent
    assert sorted(each["entry"] for each in board.uploads(token)) == sorted(board.entries())
    assert len(board.entries()) == sent and board.incoming() == []
    until((board.site / MARK).is_file)


def test_fifty_uploads_at_once_give_one_entry_each(board: BoardServer, sound: Prepared) -> None:
    tokens = [board.token(), board.token()]
    bundles = [other_answers(sound.data, number) for number in range(AT_ONCE // 2)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        replies = list(pool.map(lambda n: board.send(bundles[n // 2], tokens[n % 2]), range(AT_ONCE)))
    assert {reply.status_code for reply in replies} == {202}
    found = [board.decided(token) for token in tokens]
    assert [[each["state"] for each in each_token] for each_token in found] == [["accepted"] * (AT_ONCE // 2)] * 2
    assert len(board.entries()) == AT_ONCE // 2
    assert {each["entry"] for each_token in found for each in each_token} == set(board.entries())
