"""The store: bundles only ever come, everything else is built from them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bundles import RULES, Forged, bundle_of, run_for_board
from reports import introbench

from introbench.errors import UsageError
from introbench_leaderboard.check import Submission, check_bundle
from introbench_leaderboard.entry import dump_entry, read_entries, read_entry, read_outcomes
from introbench_leaderboard.prepare import Prepared
from introbench_leaderboard.rerun import Rerun, chance_of_missing, draw
from introbench_leaderboard.store import accept, add_flag, raise_tier, rescore, write_index

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def submission_of(data: bytes) -> Submission:
    verdict = check_bundle(data, RULES)
    assert verdict.submission is not None, verdict.reasons
    return verdict.submission


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def index_of(store: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((store / "index.json").read_text("utf-8"))["entries"]
    return found


@pytest.fixture
def store(tmp_path: Path, sound: Prepared) -> Path:
    folder = tmp_path / "store"
    accept(folder, sound.data, sound.submission, clock=lambda: NOON)
    return folder


@pytest.fixture(scope="module")
def correction(sound: Prepared, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Another measurement of the same model, which says that it corrects the first one."""
    run = run_for_board(tmp_path_factory.mktemp("correction") / "run", "me=scripted/reporter?seed=3")
    return bundle_of(run, revision="second", supersedes=str(sound.submission.id)).data


def test_an_accepted_bundle_lies_where_its_names_say_with_its_entry(store: Path, sound: Prepared) -> None:
    entry_id = sound.submission.id
    folder = store / "submissions" / f"{entry_id.org}__{entry_id.model}" / entry_id.revision / entry_id.run
    assert sorted(files_of(folder)) == ["bundle.tar.gz", "entry.json", "outcomes/hint_facts.json.gz"]
    assert (folder / "bundle.tar.gz").read_bytes() == sound.data
    entry = read_entry(folder)
    assert (entry.tier, entry.accepted, entry.supersedes) == ("recomputed", NOON, None)
    assert entry.summary == sound.submission.results.summary
    assert "introbench run" in entry.command and "scripted/reporter" in entry.command
    assert index_of(store)[0]["id"] == str(entry_id)


def test_outcomes_say_of_every_case_what_the_figures_say_of_all(store: Path) -> None:
    ((folder, entry),) = read_entries(store)
    (ranked,) = entry.tasks
    outcomes = read_outcomes(folder, ranked)
    scored = [place for place in range(len(outcomes.cases)) if outcomes.scored(place)]
    assert len(scored) == ranked.n
    assert len({outcomes.clusters[place] for place in scored}) == ranked.effective_n
    scores = entry.summary.tasks[0].emitters[0].self_scores
    assert sum(outcomes.exact(place) for place in scored) / ranked.n == pytest.approx(
        scores.exact_match.value, abs=1e-6
    )
    assert sum(outcomes.changed(place) for place in scored) > 0
    assert sum(outcomes.influence) == pytest.approx(0, abs=1e-9)


def test_a_correction_supersedes_and_nothing_vanishes(store: Path, correction: bytes) -> None:
    before = files_of(store / "submissions")
    ((old_folder, old),) = read_entries(store)
    entry = accept(store, correction, submission_of(correction))
    assert entry.supersedes == str(old.id)
    assert read_entry(old_folder).superseded_by == str(entry.id)
    after = files_of(store / "submissions")
    assert before.keys() < after.keys()
    assert all(after[name] == data for name, data in before.items() if not name.endswith("entry.json"))
    with pytest.raises(UsageError, match="is there already"):
        accept(store, correction, submission_of(correction))


def test_the_index_is_built_from_the_entries_alone(store: Path, correction: bytes) -> None:
    accept(store, correction, submission_of(correction))
    whole = (store / "index.json").read_bytes()
    (store / "index.json").unlink()
    write_index(store)
    assert (store / "index.json").read_bytes() == whole


def test_a_correction_that_was_cut_short_is_finished_when_the_index_is_built(store: Path, correction: bytes) -> None:
    ((old_folder, old),) = read_entries(store)
    entry = accept(store, correction, submission_of(correction))
    (old_folder / "entry.json").write_bytes(dump_entry(old))  # killed before it was noted
    write_index(store)
    assert read_entry(old_folder).superseded_by == str(entry.id)


