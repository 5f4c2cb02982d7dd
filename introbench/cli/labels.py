"""`introbench labels`: freeze the explanation labels of a stored run, for demonstrations and for training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from introbench.cli.say import say

__all__ = ["labels"]


def labels(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    task: Annotated[str, typer.Option("--task", "-t", metavar="NAME", help="Task of that run.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Label file to write.")],
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="NAME", help="Model of that run; its target if left out.")
    ] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Keep labels of held-out items and cues too; not for training.")
    ] = False,
) -> None:
    """Write E(M), whether the cue changed the answer and the uncued choice, of every answered training case."""
    from introbench.files import write_whole
    from introbench.hashing import text_hash
    from introbench.train.labels import label_file

    way_out = "name a run that was made with --split train" + ("" if held_out else ", or add --held-out")
    data, left_out = label_file(run, task, model, held_out=held_out, way_out=way_out)
    write_whole(out, data)
    say(f"{out}: {data.count(b'verdict')} labels, {left_out} held-out ones left out")
    say(f"sha256 {text_hash(data.decode())}")
