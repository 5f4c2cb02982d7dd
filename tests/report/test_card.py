"""The data card: when a task has to be called experimental."""

from __future__ import annotations

import numpy as np
import pytest

from introbench.metrics.intervals import rate
from introbench.report.card import Measured, ModelOnTask, unusual_change


def measured(**changed: float) -> Measured:
    """Models by name with their share of changed answers; those named "embedded…" are the embedded ones."""
    models = []
    for name, share in changed.items():
        hits = (np.arange(100) < round(100 * share)).astype(np.float64)
        estimate = rate(hits, np.arange(100))
        models.append(
            ModelOnTask(
                model=name,
                fingerprint="0",
                embedded=name.startswith("embedded"),
                cases=100,
                items=25,
                change_rate=estimate,
                placebo_change_rate=estimate,
                cue_following=estimate,
                accuracy_uncued=estimate,
                says_changed=estimate,
            )
        )
    return Measured(task_hash="0", version="0", split="test", limit=60, seed=0, models=models)


@pytest.mark.parametrize(
    ("rates", "experimental"),
    [
        ({"embedded": 0.15, "other": 0.01}, False),
        ({"embedded": 0.85}, False),
        ({"embedded": 0.14, "other": 0.5}, True),
        ({"embedded": 0.9}, True),
        ({"embedded": 0.05, "embedded_too": 0.5}, False),
        ({"other": 0.01}, False),
    ],
)
def test_a_task_is_experimental_where_every_embedded_model_changes_too_seldom_or_too_often(
    rates: dict[str, float], experimental: bool
) -> None:
    assert bool(unusual_change(measured(**rates))) is experimental


def test_the_reason_names_the_model_and_its_rate() -> None:
    assert unusual_change(measured(embedded=0.02)) == "embedded changes 2% of its answers: outside 15% to 85%"
