"""`introbench leaderboard serve` and `token`: the submission server, and what its senders are known by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from introbench.cli.say import say

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine

__all__ = ["serve", "tokens"]

tokens = typer.Typer(help="Make, list and revoke tokens of senders.", rich_markup_mode=None, no_args_is_help=True)

_Store = Annotated[Path, typer.Option("--store", metavar="DIR", help="Folder of the store.")]
_Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        envvar="INTROBENCH_DATABASE",
        help="sqlite:///FILE or postgresql://…; a file in the store where left out.",
    ),
]


def serve(
    store: _Store,
    site: Annotated[Path, typer.Option("--site", metavar="DIR", help="Folder that the site is built in.")],
    database: _Database = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen at.")] = 8000,
    upload_seconds: Annotated[
        float, typer.Option("--upload-seconds", min=1, help="Time of an upload beyond 16 KiB a second.")
    ] = 20,
    check_seconds: Annotated[float, typer.Option("--check-seconds", min=1, help="Time of one check.")] = 300,
    check_memory: Annotated[
        int, typer.Option("--check-memory", metavar="MIB", min=64, help="Memory of one check.")
    ] = 4096,
) -> None:
    """Take bundles by HTTP, have each checked in a process of its own, and serve the site."""
    opened = _database(store, database)
    from introbench_leaderboard.server.run import run_server
    from introbench_leaderboard.server.settings import Settings, default_database

    settings = Settings(
        store=store,
        site=site,
        database=database or default_database(store),
        upload_seconds=upload_seconds,
        check_seconds=check_seconds,
        check_memory=check_memory << 20,
    )
    with opened as engine:
        run_server(engine, settings, host, port)


@tokens.command("new")
def new(
    store: _Store,
    name: Annotated[str, typer.Option("--name", help="Whose it is.")],
    org: Annotated[
        list[str], typer.Option("--org", help="Organisation whose models it may submit; repeat it; * for any.")
    ],
    days: Annotated[float, typer.Option("--days", help="How long it is taken.")] = 90,
    database: _Database = None,
) -> None:
    """Make a token and show it, this once."""
    with _database(store, database) as engine:
        from introbench_leaderboard.server.tokens import new_token

        say(new_token(engine, name, org, days))


@tokens.command("list")
def listed(store: _Store, database: _Database = None) -> None:
    """List tokens, without their secrets."""
    import time
    from datetime import UTC, datetime

    from tabulate import tabulate

    with _database(store, database) as engine:
        from introbench_leaderboard.server.tokens import list_tokens

        found = list_tokens(engine)
    now = time.time()
    rows = [
        [each.id, each.name, ", ".join(each.orgs), datetime.fromtimestamp(each.expires, UTC).date(), each.state(now)]
        for each in found
    ]
    heads = ["id", "name", "organisations", "until", "state"]
    say(tabulate(rows, headers=heads, tablefmt="simple", disable_numparse=True) if rows else "There are none.")


@tokens.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="Id of the token.")],
    store: _Store,
    database: _Database = None,
) -> None:
    """Take a token no longer."""
    import time

    with _database(store, database) as engine:
        from introbench_leaderboard.server.tokens import revoke_token

        say(f"{token}: {revoke_token(engine, token).state(time.time())}")


def _database(store: Path, database: str | None) -> AbstractContextManager[Engine]:
    from introbench.errors import UsageError

    try:
        from introbench_leaderboard.server.database import open_database
        from introbench_leaderboard.server.settings import default_database
    except ModuleNotFoundError as error:
        raise UsageError(f"needs the package {error.name}; run: pip install 'introbench[leaderboard]'") from error
    return open_database(database or default_database(store))
