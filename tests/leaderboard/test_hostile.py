"""The hostile matrix: every cell of hostile.yaml is run and has the outcome that stands there."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from attacks_on_archives import ARCHIVES
from attacks_on_rows import ROWS
from attacks_on_server import TOKENS, TRANSPORT
from attacks_on_texts import TEXTS
from attacks_on_trust import DECLARED, RERUN
from bundles import RULES, Forged, bundle_of, run_for_board
from loopback import Loopback, Reply

from introbench.errors import UsageError
from introbench_leaderboard.archive import unpack
from introbench_leaderboard.check import Submission, check_bundle
from introbench_leaderboard.prepare import Prepared
from introbench_leaderboard.rerun import rerun
from introbench_leaderboard.send import upload
from introbench_leaderboard.store import accept, conflicts

MATRIX: Mapping[str, Mapping[str, str]] = yaml.safe_load(Path(__file__).with_name("hostile.yaml").read_text("utf-8"))
STATIC = {"archive": ARCHIVES, **TEXTS, **ROWS}
FEWEST_CELLS = 60


def cells(*surfaces: str) -> list[Any]:
    return [
        pytest.param(surface, attack, outcome, id=f"{surface}: {attack}")
        for surface in surfaces
        for attack, outcome in MATRIX[surface].items()
    ]


def sound_submission(data: bytes) -> Submission:
    verdict = check_bundle(data, RULES)
    assert verdict.submission is not None, verdict.reasons
    return verdict.submission


def test_the_matrix_holds_every_attack_and_no_other() -> None:
    assert {surface: set(attacks) for surface, attacks in STATIC.items()} == {
        surface: set(MATRIX[surface]) for surface in STATIC
    }
    assert (set(MATRIX["rerun"]), set(MATRIX["declared"])) == (set(RERUN), set(DECLARED))
    assert (set(MATRIX["tokens"]), set(MATRIX["transport"])) == (set(TOKENS), set(TRANSPORT))
    assert sum(map(len, MATRIX.values())) >= FEWEST_CELLS
    assert {outcome.partition(" ")[0] for attacks in MATRIX.values() for outcome in attacks.values()} == {
        "rejected",
        "caught",
        "undetectable",
        "refused",
        "taken",
    }


def test_the_sound_bundle_is_taken_once_it_was_taken_apart_and_put_together(sound: Prepared) -> None:
    assert Forged.of(sound.data).data() == sound.data
    assert check_bundle(sound.data, RULES).accepted


@pytest.mark.parametrize(("surface", "attack", "outcome"), cells(*STATIC))
def test_the_static_check_rejects(sound: Prepared, surface: str, attack: str, outcome: str) -> None:
    if surface == "archive":
        data = ARCHIVES[attack](unpack(sound.data), sound.data)
    else:
        forged = Forged.of(sound.data)
        STATIC[surface][attack](forged)  # type: ignore[operator]
        data = forged.data()
    verdict = check_bundle(data, RULES)
    assert not verdict.accepted
    assert outcome.removeprefix("rejected ") in {reason.code for reason in verdict.reasons}
    assert len(verdict.reasons) < 100, "a flood of reasons is no help"
    assert all(str(reason).isprintable() and len(str(reason)) < 1000 for reason in verdict.reasons)


@pytest.fixture(scope="module")
def other_bundle(tiny_spec: str, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Of another model, on the same cases."""
    run = run_for_board(tmp_path_factory.mktemp("other") / "run", f"{tiny_spec}?weight_noise=0.5")
    return bundle_of(run, "acme/other", rules=RULES)


@pytest.mark.slow
def test_the_real_model_confirms_its_own_rows(tiny_bundle: Prepared, tiny_spec: str) -> None:
    found = rerun(tiny_bundle.submission, 1000, "secret", tiny_spec)
    assert found.reasons == () and found.tier == "reproduced" and found.tokens
    assert found.rows == len(tiny_bundle.submission.asked)


@pytest.mark.slow
def test_written_explanations_are_confirmed_to_the_letter(tiny_spec: str, tmp_path: Path) -> None:
    prepared = bundle_of(run_for_board(tmp_path / "run", tiny_spec, free=True, limit=2), "acme/tiny")
    assert rerun(prepared.submission, 1000, "secret", tiny_spec).tier == "reproduced"
    forged = Forged.of(prepared.data)
    next(row for row in forged.ledger if row["text"] is not None)["text"] += "!"
    changed = check_bundle(forged.data(), RULES.model_copy(update={"limit": 2})).submission
    assert changed is not None
    (reason,) = rerun(changed, 1000, "secret", tiny_spec).reasons
    assert "is another reply than the model writes" in reason.text


@pytest.mark.slow
@pytest.mark.parametrize(("surface", "attack", "outcome"), cells("rerun"))
def test_asking_the_real_model_again_catches(
    tiny_bundle: Prepared, other_bundle: Prepared, tiny_spec: str, surface: str, attack: str, outcome: str
) -> None:
    forged = Forged.of(tiny_bundle.data)
    RERUN[attack](forged, Forged.of(other_bundle.data))
    submission = sound_submission(forged.data())
    found = rerun(submission, 5, "secret", tiny_spec)
    assert found.tier is None
    assert outcome.removeprefix("caught ") in {reason.code for reason in found.reasons}


