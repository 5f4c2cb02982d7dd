"""Runs that are killed at drawn moments, full or forbidden disks, and ledgers that somebody edited."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from disturb import ended, merge_only, run_once, start

from introbench.errors import RunDirectoryError
from introbench.hashing import named_random
from introbench.metrics.summary import dump, summarise
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.ledger import canonical_ledger, read_ledger

LIMIT = 6
MOMENTS = 50
DEATHS = 5
"""Most of one run, before it may go on to its end."""


def content(run: Path) -> dict[str, bytes]:
    ledgers = {
        str(path.relative_to(run)): canonical_ledger(path) for path in sorted((run / "records").rglob("*.jsonl"))
    }
    return {**ledgers, "cases": (run / "cases.jsonl").read_bytes(), "summary": dump(summarise(run))}


@pytest.fixture(scope="module")
def spec(tiny_llama: Path) -> str:
    return f"hf/{tiny_llama}"


@pytest.fixture(scope="module")
def whole(spec: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """An undisturbed run, and the seconds that it took."""
    out = tmp_path_factory.mktemp("whole") / "run"
    assert ended(start(run_once, spec, out.with_name("first"), LIMIT, None)) == 0  # the fork server has imported all
    began = time.monotonic()
    assert ended(start(run_once, spec, out, LIMIT, None)) == 0
    return out, time.monotonic() - began


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_fifty_drawn_moments_a_run_ends_in_the_bytes_of_an_undisturbed_one(
    spec: str, whole: tuple[Path, float], tmp_path: Path
) -> None:
    expected, seconds = content(whole[0]), whole[1]
    biggest = max(path.stat().st_size for path in whole[0].rglob("*") if path.is_file())
    how: Counter[str] = Counter()
    finished = True
    for number in range(MOMENTS):
        if finished or number % DEATHS == 0:
            out = tmp_path / f"run {number}"
        draw = named_random(0, "moment", str(number))
        by_kernel = number % 2 == 0
        process = start(run_once, spec, out, LIMIT, draw.randrange(1, biggest) if by_kernel else None)
        if not by_kernel:
            time.sleep(draw.random() * seconds)
            process.kill()
        code = ended(process)
        assert code in (0, -signal.SIGKILL, -signal.SIGXFSZ)
        how[signal.Signals(-code).name if code else "had ended"] += 1
        finished = code == 0
        if finished or number % DEATHS == DEATHS - 1:
            assert ended(start(run_once, spec, out, LIMIT, None)) == 0
            assert content(out) == expected
            assert {path.name for path in out.iterdir()} == {path.name for path in whole[0].iterdir()}
    assert how["SIGKILL"] >= MOMENTS // 4, how
    assert how["SIGXFSZ"] >= MOMENTS // 4, how


@pytest.mark.slow
def test_killed_in_the_middle_of_a_merge_no_row_is_lost_or_doubled(
    spec: str, whole: tuple[Path, float], tmp_path: Path
) -> None:
    (source, *_) = sorted((whole[0] / "records").rglob("*.jsonl"))
    lines = source.read_bytes().splitlines(keepends=True)
    for number in range(8):
        draw = named_random(0, "merge", str(number))
        ledger = tmp_path / str(number) / source.name
        ledger.parent.mkdir()
        parts: list[list[bytes]] = [[], [], []]
        for line in lines:
            draw.choice(parts).append(line)
        ledger.write_bytes(b"".join(parts[0]))
        for rank in (1, 2):
            ledger.with_name(f"{ledger.stem}.rank-{rank}.jsonl").write_bytes(b"".join(parts[rank]))
        limit = draw.randrange(ledger.stat().st_size, source.stat().st_size)
        assert ended(start(merge_only, ledger, limit)) == -signal.SIGXFSZ
        assert ended(start(merge_only, ledger, 2 * source.stat().st_size)) == 0
        assert canonical_ledger(ledger) == canonical_ledger(source)
        assert [path.name for path in ledger.parent.iterdir()] == [ledger.name]


@pytest.fixture
def scripted(tmp_path: Path) -> Path:
    config, variants = resolve_config("scripted/oracle", limit=4, aa_share=0)
    return execute(config, variants, tmp_path / "run")


def ledger_of(run: Path) -> Path:
    (ledger,) = (run / "records").rglob("*.jsonl")
    return ledger


def again(run: Path) -> None:
    config, variants = resolve_config("scripted/oracle", limit=4, aa_share=0)
    execute(config, variants, run)


@pytest.mark.parametrize(
    ("field", "value"),
    [("logprobs", [-0.5, -1.0, -2.0, -3.0]), ("key", "0" * 64), ("pack", "hint_facts#9"), ("text", "No change: 4")],
)
def test_an_edited_row_is_named_by_file_and_line(scripted: Path, field: str, value: object) -> None:
    ledger = ledger_of(scripted)
    lines = ledger.read_text().splitlines(keepends=True)
    lines[2] = json.dumps({**json.loads(lines[2]), field: value}) + "\n"
    ledger.write_text("".join(lines))
    for go_on in (again, summarise):
        with pytest.raises(RunDirectoryError, match=r"hint_facts\.jsonl:3: was changed after it was written"):
            go_on(scripted)


def test_a_deleted_row_is_asked_again_and_lines_may_be_reordered(scripted: Path) -> None:
    ledger = ledger_of(scripted)
    before = canonical_ledger(ledger)
    lines = ledger.read_text().splitlines(keepends=True)
    ledger.write_text("".join(reversed(lines[3:])))
    again(scripted)
    assert canonical_ledger(ledger) == before


def test_time_and_host_are_no_part_of_the_check(scripted: Path) -> None:
    ledger = ledger_of(scripted)
    rows = [{**json.loads(line), "time": 0, "host": "elsewhere"} for line in ledger.read_text().splitlines()]
    ledger.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert len(read_ledger(ledger)) == len(rows)


WITHOUT_PRIVILEGE = (
    "import ctypes, os, sys\n"
    # prctl(PR_CAPBSET_DROP): what is executed next may not write past permissions, even where root runs the tests.
    "for capability in (1, 2):\n"
    "    ctypes.CDLL(None).prctl(24, capability)\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'introbench', *sys.argv[1:]])\n"
)


def unprivileged(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command line as a user who may write only where permissions say so."""
    command = [sys.executable, "-c", WITHOUT_PRIVILEGE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)


