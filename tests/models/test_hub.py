"""The hub, for real: a server on this machine that answers as the hub does, and commands that go through it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub import Hub, Repo
from loopback import Loopback

pytestmark = pytest.mark.slow

BLOCKED = """
import socket
with open({log!r}, "a") as log:
    pass
def refuse(self, address, *others):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        with open({log!r}, "a") as log:
            log.write(str(address) + chr(10))
        raise OSError("this machine has no network")
    return connect(self, address, *others)
connect, socket.socket.connect = socket.socket.connect, refuse
connect_ex, socket.socket.connect_ex = socket.socket.connect_ex, refuse
def lookup(*address, **others):
    with open({log!r}, "a") as log:
        log.write(str(address) + chr(10))
    raise OSError("this machine has no network")
socket.getaddrinfo = lookup
"""


class Machine:
    """A machine with a hub cache of its own, on which commands are run."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(folder / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DOWNLOAD_TIMEOUT": "5",
        }

    def introbench(self, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "introbench", *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**self.environment, **environment},
            timeout=250,
            check=False,
        )

    def run(self, spec: str, name: str, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.introbench(
            "run", "--model", spec, "--limit", "1", "--aa-share", "0", *more, "--out", self.folder / name, **environment
        )

    def without_network(self) -> tuple[dict[str, str], Path]:
        """An environment in which every attempt to reach a network fails and is written down."""
        site, log = self.folder / "site", self.folder / "attempts.txt"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(BLOCKED.format(log=str(log)))
        return {"PYTHONPATH": str(site)}, log


@pytest.fixture(scope="module")
def hub(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, Loopback]]:
    changed = tmp_path_factory.mktemp("hub") / "changed"
    shutil.copytree(tiny_llama, changed)
    data = bytearray((changed / "model.safetensors").read_bytes())
    data[-2] ^= 64
    (changed / "model.safetensors").write_bytes(data)
    texts = tmp_path_factory.mktemp("texts")
    (texts / "rows.jsonl").write_text('{"question": "Is it?"}\n')
    answers = Hub(
        {
            "org/tiny": Repo({"main": tiny_llama, "v2": changed}),
            "org/gated": Repo({"main": tiny_llama}, gated=True),
            "org/slow": Repo({"main": tiny_llama}, slow=0.5),
            "org/stuck": Repo({"main": tiny_llama}, slow=30),
            "org/texts": Repo({"main": texts}),
        }
    )
    with Loopback(answers) as server:
        yield answers, server


@pytest.fixture
def machine(hub: tuple[Hub, Loopback], tmp_path: Path) -> Machine:
    return Machine(tmp_path, hub[1].url)


def weights(machine: Machine, name: str) -> str:
    manifest = json.loads((machine.folder / name / "manifest.json").read_text())
    part: str = manifest["models"][0]["fingerprint_parts"]["weights"]
    return part


def test_a_model_of_the_hub_is_run_at_the_commit_that_its_revision_names(
    hub: tuple[Hub, Loopback], machine: Machine
) -> None:
    for name, spec in (("main", "hf/org/tiny"), ("v2", "hf/org/tiny@v2")):
        done = machine.run(spec, name)
        assert done.returncode == 0, done.stderr
        assert weights(machine, name) == f"org/tiny@{hub[0].repos['org/tiny'].commit(name)}"
    assert any(path.endswith("model.safetensors") for path in hub[0].moved)  # by way of a redirect
    first, second = (sorted((machine.folder / name / "records").rglob("*.jsonl"))[0] for name in ("main", "v2"))
    assert first.read_text() != second.read_text()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("hf/org/nothing", "the hub has nothing of that name"),
        ("hf/org/tiny@v3", "there is no such revision"),
        ("hf/org/gated", "access is restricted; ask for it on its page of the hub"),
        ("hf/org/tiny+org/nothing", "the hub has nothing of that name"),
        ("vllm/org/tiny", "pip install 'introbench[vllm]'"),
    ],
)
def test_what_the_hub_refuses_is_one_line_exit_code_2_and_nothing_written(
    machine: Machine, spec: str, message: str
) -> None:
    done = machine.run(spec, "r")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()[-1:]
    assert line.startswith("introbench: error: ")
    assert message in line
    assert not (machine.folder / "r").exists()


def test_a_slow_file_is_waited_for_and_a_stuck_one_is_not(machine: Machine) -> None:
    done = machine.run("hf/org/slow", "slow")
    assert done.returncode == 0, done.stderr
    stuck = machine.run("hf/org/stuck", "stuck", HF_HUB_DOWNLOAD_TIMEOUT="1", HF_HUB_ETAG_TIMEOUT="1")
    assert stuck.returncode == 2, stuck.stderr
    assert len(stuck.stderr.splitlines()[-1]) < 700


def test_a_hub_that_cannot_be_reached_is_said_to_be(machine: Machine) -> None:
    done = machine.run("hf/org/tiny", "r", HF_ENDPOINT="http://127.0.0.1:1")
    assert done.returncode == 2
    assert "http://127.0.0.1:1 cannot be reached" in done.stderr.splitlines()[-1]


def test_what_was_fetched_runs_offline_and_touches_no_network(hub: tuple[Hub, Loopback], machine: Machine) -> None:
    fetched = machine.introbench("fetch", "hf/org/tiny@v2", "--data", "org/texts")
    assert fetched.returncode == 0, fetched.stderr
    commit = hub[0].repos["org/tiny"].commit("v2")
    assert fetched.stdout.splitlines()[0] == f"org/tiny  {commit}"
    assert fetched.stdout.splitlines()[1].startswith("org/texts  ")
    blocked, log = machine.without_network()
    done = machine.run("hf/org/tiny@v2", "r", "--offline", **blocked)
    assert done.returncode == 0, done.stderr
    assert weights(machine, "r") == f"org/tiny@{commit}"
    assert log.read_text() == ""
    missing = machine.run("hf/org/slow", "m", "--offline", **blocked)
    assert missing.returncode == 2
    assert "introbench fetch" in missing.stderr.splitlines()[-1]
    assert log.read_text() == ""
    # That the block would have been noticed:
    online = machine.run("hf/org/slow", "n", **blocked)
    assert online.returncode == 2
    assert log.read_text() != ""


def test_fetch_says_what_it_cannot_bring(machine: Machine) -> None:
    for arguments, message in (
        ([], "names nothing"),
        (["hf/org/nothing"], "the hub has nothing of that name"),
        (["--data", "org/nothing"], "the data set cannot be loaded"),
        (["openai/m"], "brings its models itself"),
    ):
        done = machine.introbench("fetch", *arguments)
        assert done.returncode == 2
        assert message in done.stderr.splitlines()[-1]
