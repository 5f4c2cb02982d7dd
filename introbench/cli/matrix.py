"""`introbench matrix`: every model's explanations against every model's behaviour."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from introbench.cli.say import say

__all__ = ["matrix"]


def matrix(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run directories.")],
    json: Annotated[bool, typer.Option("--json", help="Print every estimate.")] = False,
) -> None:
    """Show emitter × teacher as a heat map, and the diagonal excess of every two models."""
    from json import dumps

    from introbench.metrics.matrix import matrix_of
    from introbench.metrics.read import read_run
    from introbench.metrics.summary import rounded
    from introbench.report.matrix import render_matrix

    found = matrix_of([read_run(run) for run in runs], [str(run) for run in runs])
    if json:
        say(dumps(rounded(found.model_dump(mode="json")), indent=1))
        return
    say(render_matrix(found, width=max(80, min(shutil.get_terminal_size().columns, 100))), end=False)
