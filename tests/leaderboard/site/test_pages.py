"""What pages say without a script: a model over its revisions, what is declared, what leads where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from introbench_leaderboard.entry import read_entry
from introbench_leaderboard.site import pages
from introbench_leaderboard.site.listing import listing_of
from introbench_leaderboard.site.plots import MOST_DRAWN, best_of, trajectory


def test_a_model_is_drawn_over_its_revisions_from_the_oldest(store: Path, site: Path) -> None:
    page = (site / "models" / "acme__checked.html").read_text("utf-8")
    assert page.count('<svg class="plot"') == 2
    board, placed = next(iter(listing_of(store).boards.items()))
    steps = [each for each in placed if each.listed.entry.id.model == "checked"]
    for order in (steps, steps[::-1]):
        curve = trajectory(0, board, order)
        assert curve is not None
        assert [label for _, label in curve.ticks] == ["main", "step2", "step3"]
        assert [point.value for point in curve.lines[0].points] == sorted(
            each.ranked.above_floor.value or 0.0 for each in steps
        )
    assert trajectory(0, board, steps[:1]) is None


def test_every_interval_lies_within_the_axis_of_its_plot(store: Path) -> None:
    for board, placed in listing_of(store).boards.items():
        figure = best_of(board, placed * 3)
        assert figure is not None
        points = [point for _, group in figure.groups for point in group]
        assert len(points) == MOST_DRAWN
        for point in points:
            assert point.low is not None and point.high is not None
            assert figure.low <= point.low <= point.value <= point.high <= figure.high


def test_a_models_page_says_what_is_declared_and_how_to_run_it_again(site: Path, store: Path) -> None:
    entry = read_entry(store / "submissions" / "acme__best" / "main" / "run0")
    page = (site / "models" / "acme__best.html").read_text("utf-8")
    assert "declared, and checked by nobody" in page
    assert entry.fingerprint in page and entry.bundle_sha256 in page
    assert re.search(r'<pre tabindex="0" aria-label="Command">introbench run', page)


@pytest.mark.parametrize(
    ("contact", "link"),
    [
        ("https://example.org/a?b#c", "https://example.org/a?b#c"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//example.org", ""),
        ("https:example.org", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_only_addresses_of_the_web_become_links(store: Path, contact: str, link: str) -> None:
    entry = read_entry(store / "submissions" / "acme__best" / "main" / "run0")
    declared = entry.declared.model_copy(update={"contact": contact})
    assert pages.contact_of(entry.model_copy(update={"declared": declared})) == link
