"""Tokens and uploads in the database, without a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from introbench.errors import UsageError
from introbench_leaderboard.server import uploads
from introbench_leaderboard.server.database import open_database
from introbench_leaderboard.server.tokens import list_tokens, new_token, revoke_token, token_of

SHA = "0" * 64


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    with open_database(database) as opened:
        yield opened


@pytest.fixture
def token(engine: Engine) -> str:
    new_token(engine, "me", ["acme"], 1)
    return list_tokens(engine)[0].id


def test_a_token_is_known_by_its_hash_alone(engine: Engine) -> None:
    sent = new_token(engine, "me", ["acme", "acme", "beta"], 1)
    found = token_of(engine, sent)
    assert found and found.orgs == ("acme", "beta") and list_tokens(engine) == [found]
    with engine.connect() as opened:
        kept = str(opened.execute(text("SELECT * FROM tokens")).all())
    assert sent.rpartition("_")[2] not in kept


def test_a_token_is_not_taken_with_another_secret_once_expired_or_once_revoked(engine: Engine) -> None:
    sent = new_token(engine, "me", ["acme"], 1)
    expired = new_token(engine, "me", ["acme"], 1e-9)
    head, _, secret = sent.rpartition("_")
    for wrong in ("", "x", sent[:-1], sent + "0", f"{head}_{secret[::-1]}", f"{head}_{'0' * 64}", "é" + sent, expired):
        assert token_of(engine, wrong) is None
    found = token_of(engine, sent)
    assert found
    revoke_token(engine, found.id)
    assert token_of(engine, sent) is None
    assert {each.state(1e12) for each in list_tokens(engine)} == {"revoked", "expired"}


@pytest.mark.parametrize(
    ("name", "orgs", "days"),
    [("", ["a"], 1), ("x" * 201, ["a"], 1), ("me", [], 1), ("me", ["../a"], 1), ("me", ["a"], 0), ("me", ["a"], 1e9)],
)
def test_a_token_of_nobody_for_nothing_or_for_ever_is_not_made(
    engine: Engine, name: str, orgs: list[str], days: float
) -> None:
    with pytest.raises(UsageError):
        new_token(engine, name, orgs, days)
    with pytest.raises(UsageError, match="token list"):
        revoke_token(engine, "unknown")
    assert list_tokens(engine) == []


def test_uploads_are_checked_in_the_order_in_which_they_came(engine: Engine, token: str) -> None:
    ids = [uploads.put(engine, token, f"{n:064}", 1, f"{n}")[0].id for n in range(3)]
    claims = [uploads.claim(engine) for _ in range(4)]
    assert [each.id if each else None for each in claims] == [*ids, None]
    assert uploads.counts(engine) == {"received": 0, "checking": 3, "accepted": 0, "rejected": 0}
    assert uploads.waiting_of(engine, token) == 3


def test_the_same_bundle_is_one_upload_and_is_checked_again_only_after_a_rejection(engine: Engine, token: str) -> None:
    first, needed = uploads.put(engine, token, SHA, 1, "a")
    assert needed
    assert uploads.put(engine, token, SHA, 1, "b") == (first, False)
    assert uploads.claim(engine) and uploads.open_files(engine) == {"a"}
    assert not uploads.put(engine, token, SHA, 1, "c")[1]
    uploads.finish(engine, first.id, None, [{"code": "c", "where": "w", "text": "t"}])
    assert uploads.open_files(engine) == set()
    again, needed = uploads.put(engine, token, SHA, 1, "d")
    assert needed and (again.id, again.state, again.reasons) == (first.id, "received", [])
    assert uploads.claim(engine) == uploads.Claim(id=first.id, file="d", orgs=("acme",), attempts=1)
    uploads.finish(engine, first.id, "acme__m/r/x", [])
    assert uploads.put(engine, token, SHA, 1, "e")[1] is False
    assert [each.state for each in uploads.uploads_of(engine, token)] == ["accepted"]


def test_the_same_bundle_of_another_token_is_another_upload(engine: Engine, token: str) -> None:
    mine, _ = uploads.put(engine, token, SHA, 1, "a")
    new_token(engine, "other", ["acme"], 1)
    other = next(each.id for each in list_tokens(engine) if each.id != token)
    assert uploads.put(engine, other, SHA, 1, "b")[1]
    assert uploads.upload_of(engine, other, mine.id) is None


def test_what_was_being_checked_waits_again_after_a_start(engine: Engine, token: str) -> None:
    upload, _ = uploads.put(engine, token, SHA, 1, "a")
    uploads.claim(engine)
    assert (uploads.recover(engine), uploads.recover(engine)) == (1, 0)
    found = uploads.claim(engine)
    assert found and (found.id, found.attempts) == (upload.id, 2)


def test_tables_of_another_version_are_left_alone(database: str) -> None:
    with open_database(database) as engine, engine.begin() as opened:
        opened.execute(text("UPDATE layout SET version = 99"))
    with pytest.raises(UsageError, match="version 99"), open_database(database):
        pass


@pytest.mark.parametrize("url", ["x", "mysql://h/d", "sqlite://", "postgresql://u:secret@127.0.0.1:1/d"])
def test_a_database_that_cannot_be_used_is_named_without_its_password(url: str) -> None:
    with pytest.raises(UsageError, match="--database") as caught, open_database(url):
        pass
    assert "secret" not in str(caught.value)
