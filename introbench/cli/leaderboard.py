"""`introbench leaderboard`: check bundles, keep the store, and build what readers see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from introbench.cli.options import Offline
from introbench.cli.say import say
from introbench.cli.serve import serve, tokens

if TYPE_CHECKING:
    from introbench_leaderboard.check import Submission
    from introbench_leaderboard.reasons import Reason
    from introbench_leaderboard.rerun import Rerun

__all__ = ["app"]

app = typer.Typer(help="Check bundles, keep the store, build the site.", rich_markup_mode=None, no_args_is_help=True)
app.command("serve")(serve)
app.add_typer(tokens, name="token")

_Bundle = Annotated[Path, typer.Argument(help="Bundle, as `introbench submit` writes it.")]
_Store = Annotated[Path, typer.Option("--store", metavar="DIR", help="Folder of the store.")]
_Entry = Annotated[str, typer.Argument(metavar="ID", help="Id of an entry, ORG__MODEL/REVISION/RUN.")]
_Rerun = Annotated[
    int | None, typer.Option("--rerun", metavar="N", min=1, help="Ask the real model again on N drawn cases.")
]
_Nonce = Annotated[
    str | None,
    typer.Option("--nonce", metavar="SECRET", envvar="INTROBENCH_NONCE", help="What the draw follows from."),
]
_Model = Annotated[
    str | None, typer.Option("--model", metavar="SPEC", help="Where the model lies here; else the bundle's own spec.")
]
_Seconds = Annotated[
    float, typer.Option("--check-seconds", min=0.01, help="Time of the check; asking the model again is not counted.")
]


@app.command("check")
def check(
    bundle: _Bundle,
    store: Annotated[
        Path | None, typer.Option("--store", metavar="DIR", help="Hold it against this store too.")
    ] = None,
    rerun: _Rerun = None,
    nonce: _Nonce = None,
    model: _Model = None,
    check_seconds: _Seconds = 300,
    format: Annotated[
        Literal["text", "json", "github"], typer.Option("--format", help="For people, programs, or GitHub's log.")
    ] = "text",
    offline: Offline = False,
) -> None:
    """Say whether the board would take a bundle; exits with 1 and every reason where it would not."""
    from introbench_leaderboard.told import told

    submission, reasons, confirmed = _judged(_data(bundle), store, rerun, nonce, model, check_seconds)
    say(told(bundle, submission, reasons, confirmed, format), end=False)
    if reasons:
        raise typer.Exit(1)


@app.command("accept")
def accept(
    bundle: _Bundle,
    store: _Store,
    rerun: _Rerun = None,
    nonce: _Nonce = None,
    model: _Model = None,
    check_seconds: _Seconds = 300,
    offline: Offline = False,
) -> None:
    """Check a bundle and take it into the store."""
    from introbench_leaderboard import store as stores
    from introbench_leaderboard.told import told

    data = _data(bundle)
    submission, reasons, confirmed = _judged(data, store, rerun, nonce, model, check_seconds)
    if submission is None or reasons:
        say(told(bundle, submission, reasons, confirmed, "text"), end=False)
        raise typer.Exit(1)
    entry = stores.accept(store, data, submission, confirmed)
    say(f"{entry.id}: {entry.tier}")


@app.command("confirm")
def confirm(
    entry: _Entry,
    store: _Store,
    rerun: _Rerun = None,
    nonce: _Nonce = None,
    model: _Model = None,
    check_seconds: _Seconds = 300,
    offline: Offline = False,
) -> None:
    """Ask the model of an entry again; the tier rises where it confirms its rows."""
    from introbench.errors import UsageError
    from introbench_leaderboard import store as stores
    from introbench_leaderboard.entry import BUNDLE, entry_folder
    from introbench_leaderboard.told import told

    bundle = entry_folder(store, stores.find_entry(store, entry).id) / BUNDLE
    if rerun is None:
        raise UsageError("--rerun N is missing: how many cases are asked again")
    submission, reasons, confirmed = _judged(_data(bundle), None, rerun, nonce, model, check_seconds, store)
    if confirmed is None or reasons:
        say(told(bundle, submission, reasons, confirmed, "text"), end=False)
        raise typer.Exit(1)
    say(f"{entry}: {stores.raise_tier(store, entry, confirmed).tier}; {confirmed}")


@app.command("rescore")
def rescore(store: _Store) -> None:
    """Build every entry anew with this version's scorer, and show what moved."""
    from tabulate import tabulate

    from introbench_leaderboard import store as stores

    moved, failed = stores.rescore(store)
    rows = [[each.entry, each.task, each.before, each.after] for each in moved]
    say(tabulate(rows, headers=["entry", "board", "before", "after"], tablefmt="simple") if rows else "Nothing moved.")
    for text in failed:
        say(f"not rebuilt: {text}", err=True)
    if failed:
        raise typer.Exit(1)


