"""`introbench gate`: a release against its baseline, with a verdict that a pipeline can stand on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from introbench.cli.options import IncludePath, Offline
from introbench.cli.say import say

if TYPE_CHECKING:
    from introbench.gate.verdict import GateVerdict

__all__ = ["gate"]

_STDOUT = Path("-")
_MAX_WIDTH = 100


def gate(
    baseline: Annotated[
        Path, typer.Option("--baseline", "-b", metavar="FILE|RUN", help="What to hold the candidate against.")
    ],
    candidate: Annotated[
        str, typer.Option("--candidate", "-c", metavar="RUN|SPEC", help="A run directory, or a model that is run.")
    ],
    config: Annotated[
        Path | None, typer.Option("--config", metavar="GATE.TOML", help="Gates and thresholds; the usual ones without.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="Model of the candidate's run; its target without."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Where a model that is run keeps its answers.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="5m", help="Time for running; asks so many items as fit.")
    ] = None,
    looks: Annotated[
        int,
        typer.Option("--looks", metavar="N", min=1, max=10, help="Look so often, and stop when it is certain."),
    ] = 1,
    strict: Annotated[bool, typer.Option("--strict", help="Fail where the verdict is inconclusive.")] = False,
    aa: Annotated[bool, typer.Option("--aa", help="Refuse a margin under twice the rerun noise.")] = False,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")] = None,
    summary: Annotated[
        Path | None, typer.Option("--summary", metavar="FILE", help="Add a page in Markdown to the end of a file.")
    ] = None,
    annotations: Annotated[
        Literal["github"] | None, typer.Option("--annotations", help="Print workflow commands of GitHub.")
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the whole verdict; - prints it."),
    ] = None,
    include_path: IncludePath = None,
    offline: Offline = False,
) -> None:
    """Say whether a candidate is worse than its baseline, case by case, with stated error rates.

    Exits with 0 for ok and inconclusive, 1 for a regression (and inconclusive with --strict), 2 for wrong input, 3 for
    what cannot be compared.
    """
    from introbench.gate.candidate import Asked, judged
    from introbench.gate.config import read_config

    settings = read_config(config)
    where = str(config) if config else "the usual gates"
    asked = Asked(candidate, model, out, budget, looks, tuple(include_path or ()))
    verdict = judged(baseline, asked, settings, where, strict=strict, noise=aa, tell=lambda line: say(line, err=True))
    _write(verdict, junit, summary, json)
    if annotations:
        from introbench.gate.ci import render_annotations

        say(render_annotations(verdict), end=False)
    raise typer.Exit(verdict.exit_code)


def _write(verdict: GateVerdict, junit: Path | None, summary: Path | None, json: Path | None) -> None:
    from introbench.files import disk_errors, write_whole
    from introbench.gate.ci import render_junit, render_summary
    from introbench.gate.text import render_text
    from introbench.hashing import canonical_json
    from introbench.metrics.summary import rounded

    data = canonical_json(rounded(verdict.model_dump(mode="json"))) + "\n"
    if json == _STDOUT:
        say(data, end=False)
    else:
        say(render_text(verdict, max(80, min(shutil.get_terminal_size().columns, _MAX_WIDTH))), end=False)
        if json is not None:
            write_whole(json, data.encode())
    if junit is not None:
        write_whole(junit, render_junit(verdict))
    if summary is not None:
        with disk_errors(summary):
            before = summary.read_bytes() if summary.exists() else b""
        write_whole(summary, before + render_summary(verdict).encode())
