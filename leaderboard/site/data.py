"""The numbers of the table: for the page's script, and as CSV and JSON at addresses that stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from introbench.metrics.intervals import Estimate
from introbench.report.tables import Cell, Row, Table
from introbench.texts import inert
from introbench_leaderboard.entry import TIERS, Board
from introbench_leaderboard.ranking import Standing
from introbench_leaderboard.site.cases import Book
from introbench_leaderboard.site.listing import TIER_MEANINGS, Listed, Listing, Placed, coupling, target_of

__all__ = [
    "Position",
    "Positions",
    "board_data",
    "board_page",
    "board_sentence",
    "not_headlined",
    "scores_table",
]

SCALE_STEP = 0.25
"""The axis of all whiskers ends on a multiple of this."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where an entry stands on a board, and where its cases lie.

    Attributes:
        standing: its tie group, and how it compares with the leader of that.
        book: name of the file with what was asked.
        answers: name of the file with what was answered.
        parts: number of files of the latter.
    """

    standing: Standing
    book: str
    answers: str
    parts: int

    @property
    def leads(self) -> bool:
        """Whether it is the one that the others of its tie group cannot be told from."""
        return self.standing.leader == self.standing.id


Positions = Mapping[Board, Mapping[str, Position]]
"""By board and id of the entry."""


def board_page(listing: Listing, board: Board) -> str:
    """Address of a board's page, from the root of the site."""
    return f"boards/{listing.addresses[board]}.html"


def board_sentence(placed: Sequence[Placed], positions: Mapping[str, Position]) -> str:
    """How many stand on a board, and how many of each tier cannot be told apart from the one that leads it."""
    count = len(placed)
    found = []
    for tier in reversed(TIERS):
        members = [positions[str(each.listed.entry.id)] for each in placed if each.listed.entry.tier == tier]
        level = sum(each.standing.group == 1 and not each.leads for each in members)
        if members:
            found.append(f"{len(members)} {tier}" + (f" ({level} level with their leader)" if level else ""))
    return f"{'1 submission' if count == 1 else f'{count} submissions'}: {', '.join(found)}."


def board_data(listing: Listing, positions: Positions, books: Mapping[str, Book]) -> dict[str, Any]:
    """What `data/board.js` holds: everything that the table and the cases need to be drawn."""
    return {
        "tiers": [{"name": tier, "means": TIER_MEANINGS[tier]} for tier in reversed(TIERS)],
        "scale": _scale(listing),
        "boards": [
            {
                "name": inert(board.name),
                "page": board_page(listing, board),
                "says": board_sentence(placed, positions[board]),
            }
            for board, placed in listing.boards.items()
        ],
        "books": {
            name: {"parts": book.parts, "texts": list(book.texts), "reason": book.reason}
            for name, book in books.items()
        },
        "runs": [_run(listed, listing, positions) for listed in listing.current],
    }


def _scale(listing: Listing) -> tuple[float, float]:
    """Ends of the axis on which all whiskers are drawn: it holds 0, every estimate and every interval."""
    ends = [0.0, SCALE_STEP]
    for placed in listing.boards.values():
        for each in placed:
            figure = each.ranked.above_floor
            ends += [value for value in (figure.value, figure.low, figure.high) if value is not None]
    return SCALE_STEP * (min(ends) // SCALE_STEP), -SCALE_STEP * (-max(ends) // SCALE_STEP)


def _run(listed: Listed, listing: Listing, positions: Positions) -> dict[str, Any]:
    entry, declared = listed.entry, listed.entry.declared
    ranked = {each.board: each for each in entry.tasks}
    return {
        "id": str(entry.id),
        "org": entry.id.org,
        "model": entry.id.model,
        "revision": entry.id.revision,
        "run": entry.id.run,
        "page": listed.page,
        "anchor": listed.anchor,
        "tier": listed.untrusted,
        "spec": inert(entry.spec),
        "engine": inert(entry.engine),
        "parameters": declared.parameters,
        "trained": declared.trained_on_labels,
        "relation": declared.relation,
        "open": declared.open_weights,
        "made": declared.runs_made,
        "accepted": entry.accepted.date().isoformat(),
        "warnings": [inert(each) for each in entry.warnings],
        "flags": [inert(each) for each in entry.flags],
        "results": [
            _result(Placed(listed, ranked[board]), positions[board][str(entry.id)]) if board in ranked else None
            for board in listing.boards
        ],
    }


def _result(placed: Placed, position: Position) -> dict[str, Any]:
    ranked, entry = placed.ranked, placed.listed.entry
    coupled = coupling(entry, ranked.board.task)
    return {
        "above": _values(ranked.above_floor),
        "few": not_headlined(placed),
        "group": position.standing.group,
        "leads": position.leads,
        "j": _values(ranked.youden_j),
        "exact": _values(target_of(entry, ranked.board.task).self_scores.exact_match),
        "coupling": _values(coupled) if coupled else None,
        "n": ranked.n,
        "clusters": ranked.effective_n,
        "book": position.book,
        "cases": position.answers,
        "parts": position.parts,
    }


def not_headlined(placed: Placed) -> bool:
    """Whether the figure stands with a star: it rests on too little, or on too little variety."""
    return bool(placed.ranked.reasons_against) or placed.ranked.above_floor.status != "ok"


def _values(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    return estimate.value, estimate.low, estimate.high


_HEADINGS = (
    *("board", "task", "comparability", "reading", "explanations"),
    *("organisation", "model", "revision", "run", "tier", "J above its best floor", "best floor", "status"),
    *(
        "tie group in its tier",
        "p against the leader of the group",
        "Youden's J",
        "exact match",
        "centred coupling with base",
    ),
    *("n", "effective n", "trained on labels", "runs made", "relation", "open weights", "parameters"),
    *("base", "spec", "engine", "fingerprint", "accepted", "warnings", "flags", "bundle sha256"),
)


def scores_table(placed: Mapping[Board, Sequence[Placed]], positions: Positions) -> Table:
    """A row per entry and board with everything that the site knows of it; what as CSV anybody can compute with."""
    rows = [
        Row(_cells(board, each, positions[board][str(each.listed.entry.id)]))
        for board, entries in placed.items()
        for each in entries
    ]
    return Table("board", "All boards", _HEADINGS, tuple(rows), "")


def _cells(board: Board, placed: Placed, position: Position) -> tuple[Cell, ...]:
    entry, ranked = placed.listed.entry, placed.ranked
    declared = entry.declared
    return (
        *(board.name, board.task, board.comparability, board.reading, board.explanations),
        *(entry.id.org, entry.id.model, entry.id.revision, entry.id.run, entry.tier),
        *(ranked.above_floor, ranked.floor, "no headline" if not_headlined(placed) else "ok"),
        *(position.standing.group, position.standing.p_holm, ranked.youden_j),
        target_of(entry, board.task).self_scores.exact_match,
        coupling(entry, board.task),
        *(ranked.n, ranked.effective_n, declared.trained_on_labels, declared.runs_made, declared.relation),
        *(declared.open_weights, declared.parameters, entry.base.spec if entry.base else None, entry.spec),
        *(entry.engine, entry.fingerprint, entry.accepted.isoformat()),
        *("; ".join(entry.warnings), "; ".join(entry.flags), entry.bundle_sha256),
    )