def test_rescoring_with_the_same_scorer_changes_no_byte(store: Path) -> None:
    before = files_of(store)
    assert rescore(store) == ([], [])
    assert files_of(store) == before


def test_rescoring_rebuilds_what_another_scorer_gave_and_shows_what_moved(store: Path) -> None:
    ((folder, entry),) = read_entries(store)
    whole = (folder / "entry.json").read_bytes()
    content = json.loads(whole)
    content["tasks"][0]["above_floor"]["value"] = 0.9
    (folder / "entry.json").write_text(json.dumps(content), "utf-8")
    (folder / "outcomes" / "hint_facts.json.gz").unlink()
    ((moved,), failed) = rescore(store, clock=lambda: NOON)
    assert failed == []
    assert (moved.entry, moved.before, moved.after) == (str(entry.id), 0.9, entry.tasks[0].above_floor.value)
    assert read_entry(folder).rescored == NOON
    assert read_entry(folder).model_copy(update={"rescored": None}) == entry
    assert read_outcomes(folder, entry.tasks[0]).cases


def test_a_damaged_bundle_is_named_and_the_others_are_rebuilt(store: Path, correction: bytes) -> None:
    entry = accept(store, correction, submission_of(correction))
    ((bundle, _),) = [(folder / "bundle.tar.gz", each) for folder, each in read_entries(store) if each.id == entry.id]
    bundle.write_bytes(bundle.read_bytes()[:-5])
    _, (failed,) = rescore(store)
    assert str(entry.id) in failed and "cut off" in failed


def test_a_tier_rises_and_never_falls(store: Path, sound: Prepared) -> None:
    name = str(sound.submission.id)
    whole = Rerun("reproduced", 16, 16, 40, 0.0, True, ())
    part = Rerun("spot-checked", 5, 16, 12, 0.0, True, ())
    assert raise_tier(store, name, part).tier == "spot-checked"
    assert raise_tier(store, name, whole).tier == "reproduced"
    assert raise_tier(store, name, part).tier == "reproduced"
    with pytest.raises(UsageError, match="did not confirm"):
        raise_tier(store, name, Rerun(None, 5, 16, 12, 3.0, True, ()))
    assert index_of(store)[0]["tier"] == "reproduced"


def test_flags_stay_until_they_are_settled(store: Path, sound: Prepared) -> None:
    name = str(sound.submission.id)
    assert add_flag(store, name, "trained on test items?").flags == ["trained on test items?"]
    assert len(add_flag(store, name, "another").flags) == index_of(store)[0]["flags"] == 2
    assert add_flag(store, name, None).flags == []
    with pytest.raises(UsageError, match="holds no entry"):
        add_flag(store, "a__b/c/d", "x")


