"""`introbench score`: rebuild every estimate of a stored run from its cases and ledger, without any model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["rescore", "score"]

_MAX_WIDTH = 100


def score(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    json: Annotated[bool, typer.Option("--json", help="Print summary.json instead of the table.")] = False,
) -> None:
    """Rebuild summary.json of a stored run and show its table. Needs no torch."""
    rescore(run, json=json)


def rescore(run: Path, *, json: bool = False) -> None:
    """Write summary.json and print the table, or the summary itself."""
    from introbench.files import write_whole
    from introbench.metrics.summary import dump, summarise
    from introbench.report.terminal import render
    from introbench.runs.directory import RunDirectory

    summary = summarise(run)
    data = dump(summary)
    write_whole(RunDirectory(run).summary, data)
    if json:
        typer.echo(data.decode(), nl=False)
        return
    typer.echo(render(summary, width=min(shutil.get_terminal_size().columns, _MAX_WIDTH)))
    typer.echo(f"{RunDirectory(run).summary} holds every estimate.")
