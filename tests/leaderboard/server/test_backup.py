"""Backup and restore, with the very commands that leaderboard/README.md names, on each kind of database."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from board_server import BoardServer, other_answers

from introbench_leaderboard.prepare import Prepared
from introbench_leaderboard.server import uploads
from introbench_leaderboard.server.database import open_database
from introbench_leaderboard.server.settings import default_database
from introbench_leaderboard.server.tokens import token_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def commands(repository: Path) -> Mapping[str, str]:
    """The commands of the README's section, by the program that they begin with."""
    section = (repository / "leaderboard/README.md").read_text("utf-8").partition("## Backup")[2]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    names = ("sqlite3", "pg_dump", "tar", "mkdir tar", "mkdir cp", "pg_restore", "introbench")
    assert len(blocks) == len(names)
    assert all(word in block for name, block in zip(names, blocks, strict=True) for word in name.split())
    return dict(zip(names, blocks, strict=True))


def called(commands: Mapping[str, str], names: list[str], **variables: str | Path) -> str:
    """What commands of the README say, once they have ended well."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **{name: str(value) for name, value in variables.items()}}
    said = ""
    for name in names:
        found = subprocess.run(
            ["bash", "-eu", "-c", commands[name]], env=environment, capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, found.stderr
        said += found.stdout
    return said


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_restored_server_knows_tokens_uploads_and_entries(
    kind: str, commands: Mapping[str, str], fresh: Callable[[str], str], tmp_path: Path, sound: Prepared
) -> None:
    lite = kind == "sqlite"
    if lite and not shutil.which("sqlite3"):
        pytest.skip("needs sqlite3: apt-get install sqlite3")
    old = tmp_path / "old" / "store"
    source = default_database(old) if lite else fresh(kind)
    first = BoardServer(tmp_path / "old", source)
    first.start()
    try:
        token = first.token("acme")
        assert first.send(sound.data, token).status_code == 202
        assert first.send(b"no archive", token).status_code == 202
        before = sorted(first.decided(token), key=lambda each: each["id"])
        copy = tmp_path / "copy"
        copy.mkdir()
        url = source.replace("+psycopg", "")
        called(commands, ["sqlite3" if lite else "pg_dump", "tar"], STORE=old, COPY=copy, INTROBENCH_DATABASE=url)
    finally:
        # A build of the site that outlived the server would write into what is removed here.
        first.cut_power()
    shutil.rmtree(tmp_path / "old")
    target = default_database(tmp_path / "new" / "store") if lite else fresh(kind)
    url, store = target.replace("+psycopg", ""), tmp_path / "restored"
    steps = ["mkdir tar", "mkdir cp" if lite else "pg_restore", "introbench"]
    said = called(commands, steps, STORE=store, COPY=copy, INTROBENCH_DATABASE=url)
    assert "Nothing moved." in said
    second = BoardServer(tmp_path / "new", target)
    shutil.rmtree(second.store)
    store.rename(second.store)
    second.start()
    try:
        assert sorted(second.uploads(token), key=lambda each: each["id"]) == before
        assert second.entries() == [str(sound.submission.id)]
        again = second.send(sound.data, token)
        assert (again.status_code, again.json()["state"]) == (200, "accepted")
    finally:
        second.stop()


def test_an_upload_whose_file_is_not_in_the_copy_is_rejected_and_can_be_sent_again(
    tmp_path: Path, sound: Prepared
) -> None:
    data = other_answers(sound.data, 1)
    board = BoardServer(tmp_path, None)
    token = board.token()
    with open_database(board.database) as engine:
        found = token_of(engine, token)
        assert found
        uploads.put(engine, found.id, hashlib.sha256(data).hexdigest(), len(data), "gone.tar.gz")
    board.start()
    try:
        (lost,) = board.decided(token)
        assert [each["code"] for each in lost["reasons"]] == ["upload-lost"]
        assert board.send(data, token).json()["id"] == lost["id"]
        assert [each["state"] for each in board.decided(token)] == ["accepted"]
    finally:
        board.stop()
