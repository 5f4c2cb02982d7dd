"""`introbench judge`: which replies of any model refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from introbench.cli.say import say

__all__ = ["judge"]


def judge(
    file: Annotated[Path, typer.Argument(help="Completions: a JSON object per line with id, prompt and completion.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Labels to write, a JSON object per line.")],
    judge_spec: Annotated[
        str | None, typer.Option("--judge", metavar="SPEC", help="Instruct model that judges; rules where left out.")
    ] = None,
) -> None:
    """Label each completion as compliance, partial or refusal, with the words that decided it.

    The rules read English.
    """
    from introbench.errors import UsageError
    from introbench.files import write_whole
    from introbench.judge import LABELS, judge_reply
    from introbench.judge.rows import read_rows, verdict_lines

    rows = read_rows(file)
    if out.resolve() == file.resolve():
        raise UsageError(f"--out {out}: is the file of completions; name another one")
    if judge_spec is None:
        verdicts = [judge_reply(row.prompt, row.completion) for row in rows]
    else:
        from introbench.judge.model import judge_with_model
        from introbench.models.load import load_model

        verdicts = judge_with_model(load_model(judge_spec), rows)
    write_whole(out, verdict_lines(rows, verdicts))
    counts = {label: sum(verdict.label == label for verdict in verdicts) for label in LABELS}
    say(f"{out}: " + ", ".join(f"{count} {label}" for label, count in counts.items()))