def test_a_folder_that_may_not_be_written_is_one_line_and_stays_as_it_was(scripted: Path, tmp_path: Path) -> None:
    ledger_of(scripted).unlink()
    closed = tmp_path / "closed"
    closed.mkdir()
    records = next((scripted / "records").iterdir())
    command = ["run", "--model", "scripted/oracle", "--limit", 4, "--aa-share", 0, "--out"]
    for folder, out in ((closed, closed / "run"), (records, scripted)):
        folder.chmod(0o500)
        try:
            done = unprivileged(*command, out)
        finally:
            folder.chmod(0o700)
        assert done.returncode == 2, done.stderr
        (line,) = done.stderr.splitlines()[-1:]
        assert str(folder) in line
        assert "no permission to write there; choose another folder" in line
        assert not list(folder.iterdir())
    done = unprivileged(*command, scripted)
    assert done.returncode == 0, done.stderr


def test_a_second_process_on_a_run_directory_is_refused_and_the_first_one_ends_as_if_alone(
    spec: str, whole: tuple[Path, float], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    first = start(run_once, spec, out, LIMIT, None)
    assert first.pid is not None
    while not list(out.rglob("*.jsonl")):
        time.sleep(0.001)
        assert first.is_alive()
    os.kill(first.pid, signal.SIGSTOP)
    try:
        config, variants = resolve_config(spec, [f"{spec}?weight_noise=0.2"], ["hint_facts"], limit=LIMIT, aa_share=0.2)
        with pytest.raises(RunDirectoryError, match="another process is running there"):
            execute(config, variants, out)
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert ended(first) == 0
    assert content(out) == content(whole[0])
