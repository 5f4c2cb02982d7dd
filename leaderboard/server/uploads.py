"""What becomes of an upload: received → checking → accepted or rejected. Every step is one transaction."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, get_args

from pydantic import Field
from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import IntegrityError

from introbench.metrics.frozen import Frozen
from introbench_leaderboard.server.database import TokenRow, UploadRow, session

__all__ = [
    "Claim",
    "State",
    "Told",
    "Upload",
    "claim",
    "counts",
    "finish",
    "open_files",
    "put",
    "put_back",
    "recover",
    "upload_of",
    "uploads_of",
    "waiting_of",
]

State = Literal["received", "checking", "accepted", "rejected"]
"""Of an upload: waits, is being checked, is in the store, or is not taken for the reasons given."""

_OPEN: tuple[State, ...] = ("received", "checking")
_ID_BYTES = 12
_LISTED = 100


class Told(Frozen):
    """Why an upload is not taken."""

    code: str
    """Short and stable, for programs."""
    where: str
    """File of the bundle, and the place in it."""
    text: str
    """What is wrong with it, in words."""


class Upload(Frozen):
    """An upload, as its sender sees it."""

    id: str
    """Of the upload; the same where the same bundle is sent again with the same token."""
    state: State
    """What became of it so far."""
    sha256: str
    """Hash of the bytes that were sent."""
    size: int
    """Number of these bytes."""
    received: datetime
    """When it came, or came again after it had been rejected."""
    changed: datetime
    """When its state last changed."""
    entry: str | None
    """Id of its entry on the board; null until it is accepted."""
    reasons: list[Told] = Field(default_factory=list)
    """Why it is not taken; empty unless it is rejected."""


class Claim(Frozen):
    """An upload that is to be checked now."""

    id: str
    """Of the upload."""
    file: str
    """Name of its file among those that came in."""
    orgs: tuple[str, ...]
    """Organisations whose models its token may submit."""
    attempts: int
    """How often its check was begun, this time included."""


def put(engine: Engine, token: str, sha256: str, size: int, file: str) -> tuple[Upload, bool]:
    """Write down what was received. Returns the upload, and whether its file is needed.

    The same bundle of the same token is the same upload: while it waits or once it is accepted nothing happens; once it
    was rejected it is checked again, as the board may have changed.
    """
    made = _inserted(engine, token, sha256, size, file)
    if made:
        return made, True
    now = time.time()
    mine = (UploadRow.token == token) & (UploadRow.sha256 == sha256)
    with session(engine) as opened:
        again = opened.scalar(
            update(UploadRow)
            .where(mine, UploadRow.state == "rejected")
            .values(state="received", file=file, received=now, changed=now, attempts=0, reasons=[])
            .returning(UploadRow.id)
        )
        return _upload(opened.scalars(select(UploadRow).where(mine)).one()), again is not None


def _inserted(engine: Engine, token: str, sha256: str, size: int, file: str) -> Upload | None:
    now = time.time()
    row = UploadRow(
        id=secrets.token_hex(_ID_BYTES),
        token=token,
        sha256=sha256,
        size=size,
        file=file,
        state="received",
        received=now,
        changed=now,
        attempts=0,
        entry=None,
        reasons=[],
    )
    try:
        with session(engine) as opened:
            opened.add(row)
    except IntegrityError:
        return None
    return _upload(row)


def claim(engine: Engine) -> Claim | None:
    """The upload that has waited longest, which is then being checked; None where none waits."""
    with session(engine) as opened:
        row = opened.scalars(
            select(UploadRow).where(UploadRow.state == "received").order_by(UploadRow.received, UploadRow.id).limit(1)
        ).first()
        if row is None:
            return None
        row.state, row.changed, row.attempts = "checking", time.time(), row.attempts + 1
        orgs = opened.get_one(TokenRow, row.token).orgs
        return Claim(id=row.id, file=row.file, orgs=tuple(orgs), attempts=row.attempts)


def finish(engine: Engine, upload: str, entry: str | None, reasons: Sequence[Mapping[str, str]]) -> None:
    """End a check: accepted as an entry, or rejected for reasons."""
    with session(engine) as opened:
        row = opened.get_one(UploadRow, upload)
        row.state, row.changed = "rejected" if entry is None else "accepted", time.time()
        row.entry, row.reasons = entry, [dict(reason) for reason in reasons]


def put_back(engine: Engine, upload: str) -> None:
    """Let an upload wait again whose check came to no end."""
    with session(engine) as opened:
        row = opened.get_one(UploadRow, upload)
        row.state, row.changed = "received", time.time()


def recover(engine: Engine) -> int:
    """After a start: what was being checked waits again. Returns how many."""
    with session(engine) as opened:
        found = update(UploadRow).where(UploadRow.state == "checking").values(state="received").returning(UploadRow.id)
        return len(opened.scalars(found).all())


def open_files(engine: Engine) -> set[str]:
    """Names of the files that are still needed."""
    with session(engine) as opened:
        return set(opened.scalars(select(UploadRow.file).where(UploadRow.state.in_(_OPEN))))


def upload_of(engine: Engine, token: str, upload: str) -> Upload | None:
    """An upload of this token."""
    with session(engine) as opened:
        row = opened.get(UploadRow, upload)
        return _upload(row) if row and row.token == token else None


def uploads_of(engine: Engine, token: str) -> list[Upload]:
    """The last uploads of this token, newest first."""
    asked = select(UploadRow).where(UploadRow.token == token)
    with session(engine) as opened:
        rows = opened.scalars(asked.order_by(UploadRow.received.desc(), UploadRow.id).limit(_LISTED))
        return [_upload(row) for row in rows]


def waiting_of(engine: Engine, token: str) -> int:
    """How many uploads of this token have come to no end."""
    asked = select(func.count()).select_from(UploadRow)
    with session(engine) as opened:
        return opened.scalar(asked.where(UploadRow.token == token, UploadRow.state.in_(_OPEN))) or 0


def counts(engine: Engine) -> dict[str, int]:
    """Number of uploads by state."""
    asked = select(UploadRow.state, func.count()).group_by(UploadRow.state)
    with session(engine) as opened:
        found = {row[0]: row[1] for row in opened.execute(asked)}
    return {state: found.get(state, 0) for state in get_args(State)}


def _upload(row: UploadRow) -> Upload:
    return Upload.model_validate(
        {
            "id": row.id,
            "state": row.state,
            "sha256": row.sha256,
            "size": row.size,
            "received": datetime.fromtimestamp(row.received, UTC),
            "changed": datetime.fromtimestamp(row.changed, UTC),
            "entry": row.entry,
            "reasons": row.reasons,
        }
    )
