"""Stores with something of everything, their sites, and a browser."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from chromium import watched
from reports import HOSTILE

# Stores are made as the benchmark makes them. Last, so that it hides nothing installed.
sys.path.append(str(Path(__file__).resolve().parents[3]))

from benchmarks.site.stores import FIRST_DAY, Measured, measured, place
from introbench_leaderboard.entry import TIERS, EntryId
from introbench_leaderboard.site.build import build_site

TASKS = ("hint_facts", "hint_facts?behaviour=letter")


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Measured]:
    """Three models that know themselves ever better."""
    folder = tmp_path_factory.mktemp("runs")
    return [measured(folder / str(n), skill, seed=n, tasks=TASKS, limit=40) for n, skill in enumerate((0.1, 0.5, 0.9))]


@pytest.fixture(scope="session")
def store(runs: list[Measured], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine entries: the best one is trusted least; one is superseded; one has texts that attack."""
    folder = tmp_path_factory.mktemp("board") / "store"

    def put(found: Measured, model: str, revision: str, number: int, **changed: Any) -> None:
        name = EntryId(org="acme", model=model, revision=revision, run=f"run{number}")
        place(folder, found, name, number, **changed)

    put(runs[2], "best", "main", 0, tier=TIERS[0])
    put(runs[0], "checked", "main", 1, tier=TIERS[1])
    put(runs[1], "checked", "step2", 2, tier=TIERS[1])
    put(runs[2], "checked", "step3", 3, tier=TIERS[1])
    put(runs[0], "again", "main", 4, tier=TIERS[2])
    put(runs[1], "again", "second", 5, tier=TIERS[2], supersedes=None, superseded_by="acme__again/third/run6")
    put(runs[1], "again", "third", 6, tier=TIERS[2], supersedes="acme__again/second/run5")
    put(runs[1], "small", "main", 7, accepted=FIRST_DAY + timedelta(days=30))
    hostile = {"warnings": [HOSTILE], "flags": [HOSTILE], "spec": HOSTILE, "command": HOSTILE, "rerun": HOSTILE}
    put(runs[0], "hostile", "main", 8, fingerprint_parts={HOSTILE: HOSTILE}, scorer=HOSTILE, **hostile)
    return folder


@pytest.fixture(scope="session")
def site(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(store, tmp_path_factory.mktemp("pages") / "site").out


@pytest.fixture
def open_page(browser: Any, site: Path) -> Iterator[Callable[..., Any]]:
    """Opens a page of the site from disk; it may load files of the site and nothing else."""
    yield from watched(browser, site.as_uri())