@app.command("pin-base")
def pin_base(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="Model spec of the base.")],
    store: _Store,
    task: Annotated[str, typer.Option("--task", metavar="SPEC", help="One task.")] = "hint_facts",
    offline: Offline = False,
) -> None:
    """Run a base model here and keep its answers: a submission's base has to agree with them."""
    from introbench_leaderboard.bases import pin_base as pinned
    from introbench_leaderboard.rules import read_rules

    file, different = pinned(store, spec, task, read_rules(store))
    say(f"{spec}: pinned in {file}")
    for text in different:
        say(f"differs from what was pinned: {text}")


@app.command("index")
def index(store: _Store) -> None:
    """Build index.json from the entries."""
    from introbench_leaderboard import store as stores

    say(f"{stores.write_index(store)} is built")


@app.command("flag")
def flag(
    entry: _Entry,
    store: _Store,
    text: Annotated[str | None, typer.Option("--text", help="What is disputed.")] = None,
    settled: Annotated[bool, typer.Option("--settled", help="Take all flags of the entry away.")] = False,
) -> None:
    """Put an open dispute on an entry, or settle what is open."""
    from introbench.errors import UsageError
    from introbench_leaderboard import store as stores

    if (text is None) != settled:
        raise UsageError("--text TEXT or --settled: name one of them")
    found = stores.add_flag(store, entry, text)
    say(f"{entry}: {len(found.flags)} open")


@app.command("build")
def build(
    store: _Store, out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the site.")]
) -> None:
    """Write the static site of a store; an older site there is replaced as a whole."""
    from introbench_leaderboard.site.build import build_site

    for line in build_site(store, out).lines():
        say(line)


def _data(bundle: Path) -> bytes:
    """The bundle, read once: what is checked is what is taken."""
    from introbench_leaderboard.check import read_bundle

    return read_bundle(bundle)


def _judged(
    data: bytes,
    store: Path | None,
    rerun: int | None,
    nonce: str | None,
    model: str | None,
    seconds: float,
    rules_of: Path | None = None,
) -> tuple[Submission | None, list[Reason], Rerun | None]:
    """The bundle where it is sound, every reason against it, and what a re-run gave."""
    from introbench.errors import UsageError
    from introbench_leaderboard.check import check_bundle
    from introbench_leaderboard.patience import TooLongError, at_most, too_long
    from introbench_leaderboard.rerun import rerun as asked_again
    from introbench_leaderboard.rules import read_rules
    from introbench_leaderboard.store import conflicts

    if rerun is not None and not nonce:
        raise UsageError("--nonce SECRET is missing: a draw that can be foreseen proves nothing")
    rules = read_rules(store or rules_of)
    try:
        with at_most(seconds):
            verdict = check_bundle(data, rules)
            reasons: list[Reason] = list(verdict.reasons)
            if verdict.submission is None:
                return None, reasons, None
            if store is not None:
                reasons += conflicts(store, verdict.submission)
    except TooLongError:
        return None, [too_long(seconds)], None
    confirmed = None
    if rerun is not None and nonce and not reasons:
        confirmed = asked_again(verdict.submission, rerun, nonce, model)
        reasons += confirmed.reasons
    return verdict.submission, reasons, confirmed
