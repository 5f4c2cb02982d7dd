"""`introbench report`: one HTML page of one or several stored runs, and their plots and tables as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from introbench.cli.options import IncludePath
from introbench.cli.say import say

__all__ = ["report"]


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Run directories, in the order of a series.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="HTML file; RUN/report.html for a single run.")
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option("--plots", metavar="DIR", help="Write every plot as SVG, and as PNG with the extra `plots`."),
    ] = None,
    tables: Annotated[
        Path | None, typer.Option("--tables", metavar="DIR", help="Write every table as CSV and as Markdown.")
    ] = None,
    include_path: IncludePath = None,
) -> None:
    """Write a page that shows what runs found and every case of them. Needs no torch and no network."""
    from introbench.errors import UsageError
    from introbench.report.files import write_plots, write_tables
    from introbench.report.gather import gather_all
    from introbench.report.html.page import write_report
    from introbench.runs.directory import RunDirectory

    if out is None and len(runs) > 1:
        raise UsageError("--out FILE is missing: say where the page of several runs goes")
    gathered = gather_all(runs, include_path or [])
    page = out or RunDirectory(runs[0]).report
    write_report(gathered, page)
    say(f"{page}: open it in a browser.")
    if plots is not None:
        say(write_plots(gathered, plots))
    if tables is not None:
        say(write_tables(gathered, tables))
