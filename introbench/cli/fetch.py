"""`introbench fetch`: bring models and data into the local cache, for runs with `--offline`."""

from __future__ import annotations

from typing import Annotated

import typer

from introbench.cli.say import say

__all__ = ["fetch"]


def fetch(
    specs: Annotated[list[str] | None, typer.Argument(metavar="[SPEC]...", help="Models, as `run` takes them.")] = None,
    data: Annotated[
        list[str] | None, typer.Option("--data", metavar="ORG/NAME[@REV]", help="A data set of the hub; repeatable.")
    ] = None,
) -> None:
    """Bring models and data sets into the local cache and say at which commit."""
    from introbench.errors import ModelError, UsageError
    from introbench.models.spec import parse_spec

    if not specs and not data:
        raise UsageError("fetch: names nothing; give model specs, or data sets with --data")
    models = [parse_spec(spec) for spec in specs or []]
    try:
        from introbench.models.hf.fetch import fetch_dataset, fetch_model
    except ModuleNotFoundError as error:
        raise ModelError(f"fetch: needs the package {error.name}; run: pip install 'introbench[run]'") from error
    for spec in models:
        for found in fetch_model(spec):
            say(f"{found.name}  {found.commit or 'local'}")
    for name in data or []:
        found = fetch_dataset(name)
        say(f"{found.name}  {found.commit}")
