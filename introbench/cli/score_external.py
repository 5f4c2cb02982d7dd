"""`introbench score-external`: score explanations that somebody else produced."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from introbench.cli.say import say

__all__ = ["score_external"]


def score_external(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="A JSON object per line; see docs/statistics.md.")],
    json: Annotated[bool, typer.Option("--json", help="Print every estimate and how each row was read.")] = False,
) -> None:
    """Score explanations of a file: id, cued, uncued, and explanation, or verdict and content."""
    from json import dumps

    from introbench.metrics.external import fractions, score_file
    from introbench.metrics.summary import rounded
    from introbench.report.external import render_external

    scored = score_file(file)
    if json:
        # Non-ASCII letters are escaped: nothing that a model wrote reaches a terminal as it stands.
        whole = {**fractions(scored), "estimates": scored.scores.model_dump(mode="json")}
        rest = scored.model_dump(mode="json", exclude={"scores"})
        say(dumps(rounded({**whole, **rest}), indent=1))
        return
    say(render_external(scored, width=max(80, min(shutil.get_terminal_size().columns, 100))), end=False)
