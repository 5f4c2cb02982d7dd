"""`introbench cache`: what lies in the caches, whether it is sound, and removing what no run would use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from introbench.cli.say import say

if TYPE_CHECKING:
    from introbench.models.cache import Cached

__all__ = ["cache"]

cache = typer.Typer(name="cache", help="List, verify and prune cached weights.", no_args_is_help=True)

_MEBIBYTE = 1 << 20


@cache.command("ls", short_help="List what is cached.")
def ls() -> None:
    """List converted weights and what the Hugging Face hub has brought."""
    from introbench.models.cache import cached
    from introbench.models.embedded import cache_folder

    found = cached()
    say(_table(found) if found else "Nothing is cached.")
    say(f"\nconverted weights lie in {cache_folder()} ($INTROBENCH_CACHE)")


@cache.command("verify", short_help="Compare converted weights with their hashes.")
def verify() -> None:
    """Read all converted weights and compare them with the hashes taken when they were made.

    Exits with 1 where some are damaged. The hub's files are its own: `hf cache verify` checks them.
    """
    from introbench.models.cache import cached

    converted = [entry for entry in cached() if entry.kind == "converted"]
    damaged = [entry for entry in converted if entry.damaged()]
    for entry in converted:
        say(f"{'damaged' if entry in damaged else 'sound':<9}{entry.name}")
    if damaged:
        say("\n`introbench cache prune` removes what is damaged; it is made anew when a run needs it.")
        raise typer.Exit(1)
    if not converted:
        say("No weights have been converted here.")


@cache.command("prune", short_help="Remove what no run would use.")
def prune_cache(
    everything: Annotated[bool, typer.Option("--all", help="Sound conversions too; runs make them anew.")] = False,
) -> None:
    """Remove outdated and damaged conversions and what killed ones left. The hub's cache is left alone."""
    from introbench.models.cache import prune

    gone = prune(everything=everything)
    if not gone:
        say("Nothing to remove.")
        return
    say(f"{_table(gone)}\n\nremoved, {sum(entry.size for entry in gone) / _MEBIBYTE:,.0f} MiB")


def _table(entries: list[Cached]) -> str:
    from tabulate import tabulate

    rows = [
        [entry.name, entry.kind if entry.current else f"{entry.kind}, unused", f"{entry.size / _MEBIBYTE:,.0f}"]
        for entry in entries
    ]
    return tabulate(
        rows,
        headers=["name", "what", "MiB"],
        tablefmt="simple",
        maxcolwidths=[44, None, None],
        colalign=("left", "left", "right"),
    )
