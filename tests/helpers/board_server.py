"""A submission server in a process of its own, that tests talk to and kill; and a PostgreSQL of Debian's package."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from bundles import RULES, Forged

from introbench_leaderboard.entry import read_entries
from introbench_leaderboard.send import ROUTE
from introbench_leaderboard.server.database import open_database
from introbench_leaderboard.server.settings import own_folder
from introbench_leaderboard.server.tokens import new_token

__all__ = ["BoardServer", "bearer", "other_answers", "postgresql", "spoken", "until"]

_PATIENCE, _ALL_CHECKED = 120.0, 600.0
_LONGEST_PAUSE = 2.0


def until(found: Callable[[], Any], seconds: float = _PATIENCE, longest_pause: float = _LONGEST_PAUSE) -> Any:
    """What `found` gives once it gives something; an AssertionError after so many seconds.

    What does not last has to be asked for after shorter pauses.
    """
    ends, pause = time.monotonic() + seconds, 0.05
    while time.monotonic() < ends:
        if value := found():
            return value
        # What asks all the time keeps what it waits for from the processor.
        time.sleep(pause)
        pause = min(1.5 * pause, longest_pause)
    raise AssertionError(f"nothing after {seconds:g} s")


class BoardServer:
    """A server over a store.

    Attributes:
        store: folder of the store, with rules that let bundles of tests in.
        site: folder of the site.
        database: URL of the database.
        url: address.
    """

    def __init__(self, folder: Path, database: str | None, *options: str) -> None:
        self.store, self.site = folder / "store", folder / "site"
        self.store.mkdir(parents=True)
        (self.store / "board.json").write_text(RULES.model_dump_json())
        self.database = database or f"sqlite:///{folder / 'server.sqlite'}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._options = options
        self._log = folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """What starts it."""
        serve = [sys.executable, "-m", "introbench", "leaderboard", "serve", "--store", str(self.store)]
        places = ["--site", str(self.site), "--database", self.database, "--port", str(self.port)]
        return [*serve, *places, *self._options]

    def start(self) -> None:
        """Start, and wait until it answers."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        until(self._answers)

    def kill(self) -> None:
        """End it at once; a check or a build that it started may go on for a while."""
        self._end(signal.SIGKILL)

    def cut_power(self) -> None:
        """End it and all that it started at once."""
        assert self.process
        group = self.process.pid
        os.killpg(group, signal.SIGKILL)
        self.process.wait(60)
        until(lambda: not any(process.group == group and process.runs for process in _processes().values()))

    def stop(self) -> None:
        """Tell it to end."""
        self._end(signal.SIGTERM)

    def checkers(self) -> list[int]:
        """Processes that check an upload now: children of the process that forks."""
        assert self.process
        processes = _processes()
        children = {pid for pid, process in processes.items() if process.parent == self.process.pid}
        return [pid for pid, process in processes.items() if process.parent in children]

    def token(self, *orgs: str, days: float = 1.0) -> str:
        """A new token."""
        with open_database(self.database) as engine:
            return new_token(engine, "tests", orgs or ("*",), days)

    def send(self, data: bytes, token: str) -> httpx2.Response:
        """Send a bundle."""
        return httpx2.post(self.url + ROUTE, content=data, headers=bearer(token), timeout=_PATIENCE)

    def uploads(self, token: str) -> list[dict[str, Any]]:
        """The uploads of a token."""
        return httpx2.get(self.url + ROUTE, headers=bearer(token), timeout=_PATIENCE).raise_for_status().json()

    def decided(self, token: str) -> list[dict[str, Any]]:
        """The uploads of a token, once every one of them is accepted or rejected."""

        def found() -> list[dict[str, Any]]:
            listed = self.uploads(token)
            return listed if all(each["state"] in ("accepted", "rejected") for each in listed) else []

        return until(found, _ALL_CHECKED)

    def entries(self) -> list[str]:
        """Ids of what the store holds."""
        return [str(entry.id) for _, entry in read_entries(self.store)]

    def incoming(self) -> list[str]:
        """Files that lie in the server's own folder."""
        return [file.name for file in (own_folder(self.store) / "incoming").iterdir()]

    def _answers(self) -> bool:
        assert self.process and self.process.poll() is None, self._log.read_text()
        try:
            return httpx2.get(self.url + "/api/health", timeout=_PATIENCE).status_code == 200
        except httpx2.TransportError:
            return False

    def _end(self, how: signal.Signals) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)


def bearer(token: str) -> dict[str, str]:
    """The header that a token is sent in."""
    return {"Authorization": f"Bearer {token}"}


def spoken(board: BoardServer, head: str, *parts: bytes) -> bytes:
    """The first line of the reply to a request that is sent in parts; nothing where the line is cut."""
    with socket.create_connection(("127.0.0.1", board.port), timeout=_PATIENCE) as line:
        with suppress(BrokenPipeError, ConnectionResetError):
            for part in (head.encode("latin-1"), *parts):
                line.sendall(part)
        return line.recv(1 << 16).partition(b"\r\n")[0]


def other_answers(data: bytes, number: int) -> bytes:
    """The bundle of another model that answers a little otherwise: nothing tells it from a sound one."""
    forged = Forged.of(data)
    forged.header["model"] = f"model{number}"
    for row in forged.ledger:
        row["logprobs"] = [round(value - number * 1e-5, 6) for value in row["logprobs"]]
    return forged.data()


@contextmanager
def postgresql() -> Iterator[str | None]:
    """URL of a fresh PostgreSQL that lives as long as the context; None where none is installed."""
    binaries = [*sorted(glob.glob("/usr/lib/postgresql/*/bin")), *os.environ.get("PATH", "").split(os.pathsep)]
    found = [folder for folder in binaries if (Path(folder) / "initdb").exists() and (Path(folder) / "pg_ctl").exists()]
    if not found:
        yield None
        return
    # PostgreSQL does not run as root, and the path of a socket has to be short.
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    if user:
        shutil.chown(folder, user)

    def call(program: str, *arguments: str) -> None:
        command = [str(Path(found[0]) / program), *arguments]
        subprocess.run(command, user=user, cwd=folder, check=True, capture_output=True)

    data = str(folder / "data")
    try:
        call("initdb", "--auth=trust", "--username=postgres", "--pgdata", data)
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        call("pg_ctl", "start", "-w", "-D", data, "-o", options, "-l", str(folder / "log"))
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            call("pg_ctl", "stop", "-m", "immediate", "-D", data)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class _Process:
    """What the system says of a process.

    Attributes:
        runs: it has not ended; one that has ended stays listed until its parent takes note.
    """

    parent: int
    group: int
    runs: bool


def _processes() -> dict[int, _Process]:
    found = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, group = file.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(file.parent.name)] = _Process(int(parent), int(group), state not in "ZX")
    return found
