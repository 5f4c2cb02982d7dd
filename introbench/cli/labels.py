"""`introbench labels`: freeze the explanation labels of a stored run, for demonstrations and for training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["labels"]


def labels(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    task: Annotated[str, typer.Option("--task", "-t", help="Task of that run.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Label file to write.")],
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Model of that run; its target if left out.")
    ] = None,
) -> None:
    """Write E(M), whether the cue changed the answer and the uncued choice, of every answered case."""
    from introbench.files import write_whole
    from introbench.hashing import text_hash
    from introbench.metrics.labels import label_file

    data = label_file(run, task, model)
    write_whole(out, data)
    typer.echo(f"{out}: {data.count(b'verdict')} labels, sha256 {text_hash(data.decode())}")
