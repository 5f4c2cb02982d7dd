"""The pages: what they say, drawn from templates, in the style of the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from introbench.metrics.intervals import Estimate
from introbench.report.html.house import environment, policy, script_of, style_of
from introbench.report.sentences import SENTENCE_DECIMALS, signed
from introbench.report.svg import inline_svg
from introbench.report.tables import Row, Table, interval, shown
from introbench_leaderboard.entry import TIERS, Board, Entry
from introbench_leaderboard.site.data import Position, Positions, board_page, board_sentence, not_headlined
from introbench_leaderboard.site.listing import TIER_MEANINGS, Listed, Listing, Placed, coupling, target_of
from introbench_leaderboard.site.plots import best_of, trajectory

__all__ = ["Pages", "contact_of"]

_HERE = Path(__file__).parent
_ASSETS = _HERE / "assets"


class Pages:
    """All pages of a site.

    Attributes:
        listing: what they show.
        positions: how entries stand on their boards.
        made: changes with every change of the data, so that browsers load them anew.
    """

    def __init__(self, listing: Listing, positions: Positions, made: str) -> None:
        self.listing, self.positions, self.made = listing, positions, made
        self._templates = environment(_HERE / "templates")
        self._style = style_of(_ASSETS / "site.css")

    def all(self) -> Iterator[tuple[str, str]]:
        """Address and text of every page."""
        yield "index.html", self._index()
        yield "cases.html", self._render("cases.html.j2", "", _script("load.js", "cases.js"), title="Cases")
        for board in self.listing.boards:
            yield board_page(self.listing, board), self._board(board)
        for address, entries in self.listing.models.items():
            yield address, self._model(entries)

    def _render(self, template: str, root: str, script: str, **values: Any) -> str:
        loads = script != script_of()
        page = self._templates.get_template(template)
        return page.render(
            root=root,
            made=self.made,
            policy=policy(self._style, script, loads=loads),
            style=Markup(self._style),
            script=Markup(script),
            version=version("introbench"),
            **values,
        )

    def _index(self) -> str:
        return self._render(
            "index.html.j2",
            "",
            _script("load.js", "table.js"),
            title="Leaderboard",
            boards=[
                (board.name, board_page(self.listing, board), board_sentence(placed, self.positions[board]))
                for board, placed in self.listing.boards.items()
            ],
            usual=_most_used(self.listing),
            tiers=[(tier, TIER_MEANINGS[tier]) for tier in reversed(TIERS)],
            count=len(self.listing.current),
            superseded=len(self.listing.entries) - len(self.listing.current),
        )

    def _board(self, board: Board) -> str:
        placed, positions = self.listing.boards[board], self.positions[board]
        figure = best_of(board, placed)
        tiers = [
            (tier, TIER_MEANINGS[tier], [_row(each, positions[str(each.listed.entry.id)]) for each in members])
            for tier, members in groupby(placed, lambda each: each.listed.entry.tier)
        ]
        address = self.listing.addresses[board]
        return self._render(
            "board.html.j2",
            "../",
            script_of(),
            title=board.name,
            board=board,
            sentence=board_sentence(placed, positions),
            versions=sorted({each.ranked.version for each in placed}),
            others=[
                (other.name, f"{self.listing.addresses[other]}.html")
                for other in self.listing.boards
                if other.task == board.task and other != board
            ],
            figure=figure,
            drawing=inline_svg(figure) if figure else "",
            tiers=tiers,
            table=f"index.html#board={quote(board.name)}",
            files=[f"data/boards/{address}.{ending}" for ending in ("csv", "json")],
        )

    def _model(self, entries: Sequence[Listed]) -> str:
        steps: dict[Board, list[Placed]] = {}
        for each in entries:
            if each.entry.superseded_by is None:
                for ranked in each.entry.tasks:
                    steps.setdefault(ranked.board, []).append(Placed(each, ranked))
        ordered = [board for board in self.listing.boards if board in steps]
        figures = [trajectory(number, board, steps[board]) for number, board in enumerate(ordered)]
        return self._render(
            "model.html.j2",
            "../",
            script_of(),
            title=entries[0].name,
            figures=[(figure, inline_svg(figure)) for figure in figures if figure],
            entries=[self._entry(each) for each in reversed(entries)],
            addresses={str(each.entry.id): f"#{each.anchor}" for each in entries},
        )

    def _entry(self, listed: Listed) -> dict[str, Any]:
        entry = listed.entry
        rows = []
        for ranked in entry.tasks:
            position = self.positions.get(ranked.board, {}).get(str(entry.id))
            rows.append(
                (
                    ranked.board.name,
                    board_page(self.listing, ranked.board) if ranked.board in self.listing.boards else "",
                    _row(Placed(listed, ranked), position),
                    f"cases.html#runs={quote(str(entry.id))}&board={quote(ranked.board.name)}" if position else "",
                )
            )
        return {"listed": listed, "entry": entry, "rows": rows, "facts": _facts(entry), "contact": contact_of(entry)}


def _script(*names: str) -> str:
    return script_of(*(_ASSETS / name for name in names))


def _most_used(listing: Listing) -> str:
    """The board that the table opens with: the one with the most entries, the first of equals."""
    boards = listing.boards.items()
    return max(boards, key=lambda pair: len(pair[1]))[0].name if boards else ""


def _row(placed: Placed, position: Position | None) -> dict[str, Any]:
    """What a table without JavaScript says of an entry on a board."""
    entry, ranked = placed.listed.entry, placed.ranked
    coupled = coupling(entry, ranked.board.task)
    cells = (
        _signed(ranked.above_floor, "*" if not_headlined(placed) else ""),
        ranked.floor or "–",
        _group(position) if position else "superseded",
        _signed(ranked.youden_j),
        shown(target_of(entry, ranked.board.task).self_scores.exact_match),
        _signed(coupled) if coupled else "–",
        f"{ranked.n} / {ranked.effective_n}",
    )
    return {"listed": placed.listed, "cells": cells, "reasons": ranked.reasons_against}


def _signed(estimate: Estimate, star: str = "") -> str:
    """What can be negative, with its interval."""
    if estimate.value is None:
        return "–"
    return f"{signed(estimate.value, SENTENCE_DECIMALS)}{star} {interval(estimate)}".rstrip()


def _group(position: Position) -> str:
    if position.standing.group is None:
        return "–"
    return f"{position.standing.group}{', leads' if position.leads else ''}"


def _facts(entry: Entry) -> Table:
    """What is known of an entry, what its submitter declares, and what its identity is made of."""
    declared = entry.declared
    says: Mapping[str, Any] = {
        "trained on this task's labels": _known(declared.trained_on_labels),
        "runs made before this one was chosen": _known(declared.runs_made),
        "relation to the model's maker": declared.relation,
        "open weights": _known(declared.open_weights),
        "parameters": _known(declared.parameters),
    }
    knows: Mapping[str, Any] = {
        "tier": f"{entry.tier}: {entry.rerun or TIER_MEANINGS[entry.tier]}",
        "model": entry.spec,
        "engine": entry.engine,
        "base": f"{entry.base.spec} ({entry.base.state})" if entry.base else "none declared",
        "accepted": entry.accepted.isoformat(),
        "rescored": entry.rescored.isoformat() if entry.rescored else "never",
        "scored by introbench": entry.scorer,
        "bundle": f"{entry.bundle_sha256} ({entry.bundle_bytes} bytes)",
        "fingerprint": entry.fingerprint,
    }
    groups = (
        ("declared, and checked by nobody", says),
        ("known to the board", knows),
        ("identity of the model", entry.fingerprint_parts),
    )
    rows = [Row((name, value), group=group) for group, part in groups for name, value in part.items()]
    return Table("facts", f"What is known of {entry.id}", ("", "value"), tuple(rows), "")


def _known(value: bool | int | None) -> str:
    return "not known" if value is None else shown(value)


def contact_of(entry: Entry) -> str:
    """The contact where it can be a link: an address of the web, and nothing that a browser would run."""
    try:
        parts = urlsplit(entry.declared.contact)
    except ValueError:
        return ""
    return entry.declared.contact if parts.scheme in ("https", "http") and parts.netloc else ""
