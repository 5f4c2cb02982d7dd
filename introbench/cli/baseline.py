"""`introbench baseline`: what a gate holds candidates against, and who accepted it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from introbench.cli.say import say

__all__ = ["baseline"]

baseline = typer.Typer(name="baseline", help="Make, accept and show baselines of the gate.", no_args_is_help=True)

_Run = Annotated[Path, typer.Argument(metavar="RUN", help="Run directory.")]
_Model = Annotated[str | None, typer.Option("--model", metavar="NAME", help="Model of the run; its target without.")]
_Config = Annotated[Path | None, typer.Option("--config", metavar="GATE.TOML", help="Gates that are recorded with it.")]
_Who = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it; git's user.name if left out.")]


@baseline.command("save", short_help="Make a baseline of a stored run.")
def save(
    run: _Run,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The baseline file.")],
    model: _Model = None,
    config: _Config = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why this run.")] = "first baseline",
    by: _Who = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there, its history too.")] = False,
) -> None:
    """Write what every case of a run came to, with hashes, in about 100 bytes a case. It is the pinned anchor too."""
    from introbench.errors import UsageError
    from introbench.gate.keep import save_baseline

    if out.exists() and not force:
        raise UsageError(f"{out}: is there already; `introbench baseline accept` moves it on, --force begins anew")
    say(save_baseline(run, out, model, config, reason, by))


@baseline.command("accept", short_help="Move a baseline on to another run.")
def accept(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The baseline file.")],
    run: _Run,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the file.")],
    model: _Model = None,
    config: _Config = None,
    by: _Who = None,
    pin: Annotated[bool, typer.Option("--pin", help="Move the anchor too.")] = False,
) -> None:
    """Make a run the rolling baseline. The anchor stays pinned, so that small steps cannot add up unseen."""
    from introbench.gate.keep import accept_baseline

    say(accept_baseline(file, run, model, config, reason, by, pin=pin))


@baseline.command("show", short_help="Show what a baseline holds, and its history.")
def show(file: Annotated[Path, typer.Argument(metavar="FILE", help="The baseline file.")]) -> None:
    """Show models, tasks, thresholds and every change with who, when and why."""
    from introbench.gate.keep import described

    say(described(file))
