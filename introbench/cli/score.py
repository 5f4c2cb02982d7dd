"""`introbench score`: rebuild every estimate of a stored run from its cases and ledger, without any model."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from introbench.cli.options import IncludePath
from introbench.cli.say import say

__all__ = ["rescore", "score"]

_MAX_WIDTH = 100
_MOVED_SHOWN = 20


def score(
    run: Annotated[Path | None, typer.Argument(help="Run directory.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print summary.json instead of the table.")] = False,
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="GOLDEN", help="Write nothing; say what moved since a baseline or summary."),
    ] = None,
    floors: Annotated[
        Literal["fixed", "full"],
        typer.Option("--floors", help="full: beside the fixed floors a cross-fitted classifier (extra stats)."),
    ] = "fixed",
    include_path: IncludePath = None,
) -> None:
    """Rebuild summary.json and report.html of a stored run and show its table. Needs no torch.

    With --check GOLDEN nothing is written: prompts, decisions and estimates of the run, as this version makes them, are
    compared with a baseline file of it, or with the summary.json of a run directory. Exits with 1 where any moved.
    """
    from introbench.errors import UsageError

    if check is not None:
        _check(run or check, check, include_path or ())
    elif run is None:
        raise UsageError("RUN is missing: name a run directory")
    else:
        rescore(run, json=json, include_paths=include_path or (), floors=floors)


def _check(run: Path, golden: Path, include_paths: Sequence[Path]) -> None:
    from introbench.errors import UsageError
    from introbench.gate.golden import check_golden

    if run == golden and not golden.is_dir():
        raise UsageError(
            f"--check {golden}: name the run that it was made of too: introbench score RUN --check {golden}"
        )
    moved = check_golden(run, golden, include_paths)
    for each in moved[:_MOVED_SHOWN]:
        say(f"{each.what} {each.where}: {each.detail}")
    if len(moved) > _MOVED_SHOWN:
        say(f"and {len(moved) - _MOVED_SHOWN} more")
    say(f"{len(moved)} differences from {golden}." if moved else f"Nothing moved: {run} is what {golden} says.")
    if moved:
        raise typer.Exit(1)


def rescore(
    run: Path,
    *,
    json: bool = False,
    include_paths: Sequence[Path] = (),
    floors: Literal["fixed", "full"] = "fixed",
) -> None:
    """Write summary.json, print the table or the summary itself, and write report.html.

    Args:
        include_paths: folders with the plugins of tasks that are not installed; the report shows their prompts.
        floors: which trivial explainers stand beside Self.
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
    summary = summarise_run(answers, floors)
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
