"""Makes the site of a store: all of it is written beside the old one, which it then replaces."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from introbench.errors import UsageError
from introbench.files import disk_errors
from introbench.hashing import Json, bytes_hash, canonical_json
from introbench.metrics.intervals import Estimate
from introbench.report.files import as_csv
from introbench.report.tables import Cell
from introbench.texts import inert
from introbench_leaderboard.entry import SUBMISSIONS, Board, read_outcomes
from introbench_leaderboard.ranking import contender, standings
from introbench_leaderboard.site.cases import Cases
from introbench_leaderboard.site.data import Position, Positions, board_data, scores_table
from introbench_leaderboard.site.listing import Listing, Placed, listing_of
from introbench_leaderboard.site.pages import Pages
from introbench_leaderboard.site.shards import packed

__all__ = ["MARK", "SiteReport", "build_site"]

MARK = "site.json"
"""The file by which a folder is known as a site that may be replaced."""

LAYOUT = 1
_HASH_LETTERS = 12


@dataclass(frozen=True, slots=True)
class SiteReport:
    """What was built.

    Attributes:
        out: the folder.
        entries: current submissions.
        superseded: submissions that others correct.
        boards: boards.
        pages: HTML files.
        shards: files with cases.
        bytes: size of all files.
        largest_shard: bytes of the largest file with cases.
        without_prompts: by reason, the number of sets of cases whose prompts could not all be shown.
    """

    out: Path
    entries: int
    superseded: int
    boards: int
    pages: int
    shards: int
    bytes: int
    largest_shard: int
    without_prompts: Mapping[str, int]

    def lines(self) -> list[str]:
        """What was built, a sentence each."""
        found = [
            f"{self.out}: {self.entries} submissions on {self.boards} boards, {self.pages} pages, "
            f"{self.shards} files of cases, {self.bytes / 1e6:.1f} MB; open {self.out / 'index.html'}"
        ]
        if self.superseded:
            found.append(f"{self.superseded} superseded submissions stand on the pages of their models only.")
        for reason, count in self.without_prompts.items():
            found.append(f"The prompts of {count} sets of cases are not all shown: {reason}.")
        return found


def build_site(store: Path, out: Path) -> SiteReport:
    """Make the site of a store. The folder `out` then holds all of it; on any failure it stays as it was.

    Raises UsageError where the store cannot be read or `out` holds something else than a site, DiskError where the
    disk refuses.
    """
    if not (store / SUBMISSIONS).is_dir():
        raise UsageError(f"{store}: is no store (no {SUBMISSIONS}/); name the folder in which submissions were placed")
    _check(out)
    listing = listing_of(store)
    with disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
        try:
            report = _written(listing, made, out)
            os.chmod(made, 0o755)
            _swap(made, out)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return report


def _check(out: Path) -> None:
    with disk_errors(out):
        if out.exists() and not (out / MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
            raise UsageError(f"{out}: holds something else than a site (no {MARK}); choose another folder")


def _swap(made: Path, out: Path) -> None:
    """Put a whole folder in the place of another one, which comes back where that fails."""
    if not out.exists():
        made.rename(out)
        return
    old = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-old-"))
    try:
        out.rename(old / "site")
        try:
            made.rename(out)
        except OSError:
            (old / "site").rename(out)
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


class _Folder:
    """Files below a folder, counted.

    Attributes:
        root: the folder.
        sizes: bytes of every file by its address.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sizes: dict[str, int] = {}

    def write(self, address: str, data: bytes) -> None:
        file = self.root / address
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        self.sizes[address] = len(data)

    def shard(self, name: str, data: bytes) -> None:
        self.write(f"data/{name}.js", data)


def _written(listing: Listing, made: Path, out: Path) -> SiteReport:
    folder = _Folder(made)
    cases = Cases(folder.shard)
    positions = {board: _positions(placed, cases) for board, placed in listing.boards.items()}
    shards = dict(folder.sizes)
    table = packed("board", board_data(listing, positions, cases.books))
    folder.shard("board", table)
    for board, placed in listing.boards.items():
        _write_scores(folder, f"data/boards/{listing.addresses[board]}", {board: placed}, positions)
    _write_scores(folder, "data/board", listing.boards, positions)
    for listed in listing.entries:
        folder.write(listed.data, _json(listed.entry.model_dump(mode="json")))
    pages = list(Pages(listing, positions, bytes_hash(table)[:_HASH_LETTERS]).all())
    for address, text in pages:
        folder.write(address, text.encode())
    folder.write(MARK, _json({"layout": LAYOUT, "entries": len(listing.entries)}))
    reasons = [book.reason for book in cases.books.values() if book.reason]
    return SiteReport(
        out=out,
        entries=len(listing.current),
        superseded=len(listing.entries) - len(listing.current),
        boards=len(listing.boards),
        pages=len(pages),
        shards=len(shards),
        bytes=sum(folder.sizes.values()),
        largest_shard=max(shards.values(), default=0),
        without_prompts={reason: reasons.count(reason) for reason in sorted(set(reasons))},
    )


def _positions(placed: tuple[Placed, ...], cases: Cases) -> dict[str, Position]:
    """How the entries of a board stand, and where their cases lie."""
    files, contenders = {}, []
    for each in placed:
        entry = each.listed.entry
        outcomes = read_outcomes(each.listed.folder, each.ranked)
        files[str(entry.id)] = cases.add(each, outcomes)
        contenders.append(contender(str(entry.id), entry.tier, each.ranked.above_floor.value, outcomes))
    found = {}
    for standing in standings(contenders):
        book, answers = files[standing.id]
        found[standing.id] = Position(standing, book, answers, cases.answers[answers])
    return found


def _write_scores(
    folder: _Folder,
    stem: str,
    boards: Mapping[Board, tuple[Placed, ...]],
    positions: Positions,
) -> None:
    table = scores_table(boards, positions)
    folder.write(f"{stem}.csv", as_csv(table).encode())
    rows = [dict(zip(table.headings, map(_plain, row.cells), strict=True)) for row in table.rows]
    folder.write(f"{stem}.json", _json(rows))


def _plain(cell: Cell) -> Json:
    return cell.model_dump(mode="json") if isinstance(cell, Estimate) else cell


def _json(value: Json) -> bytes:
    # In JSON, characters that act stand within strings only, where their escapes mean the same.
    return (inert(canonical_json(value)) + "\n").encode()
