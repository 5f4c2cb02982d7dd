"""`introbench agreement`: how far a set of training labels agrees with what a model does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from introbench.cli.say import say

__all__ = ["agreement"]


def agreement(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run directory.")],
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="Label file, as `introbench labels` writes it.")],
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="NAME", help="Model of that run; its target if left out.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print every estimate.")] = False,
) -> None:
    """Show the share of cases on which a training label equals what the model does now."""
    from json import dumps

    from introbench.metrics.agreement import agreement_of
    from introbench.metrics.read import read_run
    from introbench.metrics.summary import rounded
    from introbench.report.cells import cell
    from introbench.tasks.labels import read_labels

    found = agreement_of(read_run(run), read_labels(labels).file, model, run)
    if json:
        say(dumps(rounded(found.model_dump(mode="json")), indent=1))
        return
    say(f"{found.matched} of {found.labels} labels are of cases that {found.model} answered.")
    say(f"agreement, verdict and content: {cell(found.exact).plain}")
    say(f"agreement, verdict alone:       {cell(found.verdict).plain}")
    say("Brackets: 95 % Wilson intervals, clustered by fact. *: too few clusters.")
