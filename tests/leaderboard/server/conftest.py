"""Servers in processes of their own, on each kind of database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from board_server import BoardServer, postgresql
from sqlalchemy import create_engine, text

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """URL of a PostgreSQL."""
    with postgresql() as url:
        if url is None:
            pytest.skip("needs PostgreSQL: apt-get install postgresql")
        yield url.replace("postgresql:", "postgresql+psycopg:")


@pytest.fixture(scope="session")
def fresh(cluster_if: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Makes an empty database of a kind and gives its URL."""
    numbers = count()

    def made(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path_factory.mktemp('database') / 'server.sqlite'}"
        name, url = f"board{next(numbers)}", cluster_if()
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return url.replace("/postgres?", f"/{name}?")

    return made


@pytest.fixture(scope="session")
def cluster_if(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Starts a PostgreSQL where one is asked for."""
    return lambda: request.getfixturevalue("cluster")


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, fresh: Callable[[str], str]) -> str:
    """URL of an empty database, of every kind."""
    return fresh(request.param)


@pytest.fixture
def board(tmp_path: Path, database: str) -> Iterator[BoardServer]:
    """A server that has started, on every kind of database."""
    server = BoardServer(tmp_path, database, "--upload-seconds", "3")
    server.start()
    yield server
    server.stop()
