"""Runs and bundles that the tests of the board share."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundles import RULES, bundle_of, run_for_board

from introbench_leaderboard.prepare import Prepared


@pytest.fixture(scope="session")
def scripted_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_for_board(tmp_path_factory.mktemp("scripted") / "run", "me=scripted/reporter")


@pytest.fixture(scope="session")
def sound(scripted_run: Path) -> Prepared:
    """A bundle that the board takes."""
    return bundle_of(scripted_run, rules=RULES)


@pytest.fixture(scope="session")
def tiny_spec(tiny_llama: Path) -> str:
    """Where a real model lies: two layers, random weights, a byte tokenizer."""
    return f"hf/{tiny_llama}"


@pytest.fixture(scope="session")
def tiny_bundle(tiny_spec: str, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A bundle of that model."""
    return bundle_of(run_for_board(tmp_path_factory.mktemp("tiny") / "run", tiny_spec), "acme/tiny", rules=RULES)
