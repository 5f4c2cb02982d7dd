"""Stored runs, and a real browser where there is one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import watched
from reports import HOSTILE, manifest_of, rewritten, run_of


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a reference and with cases of every kind."""
    out = tmp_path_factory.mktemp("report") / "first"
    return run_of(out, "scripted/cued_is_hint", "scripted/oracle?seed=1", limit=40)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which models wrote freely, and whose every text that a stranger may write is an attack."""
    out = run_of(tmp_path_factory.mktemp("hostile") / "run", "scripted/oracle", "scripted/liar?seed=1", free=True)
    written = iter(range(1 << 30))

    def attack(row: dict[str, Any]) -> None:
        del row["check"]  # a stranger need not write it, or writes one that fits
        if row["text"] is not None:
            number = next(written)
            row["text"] = HOSTILE + ("x" * 1_000_000 if number == 0 else f" {number}") + "\n" + row["text"]

    for ledger in sorted((out / "records").rglob("*.jsonl")):
        rewritten(ledger, attack)
    manifest = manifest_of(out)
    manifest["models"][0]["name"] = HOSTILE
    manifest["models"][0]["path_reason"] = HOSTILE
    manifest["hardware"]["cpu"] = HOSTILE
    manifest["config"]["models"][0]["name"] = HOSTILE
    (out / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return out


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page from disk; at the end no console message, error, dialog or request may have been seen."""
    yield from watched(browser)