def test_many_at_once_lose_nothing_and_take_nothing_twice(tmp_path: Path, sound: Prepared) -> None:
    store = tmp_path / "store"
    bundles = []
    for number in range(4):
        forged = Forged.of(sound.data)
        for row in forged.ledger:
            row["logprobs"] = [round(value - number * 1e-6, 6) for value in row["logprobs"]]
        bundles.append(forged.data())
    outcomes: list[str] = []

    def send(data: bytes) -> None:
        try:
            accept(store, data, submission_of(data))
            outcomes.append("taken")
        except UsageError:
            outcomes.append("there already")

    threads = [threading.Thread(target=send, args=(data,)) for data in bundles * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["taken"] * 4 + ["there already"] * 8
    assert len(index_of(store)) == len(list(read_entries(store))) == 4


def test_killed_in_the_middle_leaves_no_half_entry(tmp_path: Path, sound: Prepared) -> None:
    """The process dies by SIGKILL after the bundle is written and before the folder has its name."""
    store, bundle = tmp_path / "store", tmp_path / "bundle.tar.gz"
    bundle.write_bytes(sound.data)
    program = f"""
import os, signal
from pathlib import Path
import introbench_leaderboard.store as stores
from introbench_leaderboard.check import check_bundle
from introbench_leaderboard.rules import Rules
os.rename = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
data = Path({str(bundle)!r}).read_bytes()
stores.accept(Path({str(store)!r}), data, check_bundle(data, Rules(limit=4, engines=("scripted",))).submission)
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert list(read_entries(store)) == []
    assert rescore(store) == ([], [])
    accept(store, sound.data, sound.submission)
    assert len(list(read_entries(store))) == 1
    assert not list(store.glob(".new-*"))


def test_a_store_can_live_in_git(store: Path, correction: bytes, tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        who = ["-c", "user.name=board", "-c", "user.email=board@example.org"]
        done = subprocess.run(
            ["git", *who, *arguments], cwd=store, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "first")
    accept(store, correction, submission_of(correction))
    git("add", "-A")
    status = git("status", "--porcelain")
    assert {line.split()[0] for line in status.splitlines()} == {"A", "M"}
    git("commit", "-q", "-m", "second")
    clone = tmp_path / "clone"
    git("clone", "-q", str(store), str(clone))
    assert rescore(clone) == ([], [])
    assert files_of(clone / "submissions") == files_of(store / "submissions")


def test_the_draw_follows_from_the_secret_and_misses_an_edit_as_often_as_it_says(sound: Prepared) -> None:
    # A bundle holds times, so that its hash, and the draws with it, differ from one run of the tests to the next.
    submission = replace(sound.submission, sha256="0" * 64)
    assert draw(submission, 5, "a") == draw(submission, 5, "a")
    assert draw(submission, 5, "a") != draw(submission, 5, "b")
    assert set(draw(submission, 5, "a")) < set(draw(submission, 9, "a")), "more cases hold the fewer ones"
    edited = set(draw(submission, 3, "edited"))
    missed = sum(not edited & set(draw(submission, 5, f"secret {number}")) for number in range(2000)) / 2000
    assert missed == pytest.approx(chance_of_missing(16, 3, 5), abs=0.03)


@pytest.mark.slow
def test_the_commands_check_accept_confirm_and_rescore(sound: Prepared, tmp_path: Path) -> None:
    store, bundle = tmp_path / "store", tmp_path / "bundle.tar.gz"
    store.mkdir()
    (store / "board.json").write_text('{"limit": 4, "engines": ["scripted"]}', "utf-8")
    bundle.write_bytes(sound.data)
    name = str(sound.submission.id)

    strange = introbench("leaderboard", "check", bundle)
    assert strange.returncode == 1 and "[engine]" in strange.stdout and "[coverage]" in strange.stdout
    told = introbench("leaderboard", "check", bundle, "--store", store, "--format", "json")
    assert told.returncode == 0 and json.loads(told.stdout)["id"] == name
    assert introbench("leaderboard", "check", tmp_path / "none.tar.gz").returncode == 2
    assert introbench("leaderboard", "check", bundle, "--rerun", "3").returncode == 2

    assert introbench("leaderboard", "accept", bundle, "--store", store).returncode == 0
    again = introbench("leaderboard", "check", bundle, "--store", store, "--format", "github")
    assert again.returncode == 1 and again.stdout.startswith("::error file=") and "store-replayed" in again.stdout

    confirmed = introbench("leaderboard", "confirm", name, "--store", store, "--rerun", "99", "--nonce", "secret")
    assert confirmed.returncode == 0 and "reproduced" in confirmed.stdout, confirmed.stdout + confirmed.stderr
    assert introbench("leaderboard", "rescore", "--store", store).stdout == "Nothing moved.\n"
    assert introbench("leaderboard", "flag", name, "--store", store, "--text", "why?").stdout == f"{name}: 1 open\n"
    ((_, entry),) = read_entries(store)
    assert (entry.tier, entry.flags) == ("reproduced", ["why?"])


def test_reasons_cannot_end_a_command_of_githubs_log() -> None:
    from introbench_leaderboard.reasons import reason
    from introbench_leaderboard.told import told

    hostile = reason("code", "where\n::set-output name=x::y", "100%\r\n::error::z")
    lines = told(Path("a,b:c.tar.gz"), None, [hostile], None, "github").splitlines()
    assert [line[:8] for line in lines] == ["::error ", "::notice"]
    assert all(line.count("::") == 2 for line in lines)


def test_a_copied_store_stands_by_itself(store: Path, tmp_path: Path) -> None:
    """Backup and restore is a copy of the folder."""
    copy = tmp_path / "copy"
    shutil.copytree(store / "submissions", copy / "submissions")
    write_index(copy)
    assert (copy / "index.json").read_bytes() == (store / "index.json").read_bytes()
