"""A check has a limit of time wherever it is made."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from bundles import RULES
from reports import introbench

from introbench_leaderboard.patience import TooLongError, at_most
from introbench_leaderboard.prepare import Prepared


def test_what_takes_too_long_is_ended_in_its_midst_and_the_clock_is_as_it_was() -> None:
    handler, timer = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    began = time.monotonic()
    with pytest.raises(TooLongError), at_most(0.05):
        while time.monotonic() - began < 60:
            with suppress(Exception):
                time.sleep(0.01)
    assert time.monotonic() - began < 30
    with at_most(60):
        pass
    assert signal.getsignal(signal.SIGALRM) is handler
    assert (signal.getitimer(signal.ITIMER_REAL)[0] > 0) == (timer[0] > 0)


def test_the_command_rejects_a_bundle_whose_check_takes_too_long(sound: Prepared, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.tar.gz"
    bundle.write_bytes(sound.data)
    (tmp_path / "board.json").write_text(RULES.model_dump_json())
    found = introbench("leaderboard", "check", bundle, "--store", tmp_path, "--check-seconds", "0.01")
    assert found.returncode == 1
    assert "takes longer than 0.01 seconds [check-time]" in found.stdout
