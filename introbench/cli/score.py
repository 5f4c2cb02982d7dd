"""`introbench score`: rebuild every estimate of a stored run from its cases and ledger, without any model."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from introbench.cli.options import IncludePath
from introbench.cli.say import say

__all__ = ["rescore", "score"]

_MAX_WIDTH = 100


def score(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    json: Annotated[bool, typer.Option("--json", help="Print summary.json instead of the table.")] = False,
    include_path: IncludePath = None,
) -> None:
    """Rebuild summary.json and report.html of a stored run and show its table. Needs no torch."""
    rescore(run, json=json, include_paths=include_path or ())


def rescore(run: Path, *, json: bool = False, include_paths: Sequence[Path] = ()) -> None:
    """Write summary.json, print the table or the summary itself, and write report.html.

    Args:
        include_paths: folders with the plugins of tasks that are not installed; the report shows their prompts.
    """
    from introbench.files import write_whole
    from introbench.metrics.read import read_run
    from introbench.metrics.summary import dump, summarise_run
    from introbench.report.gather import gather
    from introbench.report.html.page import write_report
    from introbench.report.terminal import render
    from introbench.runs.directory import RunDirectory

    directory = RunDirectory(run)
    answers = read_run(run)
    summary = summarise_run(answers)
    data = dump(summary)
    write_whole(directory.summary, data)
    if json:
        say(data.decode(), end=False)
    else:
        say(render(summary, width=min(shutil.get_terminal_size().columns, _MAX_WIDTH)))
        say(f"{directory.summary} holds every estimate.")
    write_report([gather(run, include_paths, known=(answers, summary))], directory.report)
    # Beside the result, not in it: stdout is the table or the summary and nothing else.
    say(f"{directory.report} shows plots and every case; open it in a browser.", err=True)
