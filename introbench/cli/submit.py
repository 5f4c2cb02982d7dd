"""`introbench submit`: make the bundle of a run and send it to a leaderboard, or show what would be sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from introbench.cli.say import say

if TYPE_CHECKING:
    from introbench_leaderboard.prepare import Prepared

__all__ = ["submit"]

_YesNo = Literal["yes", "no"]


_Run = Annotated[Path, typer.Argument(help="Run directory, finished.")]
_To = Annotated[str | None, typer.Option("--to", metavar="DIR|URL", help="Folder of bundles, or a server.")]
_Token = Annotated[str | None, typer.Option("--token", envvar="INTROBENCH_TOKEN", help="What the server knows you by.")]
_Name = Annotated[
    str | None, typer.Option("--name", metavar="ORG/MODEL", help="The model; the hub's id where left out.")
]
_Revision = Annotated[
    str | None, typer.Option("--revision", metavar="NAME", help="State of its weights; from their commit or hash.")
]
_Relation = Annotated[
    Literal["maker", "affiliated", "independent", "undisclosed"],
    typer.Option("--relation", help="What you are to the model's maker."),
]
_Trained = Annotated[
    _YesNo | None, typer.Option("--trained-on-labels", help="Whether it was trained on this task's labels.")
]
_RunsMade = Annotated[
    int | None, typer.Option("--runs-made", metavar="N", min=1, help="Runs made before this one was chosen.")
]
_OpenWeights = Annotated[_YesNo | None, typer.Option("--open-weights", help="Whether anybody can load it.")]
_Contact = Annotated[str, typer.Option("--contact", metavar="URL", help="Where to ask or read more.")]
_Supersedes = Annotated[
    str | None, typer.Option("--supersedes", metavar="ID", help="Entry of the same model that this one corrects.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show exactly what would be sent; send nothing.")]


def submit(
    run: _Run,
    to: _To = None,
    token: _Token = None,
    name: _Name = None,
    revision: _Revision = None,
    relation: _Relation = "undisclosed",
    trained_on_labels: _Trained = None,
    runs_made: _RunsMade = None,
    open_weights: _OpenWeights = None,
    contact: _Contact = "",
    supersedes: _Supersedes = None,
    dry_run: _DryRun = False,
) -> None:
    """Make a bundle of manifest, cases and ledgers, check it as the board will, and place or upload it."""
    from introbench.errors import UsageError
    from introbench_leaderboard.entry import Declared
    from introbench_leaderboard.prepare import prepare
    from introbench_leaderboard.rules import RULES_FILE, read_rules
    from introbench_leaderboard.send import place, upload

    if to is None and not dry_run:
        raise UsageError("--to DIR|URL is missing: name a folder or a server, or look with --dry-run")
    try:
        declared = Declared(
            trained_on_labels=_bool(trained_on_labels),
            runs_made=runs_made,
            relation=relation,
            open_weights=_bool(open_weights),
            parameters=None,
            contact=contact,
        )
    except ValueError as error:
        raise UsageError(f"--contact {contact!r}: must be a URL that begins with https://") from error
    server = to is not None and "://" in to
    rules = read_rules(Path(to)) if to and not server and (Path(to) / RULES_FILE).is_file() else None
    prepared = prepare(run, declared, name, revision, supersedes, rules)
    if dry_run:
        _show(prepared)
    elif server and to:
        receipt = upload(to, prepared.data, token)
        say(f"{prepared.submission.id}: {receipt.text}")
        if not receipt.taken:
            raise typer.Exit(1)
    elif to:
        say(f"{prepared.submission.id}: written to {place(Path(to), prepared.submission.id, prepared.data)}")


def _bool(value: _YesNo | None) -> bool | None:
    return None if value is None else value == "yes"


def _show(prepared: Prepared) -> None:
    from tabulate import tabulate

    submission = prepared.submission
    say(f"{submission.id}: {len(prepared.data)} bytes, with exactly these files:\n")
    rows = [[name, len(data), data.count(b"\n")] for name, data in sorted(submission.members.items())]
    say(tabulate(rows, headers=["file", "bytes", "rows"], tablefmt="simple"))
    for name in ("bundle.json", "manifest.json"):
        say(f"\n{name}:\n{submission.members[name].decode()}", end=False)
    say("\nof every ledger row: ask, check, key, logprobs, pack, replicate, text, tokens; no time, no host")
    for note in dict.fromkeys(prepared.notes):
        say(f"- {note}")
    for ranked in submission.results.ranked:
        value = ranked.above_floor.value
        shown = "not estimable" if value is None else f"{value:+.3f}"
        say(f"{ranked.board.name}: J above the best floor {shown} on {ranked.n} cases")
