"""`introbench diff`: the first stage at which two runs part, and the cases where they do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from introbench.cli.say import say

if TYPE_CHECKING:
    from introbench.metrics.difference import Stage

__all__ = ["diff"]

_MAX_WIDTH = 100
_CONTRACT = 1e-4


def diff(
    first: Annotated[Path, typer.Argument(metavar="RUN_A", help="Run directory.")],
    second: Annotated[Path, typer.Argument(metavar="RUN_B", help="Run directory.")],
    tolerance: Annotated[
        float, typer.Option("--tolerance", metavar="NATS", min=0, help="Log-probabilities closer than this are equal.")
    ] = _CONTRACT,
    show: Annotated[int, typer.Option("--show", metavar="N", min=0, help="Differences shown, the largest first.")] = 5,
) -> None:
    """Name the first stage at which two runs part: messages, token ids, log-probabilities, parse or metrics.

    Exits with 1 where they differ. Needs no torch.
    """
    from tabulate import tabulate

    from introbench.metrics.difference import compare_runs

    stages = compare_runs(first, second, tolerance)
    rows = [[stage.name, stage.compared, len(stage.differences) or "-"] for stage in stages]
    say(tabulate(rows, headers=["stage", "compared", "different"], tablefmt="simple"))
    parted = next((stage for stage in stages if stage.differences), None)
    if parted is None:
        say(f"\nNothing differs (log-probabilities within {tolerance:g} nats).")
        return
    say(f"\nThe runs part at: {parted.name}")
    if show:
        say(_listed(parted, show))
    raise typer.Exit(1)


def _listed(stage: Stage, most: int) -> str:
    width = min(shutil.get_terminal_size().columns, _MAX_WIDTH)
    lines = []
    for each in stage.differences[:most]:
        lines.append(f"  {f'{each.model}: ' if each.model else ''}{each.where}")
        lines += [f"    {name} {text}" for name, text in (("A", each.first), ("B", each.second))]
    if len(stage.differences) > most:
        lines.append(f"  and {len(stage.differences) - most} more; --show N shows N")
    return "\n".join(line if len(line) <= width else line[: width - 1] + "…" for line in lines)
