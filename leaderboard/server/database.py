"""The server's database: tokens, and what became of each upload. SQLite or PostgreSQL, by URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Engine, ForeignKey, String, UniqueConstraint, create_engine, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from introbench.errors import UsageError
from introbench.files import disk_errors

__all__ = ["TokenRow", "UploadRow", "open_database", "session"]

LAYOUT = 1
"""Version of the tables; a database of another one is left alone."""

_PATIENCE = 30
"""Seconds that one writer of SQLite waits for another."""


class _Base(DeclarativeBase):
    pass


class LayoutRow(_Base):
    """Which version of these tables a database holds."""

    __tablename__ = "layout"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class TokenRow(_Base):
    """A token, of which only a hash is kept. Times are seconds since 1970, UTC."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    hash: Mapped[str] = mapped_column(String(64))
    orgs: Mapped[list[str]] = mapped_column(JSON)
    created: Mapped[float]
    expires: Mapped[float]
    revoked: Mapped[float | None]


class UploadRow(_Base):
    """An upload: one row per bundle and token, however often it is sent."""

    __tablename__ = "uploads"
    __table_args__ = (UniqueConstraint("token", "sha256"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    token: Mapped[str] = mapped_column(ForeignKey("tokens.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    file: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), index=True)
    received: Mapped[float]
    changed: Mapped[float]
    attempts: Mapped[int]
    entry: Mapped[str | None] = mapped_column(String(500))
    reasons: Mapped[list[dict[str, str]]] = mapped_column(JSON)


@contextmanager
def open_database(url: str) -> Iterator[Engine]:
    """Connect to a database, and make its tables where it has none.

    Raises UsageError where the URL is wrong, the database cannot be reached, or it holds tables of another version.
    """
    engine = _engine(url)
    try:
        _make_tables(engine)
        yield engine
    finally:
        engine.dispose()


@contextmanager
def session(engine: Engine) -> Iterator[Session]:
    """A transaction: all of it is written at its end, or nothing."""
    with Session(engine, expire_on_commit=False) as opened, opened.begin():
        yield opened


def _make_tables(engine: Engine) -> None:
    shown = engine.url.render_as_string(hide_password=True)
    try:
        _Base.metadata.create_all(engine)
        with session(engine) as opened:
            found = opened.scalars(select(LayoutRow.version)).all()
            if not found:
                opened.add(LayoutRow(version=LAYOUT))
    except SQLAlchemyError as error:
        raise UsageError(f"--database {shown}: cannot be used ({_first_line(error)})") from error
    if found and list(found) != [LAYOUT]:
        raise UsageError(f"--database {shown}: has tables of version {found[0]}, this server knows {LAYOUT}")


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UsageError(f"--database {url!r}: is no URL of a database, such as sqlite:///FILE") from error
    kind = parsed.get_backend_name()
    if kind in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    elif kind != "sqlite" or not parsed.database:
        raise UsageError(f"--database: takes sqlite:///FILE or postgresql://…, not {kind}")
    else:
        with disk_errors(Path(parsed.database)):
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        engine = create_engine(parsed, pool_pre_ping=True)
    except NoSuchModuleError as error:
        raise UsageError(f"--database: {error}") from error
    except ModuleNotFoundError as error:
        raise UsageError(
            f"--database: needs the package {error.name}; run: pip install 'introbench[postgresql]'"
        ) from error
    if kind == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # Transactions are begun below, not by the driver.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_PATIENCE * 1000}"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Any) -> None:
    # A transaction that reads first and writes later would fail at once where another one writes in between.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
