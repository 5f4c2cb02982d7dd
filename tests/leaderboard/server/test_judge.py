"""One check in a process of its own: bounded, and of one outcome however often it is begun."""

from __future__ import annotations

from pathlib import Path

import pytest
from board_server import other_answers
from bundles import RULES

from introbench_leaderboard.entry import read_entries
from introbench_leaderboard.prepare import Prepared
from introbench_leaderboard.server.judge import Judge, judged
from introbench_leaderboard.server.settings import Settings
from introbench_leaderboard.server.uploads import Claim
from introbench_leaderboard.store import INDEX

CLAIM = Claim(id="x", file="bundle", orgs=("*",), attempts=1)


@pytest.fixture
def store(tmp_path: Path, sound: Prepared) -> Path:
    (tmp_path / "board.json").write_text(RULES.model_dump_json())
    (tmp_path / "bundle").write_bytes(sound.data)
    return tmp_path


def settings(store: Path, **changed: float) -> Settings:
    return Settings(store, store / "site", "", **changed)  # type: ignore[arg-type]


def codes(reasons: list[dict[str, str]]) -> list[str]:
    return [reason["code"] for reason in reasons]


def test_a_bundle_whose_check_was_interrupted_after_it_was_taken_in_is_one_entry(store: Path, sound: Prepared) -> None:
    mine = str(sound.submission.id)
    assert judged(store, store / "bundle", ["acme"]) == (mine, [])
    (store / INDEX).unlink()
    assert judged(store, store / "bundle", ["acme"]) == (mine, [])
    assert (store / INDEX).is_file() and len(list(read_entries(store))) == 1


def test_a_token_of_another_organisation_submits_nothing(store: Path) -> None:
    entry, reasons = judged(store, store / "bundle", ["beta"])
    assert entry is None and [reason.code for reason in reasons] == ["token-org"]
    assert not list(read_entries(store))


@pytest.mark.slow
def test_a_check_is_bounded_in_time_and_memory_and_ends_where_it_is_killed(store: Path, sound: Prepared) -> None:
    assert Judge(settings(store), store).check(CLAIM) == (str(sound.submission.id), [])
    (store / "bundle").write_bytes(other_answers(sound.data, 1))
    late = Judge(settings(store, check_seconds=0.001), store).check(CLAIM)
    assert late and late[0] is None and codes(late[1]) == ["check-time"]
    greedy = Judge(settings(store, check_memory=1 << 20), store).check(CLAIM)
    assert greedy is None or (greedy[0] is None and codes(greedy[1]) == ["check-memory"])
    assert Judge(settings(store), store).check(CLAIM.model_copy(update={"file": "missing"})) is None
    assert len(list(read_entries(store))) == 1
