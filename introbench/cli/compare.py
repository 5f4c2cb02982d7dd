"""`introbench compare`: two stored runs, or two models of one, paired by case."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from introbench.cli.say import say

__all__ = ["compare"]


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="Run directory.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Run directory; may be the same.")],
    model_a: Annotated[
        str | None, typer.Option("--model-a", metavar="NAME", help="Model of A; its target if left out.")
    ] = None,
    model_b: Annotated[
        str | None, typer.Option("--model-b", metavar="NAME", help="Model of B; its target if left out.")
    ] = None,
    cases: Annotated[int, typer.Option("--cases", metavar="N", min=0, help="Flipped cases to show per task.")] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print every estimate and every flipped case.")] = False,
) -> None:
    """Show which explanations went wrong and which came right from A to B, and by how much the scores differ."""
    from json import dumps

    from introbench.metrics.compare import compare_runs
    from introbench.metrics.read import read_run
    from introbench.metrics.summary import rounded
    from introbench.report.compare import render_comparison

    first = read_run(a)
    runs = (first, first if a.resolve() == b.resolve() else read_run(b))
    comparison = compare_runs(runs, (str(a), str(b)), (model_a, model_b))
    if json:
        say(dumps(rounded(comparison.model_dump(mode="json")), indent=1))
        return
    width = max(80, min(shutil.get_terminal_size().columns, 100))
    say(render_comparison(comparison, width, cases), end=False)
