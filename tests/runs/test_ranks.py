"""Several processes share a run: the same bytes as one process, and a dead one ends the run with a clear word."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from introbench.runs.ledger import Ledger, LedgerRow, canonical_ledger, read_ledger

# Two processes on two cores: each computes with one thread, and so does the run that they are compared with.
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
LIMIT = "24"

pytestmark = pytest.mark.slow


def command(model: Path, out: Path, *options: str, limit: str = LIMIT) -> list[str]:
    return ["run", "--model", f"hf/{model}", "--limit", limit, "--out", str(out), *options]


def introbench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "introbench", *arguments],
        env=ONE_THREAD,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def ledger_of(run: Path) -> Path:
    (file,) = (run / "records").rglob("*.jsonl")
    return file


@pytest.fixture(scope="module")
def whole(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process."""
    out = tmp_path_factory.mktemp("ranks") / "whole"
    done = introbench(*command(tiny_llama, out))
    assert done.returncode == 0, done.stderr
    return out


def test_torchrun_with_two_ranks_gives_the_bytes_of_one_process(whole: Path, tiny_llama: Path, tmp_path: Path) -> None:
    out = tmp_path / "two"
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "introbench"]
    done = subprocess.run(
        [sys.executable, *launcher, *command(tiny_llama, out)],
        env=ONE_THREAD,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert canonical_ledger(ledger_of(out)) == canonical_ledger(ledger_of(whole))
    assert (out / "summary.json").read_bytes() == (whole / "summary.json").read_bytes()
    assert done.stdout.count("Self: exact match") == 1  # one rank talks


def two_ranks_at_work(model: Path, out: Path) -> subprocess.Popen[str]:
    """The launcher of a run whose second rank has written something."""
    arguments = [sys.executable, "-m", "introbench", *command(model, out, "--ranks", "2")]
    process = subprocess.Popen(arguments, env=ONE_THREAD, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    deadline = time.monotonic() + 200
    while not (shards := list(out.rglob("*.rank-1.jsonl"))) or shards[0].stat().st_size < 3000:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def test_a_killed_rank_ends_the_run_resumably(whole: Path, tiny_llama: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    process = two_ranks_at_work(tiny_llama, out)
    os.kill(_rank(process.pid, 1), signal.SIGKILL)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 4, errors
    assert "introbench: error: rank 1 of 2 was ended by SIGKILL; what was answered is kept" in errors
    assert errors.count("introbench: error:") == 1
    assert not json.loads((out / "manifest.json").read_text())["complete"]
    answered = sum(len(read_ledger(file)) for file in (out / "records").rglob("*.jsonl"))
    assert 0 < answered < len(read_ledger(ledger_of(whole)))
    again = introbench(*command(tiny_llama, out))
    assert again.returncode == 0, again.stderr
    assert canonical_ledger(ledger_of(out)) == canonical_ledger(ledger_of(whole))


def test_ranks_end_with_a_killed_launcher_and_free_the_folder(whole: Path, tiny_llama: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    process = two_ranks_at_work(tiny_llama, out)
    ranks = [_rank(process.pid, rank) for rank in (0, 1)]
    process.kill()
    # The ranks hold the launcher's standard error open as long as they live.
    _, errors = process.communicate(timeout=100)
    assert process.returncode == -signal.SIGKILL
    assert "Traceback" not in errors
    deadline = time.monotonic() + 20
    while any(map(_runs, ranks)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not json.loads((out / "manifest.json").read_text())["complete"]
    again = introbench(*command(tiny_llama, out))
    assert again.returncode == 0, again.stderr
    assert canonical_ledger(ledger_of(out)) == canonical_ledger(ledger_of(whole))


def _runs(process: int) -> bool:
    """Whether a process computes: one that has ended may wait for whoever asks how."""
    try:
        state = re.sub(r"^.*\) ", "", Path(f"/proc/{process}/stat").read_text())[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def _rank(launcher: int, rank: int) -> int:
    """Process id of a rank below a launcher."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            parent = int(re.sub(r"^.*\) ", "", (folder / "stat").read_text()).split()[1])
        except (OSError, ValueError):
            continue
        if parent == launcher and b"LOCAL_RANK=%d" % rank in environment:
            return int(folder.name)
    raise AssertionError(f"no rank {rank} below {launcher}")


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--ranks=2",), "nowhere"), (("--ranks", "2", "--split", "train", "--tasks", "hint_facts?k=4"), "k=4")],
)
def test_what_is_wrong_is_said_once_and_leaves_nothing(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = introbench(*command(tmp_path / "nowhere", tmp_path / "r", *options))
    assert done.returncode == 2
    assert done.stderr.count("introbench: error:") == 1
    assert said in done.stderr
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    "environment",
    [
        {"WORLD_SIZE": "two"},
        {"WORLD_SIZE": ""},
        {"WORLD_SIZE": "2", "LOCAL_RANK": "x"},
        {"WORLD_SIZE": "2", "LOCAL_RANK": "0"},
    ],
)
def test_a_rank_ends_with_its_exit_code_whatever_stands_in_the_environment(environment: dict[str, str]) -> None:
    command = f"{sys.executable} -m introbench nosuch"
    for closed in ("", " >&-", " >&- 2>&-"):
        done = subprocess.run(
            command + closed, shell=True, env={**os.environ, **environment}, capture_output=True, check=False
        )
        assert done.returncode == 2, done.stderr


def test_two_models_and_written_explanations_are_shared_too(tiny_llama: Path, tmp_path: Path) -> None:
    options = ("--reference", f"hf/{tiny_llama}?weight_noise=0.2", "--explanations", "free")
    runs = {}
    for name, more in (("one", ()), ("two", ("--ranks", "2"))):
        done = introbench(*command(tiny_llama, tmp_path / name, *options, *more, limit="5"))
        assert done.returncode == 0, done.stderr
        files = sorted((tmp_path / name / "records").rglob("*.jsonl"))
        runs[name] = [(file.parent.name, canonical_ledger(file)) for file in files]
    assert len(runs["one"]) == 2
    assert runs["one"] == runs["two"]
    first, second = ((tmp_path / name / "manifest.json").read_bytes() for name in ("one", "two"))
    assert first == second


def row(number: int) -> LedgerRow:
    return LedgerRow(f"key {number}", f"ask {number}", 0, None, (-1.0, -2.0), None, "task#0", 0.0, "host")


def test_a_merge_that_was_cut_off_is_finished_by_the_next_one(tmp_path: Path) -> None:
    main = tmp_path / "task.jsonl"
    Ledger(main).append([row(0)])
    for rank in (1, 2):
        Ledger(main, rank).append([row(rank), row(10 + rank)])
    whole = [row(number) for number in (0, 1, 2, 11, 12)]
    # Killed behind the first of two rows of rank 1, in the middle of the second.
    cut = (tmp_path / "task.rank-1.jsonl").read_bytes()
    with main.open("ab") as file:
        file.write(cut[: len(cut) * 3 // 4])
    Ledger(main).merge()
    assert [entry["key"] for entry in sorted(read_ledger(main), key=lambda entry: entry["key"])] == sorted(
        each.key for each in whole
    )
    assert [file.name for file in tmp_path.iterdir()] == ["task.jsonl"]
