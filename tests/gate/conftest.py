"""Runs of scripted models, whose change from one to the other is known, as a run leaves them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from introbench.runs.config import resolve_config
from introbench.runs.execute import execute

Runner = Callable[..., Path]


@pytest.fixture(scope="session")
def scripted_run(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """Runs a model by its spec and returns the run directory; the same arguments give the same directory."""
    done: dict[tuple[object, ...], Path] = {}

    def run(
        spec: str,
        *references: str,
        tasks: tuple[str, ...] = ("hint_facts",),
        limit: int = 60,
        seed: int = 0,
        aa_share: float = 0.2,
        fresh: bool = False,
    ) -> Path:
        key = (spec, references, tasks, limit, seed, aa_share)
        if key in done and not fresh:
            return done[key]
        out = tmp_path_factory.mktemp("run") / "run"
        config, variants = resolve_config(spec, references, tasks, limit=limit, seed=seed, aa_share=aa_share)
        execute(config, variants, out)
        if not fresh:
            done[key] = out
        return out

    return run
