"""What the pages show: every entry with its address, and the boards in which the current ones stand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introbench.files import slug
from introbench.metrics.intervals import Estimate
from introbench.metrics.schema import EmitterSummary, PairSummary
from introbench_leaderboard.entry import TIERS, Board, Entry, Ranked, read_entries

__all__ = ["TIER_MEANINGS", "Listed", "Listing", "Placed", "addresses_of", "coupling", "listing_of", "target_of"]

TIER_MEANINGS: Mapping[str, str] = {
    "reproduced": "all rows were measured again by the board, and agree",
    "spot-checked": "rows drawn by lot were measured again by the board, and agree",
    "recomputed": "the numbers follow from the rows that were sent; nobody has measured the rows again",
}
"""What a tier says, for the heading under which its entries stand."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of the store.

    Attributes:
        folder: where it lies in the store.
        entry: what the board keeps of it.
    """

    folder: Path
    entry: Entry

    @property
    def name(self) -> str:
        """Organisation and model, as people write them."""
        return f"{self.entry.id.org}/{self.entry.id.model}"

    @property
    def page(self) -> str:
        """Address of its model's page, from the root of the site."""
        return f"models/{self.entry.id.org}__{self.entry.id.model}.html"

    @property
    def anchor(self) -> str:
        """Its place on that page."""
        return f"{self.entry.id.revision}--{self.entry.id.run}"

    @property
    def data(self) -> str:
        """Address of its whole entry as JSON, from the root of the site."""
        return f"data/entries/{self.entry.id}.json"

    @property
    def untrusted(self) -> int:
        """Place of its tier, the most trusted first."""
        return len(TIERS) - 1 - TIERS.index(self.entry.tier)


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry on one board.

    Attributes:
        listed: the entry.
        ranked: what it is ranked by there.
    """

    listed: Listed
    ranked: Ranked

    @property
    def order(self) -> tuple[Any, ...]:
        """The tier before the figure; what cannot be estimated last."""
        value = self.ranked.above_floor.value
        return (self.listed.untrusted, value is None, -(value or 0.0), str(self.listed.entry.id))


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything that the site shows.

    Attributes:
        entries: every entry of the store, superseded ones too, by model and then from the oldest.
        boards: by board, its current entries, the most trusted first and then from the best figure.
        addresses: by board, its part of file names.
    """

    entries: tuple[Listed, ...]
    boards: Mapping[Board, tuple[Placed, ...]]
    addresses: Mapping[Board, str]

    @property
    def current(self) -> list[Listed]:
        """The entries that no other one corrects."""
        return [listed for listed in self.entries if listed.entry.superseded_by is None]

    @property
    def models(self) -> Mapping[str, list[Listed]]:
        """Entries by the address of their model's page."""
        found: dict[str, list[Listed]] = {}
        for listed in self.entries:
            found.setdefault(listed.page, []).append(listed)
        return found


def listing_of(store: Path) -> Listing:
    """Every entry of a store. Raises UsageError where one cannot be read."""
    listed = (Listed(folder, entry) for folder, entry in read_entries(store))
    entries = tuple(sorted(listed, key=lambda each: (each.name, each.entry.accepted, str(each.entry.id))))
    boards: dict[Board, list[Placed]] = {}
    for each in entries:
        if each.entry.superseded_by is None:
            for ranked in each.entry.tasks:
                boards.setdefault(ranked.board, []).append(Placed(each, ranked))
    ordered = sorted(boards, key=lambda board: (board.task, -board.comparability, board.reading, board.explanations))
    return Listing(
        entries,
        {board: tuple(sorted(boards[board], key=lambda placed: placed.order)) for board in ordered},
        addresses_of(ordered),
    )


def addresses_of(boards: Sequence[Board]) -> dict[Board, str]:
    """Names of files; where two boards would share one, both get a part of a hash that no other board changes."""
    plain = {board: slug(board.name) for board in boards}
    taken = list(plain.values())
    return {
        board: name if taken.count(name) == 1 else f"{name}-{hashlib.sha256(board.name.encode()).hexdigest()[:8]}"
        for board, name in plain.items()
    }


def target_of(entry: Entry, task: str) -> EmitterSummary:
    """The model under test in the recomputed summary of a task."""
    return next(emitter for emitter in _emitters(entry, task) if emitter.role == "target")


def _emitters(entry: Entry, task: str) -> Iterable[EmitterSummary]:
    return next(each for each in entry.summary.tasks if each.name == task).emitters


def _base_pair(entry: Entry, task: str) -> PairSummary | None:
    """The target against its declared base, or None where the base's answers are not the board's own for it."""
    if entry.base is None or entry.base.state != "matches":
        return None
    target, base = target_of(entry, task).model, entry.base.name
    pairs = next(each for each in entry.summary.tasks if each.name == task).pairs
    return next((pair for pair in pairs if (pair.emitter, pair.reference) == (target, base)), None)


def coupling(entry: Entry, task: str) -> Estimate | None:
    """Centred coupling with the declared base, in the exact view; None where it may not be shown."""
    pair = _base_pair(entry, task)
    return pair.exact.centred_coupling if pair else None
