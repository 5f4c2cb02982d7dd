"""Tokens: what a sender is known by, for whom it may send, and until when. Only hashes of them are kept."""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select

from introbench.errors import UsageError
from introbench.hashing import text_hash
from introbench_leaderboard.entry import LONGEST_NAME, NAME
from introbench_leaderboard.server.database import TokenRow, session

__all__ = ["ANY", "Token", "list_tokens", "new_token", "revoke_token", "token_of"]

ANY = "*"
"""In place of an organisation: any."""

_PREFIX = "introbench"
_ID_BYTES, _SECRET_BYTES = 6, 32
_DAY = 86_400
_MOST_DAYS = 3_650
_LONGEST_LABEL = 200


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without its secret.

    Attributes:
        id: what it is listed and revoked by; no secret.
        name: whose it is, in the maintainer's words.
        orgs: organisations whose models it may submit; `*` for any.
        expires: until when it is taken, in seconds since 1970.
        revoked: when it was revoked; None where it was not.
    """

    id: str
    name: str
    orgs: tuple[str, ...]
    expires: float
    revoked: float | None

    def state(self, now: float) -> str:
        """In a word: valid, expired or revoked."""
        if self.revoked is not None:
            return "revoked"
        return "valid" if now < self.expires else "expired"


def new_token(engine: Engine, name: str, orgs: Sequence[str], days: float) -> str:
    """Make a token and return it: it is shown this once, and cannot be told from what is kept.

    Raises UsageError where name, organisations or days are wrong.
    """
    if not name.strip() or len(name) > _LONGEST_LABEL:
        raise UsageError(f"--name {name[:20]!r}: say whose token it is, in at most {_LONGEST_LABEL} letters")
    for org in orgs:
        if org != ANY and (len(org) > LONGEST_NAME or not re.fullmatch(NAME, org)):
            raise UsageError(f"--org {org[:20]!r}: is no name of an organisation; {ANY} stands for any")
    if not orgs:
        raise UsageError(f"--org is missing: name the organisations whose models it may submit, or {ANY}")
    if not 0 < days <= _MOST_DAYS:
        raise UsageError(f"--days {days:g}: a token is taken for more than 0 and at most {_MOST_DAYS} days")
    made = f"{_PREFIX}_{secrets.token_hex(_ID_BYTES)}_{secrets.token_hex(_SECRET_BYTES)}"
    now = time.time()
    with session(engine) as opened:
        opened.add(
            TokenRow(
                id=_id_of(made),
                name=name,
                hash=text_hash(made),
                orgs=sorted(set(orgs)),
                created=now,
                expires=now + days * _DAY,
                revoked=None,
            )
        )
    return made


def token_of(engine: Engine, sent: str) -> Token | None:
    """The token that was sent, where it is taken now; None where it is unknown, expired or revoked."""
    with session(engine) as opened:
        row = opened.get(TokenRow, _id_of(sent))
        found = _token(row) if row else None
        kept = row.hash if row else ""
    # Secrets are 256 random bits: a plain hash of them cannot be guessed from, and needs no salt.
    right = hmac.compare_digest(kept, text_hash(sent))
    return found if found and right and found.state(time.time()) == "valid" else None


def list_tokens(engine: Engine) -> list[Token]:
    """Every token, oldest first."""
    with session(engine) as opened:
        return [_token(row) for row in opened.scalars(select(TokenRow).order_by(TokenRow.created, TokenRow.id))]


def revoke_token(engine: Engine, token_id: str) -> Token:
    """Take a token no longer. Raises UsageError where there is none of this id."""
    with session(engine) as opened:
        row = opened.get(TokenRow, token_id)
        if row is None:
            raise UsageError(f"{token_id!r}: is no id of a token; see `introbench leaderboard token list`")
        row.revoked = time.time() if row.revoked is None else row.revoked
        return _token(row)


def _id_of(sent: str) -> str:
    found = re.fullmatch(rf"{_PREFIX}_([0-9a-f]{{{2 * _ID_BYTES}}})_[0-9a-f]{{{2 * _SECRET_BYTES}}}", sent)
    return found[1] if found else ""


def _token(row: TokenRow) -> Token:
    return Token(row.id, row.name, tuple(row.orgs), row.expires, row.revoked)