@pytest.mark.slow
@pytest.mark.parametrize(("surface", "attack", "outcome"), cells("declared"))
def test_what_no_text_can_tell_stays_in_the_lowest_tier(
    tiny_bundle: Prepared, tmp_path: Path, surface: str, attack: str, outcome: str
) -> None:
    forged = Forged.of(tiny_bundle.data)
    DECLARED[attack](forged, forged)
    data = forged.data()
    assert accept(tmp_path, data, sound_submission(data)).tier == "recomputed"


def test_a_reply_that_acts_reaches_nothing_that_is_shown(tmp_path: Path) -> None:
    """Replies may hold anything; entries and outcomes hold what was read from them, never their text."""
    forged = Forged.of(bundle_of(run_for_board(tmp_path / "run", "me=scripted/reporter", free=True)).data)
    for row in forged.ledger:
        if row["text"] is not None:
            row["text"] = "<script>alert(1)</script>\x1b[2J\u202e" + row["text"]
    data = forged.data()
    accept(tmp_path / "store", data, sound_submission(data))
    (entry,) = (tmp_path / "store").rglob("entry.json")
    (outcomes,) = (tmp_path / "store").rglob("*.json.gz")
    for shown in (entry.read_bytes(), gzip.decompress(outcomes.read_bytes())):
        assert b"<script" not in shown and b"\x1b" not in shown and b"u001b" not in shown


def _of_store(attack: str, sound: Prepared, tmp_path: Path) -> bytes:
    """A bundle that is in order by itself and that a store which holds the sound one cannot take."""
    forged = Forged.of(sound.data)
    match attack:
        case "the same bundle again":
            pass
        case "the same answers under another name":
            forged.header["model"] = "new"
        case "the same answers under another identity":
            forged.header["model"] = "new"
            for models in (forged.manifest["models"], forged.manifest["config"]["models"]):
                models[0]["spec"] = "scripted/reporter?seed=7"
            forged.manifest["models"][0]["fingerprint_parts"]["seed"] = "7"
        case _:
            run = run_for_board(tmp_path / "run", "me=scripted/reporter?seed=1")
            forged = Forged.of(bundle_of(run).data)
            forged.header |= {
                "a known name in other capital letters": {"model": "Model"},
                "other weights under a known revision": {"revision": sound.submission.header.revision},
                "a correction of another's entry": {"org": "rival", "supersedes": str(sound.submission.id)},
                "a correction of an entry that is not there": {"supersedes": "acme__model/none/none"},
            }[attack]
    return forged.data()


@pytest.mark.parametrize(("surface", "attack", "outcome"), cells("store"))
def test_the_store_rejects(sound: Prepared, tmp_path: Path, surface: str, attack: str, outcome: str) -> None:
    store = tmp_path / "store"
    accept(store, sound.data, sound.submission)
    data = _of_store(attack, sound, tmp_path)
    submission = sound_submission(data)
    codes = {reason.code for reason in conflicts(store, submission)}
    assert outcome.removeprefix("rejected ") in codes
    before = sorted(path for path in store.rglob("*"))
    with pytest.raises(UsageError):
        accept(store, data, submission)
    assert sorted(path for path in store.rglob("*")) == before


@pytest.mark.parametrize(("surface", "attack", "outcome"), cells("sending"))
def test_what_is_sent_goes_nowhere_else(surface: str, attack: str, outcome: str) -> None:
    match attack:
        case "a token over plain http":
            with pytest.raises(UsageError, match="https only"):
                upload("http://example.org", b"", "secret")
        case "a password in the address":
            with pytest.raises(UsageError, match="user name or password"):
                upload("https://me:hunter2@example.org", b"", None)
        case "a redirection that would carry the token on":
            with Loopback(lambda asked: Reply()) as thief:
                on = Reply(status=307, headers={"Location": f"{thief.url}/stolen"})
                with (
                    Loopback(lambda asked: on) as server,
                    pytest.raises(UsageError, match="sends on to another address"),
                ):
                    upload(server.url, b"\x1f\x8bbundle", "secret")
            assert thief.asked == []
        case "a reply that acts on the terminal":
            said = {"state": "\x1b[2Jaccepted", "reason": "x" * 100_000}
            with Loopback(lambda asked: Reply(said, status=422)) as server:
                receipt = upload(server.url, b"\x1f\x8bbundle", "secret")
            (asked,) = server.asked
            assert (asked.path, asked.headers["authorization"]) == ("/api/submissions", "Bearer secret")
            assert asked.body == b"\x1f\x8bbundle"
            assert not receipt.taken and receipt.text.isprintable() and len(receipt.text) < 1000
        case _:
            pytest.fail(f"no such attack: {attack}")
