"""Whatever is done to the rows of a run shows in the reported coverage; nothing divides by a silent denominator."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from introbench.errors import RunDirectoryError
from introbench.metrics import Summary, summarise
from introbench.metrics.intervals import Estimate

RunMaker = Callable[..., Path]
Rows = list[dict[str, Any]]


def change(file: Path, edit: Callable[[Rows], Rows]) -> None:
    rows = edit([json.loads(line) for line in file.read_text().splitlines()])
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def reported(summary: Summary) -> dict[str, Any]:
    """Everything that the summary says of what its numbers rest on."""
    return {
        "ledgers": [model.ledger for model in summary.models],
        "cases": [task.cases for task in summary.tasks],
        "emitters": [emitter.coverage for task in summary.tasks for emitter in task.emitters],
        "pairs": [pair.coverage for task in summary.tasks for pair in task.pairs],
    }


def drop(rows: Rows) -> Rows:
    return [row for place, row in enumerate(rows) if place % 7]


def double(rows: Rows) -> Rows:
    return [row for place, row in enumerate(rows) for _ in range(1 + (place % 7 == 0))]


def write_nothing(rows: Rows) -> Rows:
    return [{**row, "text": "", "logprobs": []} if place % 7 == 0 else row for place, row in enumerate(rows)]


@pytest.mark.parametrize("mutate", [drop, double, write_nothing])
@pytest.mark.parametrize("model", ["tiny", "tiny-base"])
def test_dropping_doubling_or_emptying_ledger_rows_moves_the_coverage(
    make_run: RunMaker, mutate: Callable[[Rows], Rows], model: str
) -> None:
    run = make_run()
    before = reported(summarise(run))
    change(run / "records" / model / "facts.jsonl", mutate)
    after = reported(summarise(run))
    assert after != before


def test_dropped_rows_are_missing_and_doubled_ones_are_counted_as_such(make_run: RunMaker) -> None:
    run = make_run()
    whole = summarise(run)
    ledger = run / "records" / "tiny" / "facts.jsonl"
    change(ledger, double)
    doubled = summarise(run)
    extra = doubled.models[0].ledger.rows - whole.models[0].ledger.rows
    assert doubled.models[0].ledger.repeated == extra > 0
    assert doubled.tasks[0].emitters[0].self_scores == whole.tasks[0].emitters[0].self_scores
    change(ledger, lambda rows: rows[: len(rows) // 2])
    halved = summarise(run)
    assert halved.models[0].ledger.used < whole.models[0].ledger.used
    assert halved.tasks[0].emitters[0].coverage.scored < whole.tasks[0].emitters[0].coverage.scored


def test_dropped_cases_move_the_counts_and_the_plan_says_how_many_are_lost(make_run: RunMaker) -> None:
    run = make_run()
    manifest = json.loads((run / "manifest.json").read_text())
    for task in manifest["tasks"]:
        task["cases"] = 180
    (run / "manifest.json").write_text(json.dumps(manifest))
    before = summarise(run)
    change(run / "cases.jsonl", drop)
    after = summarise(run)
    assert (before.tasks[0].cases.planned, before.tasks[0].cases.held) == (180, 180)
    assert after.tasks[0].cases.planned == 180
    assert after.tasks[0].cases.held < 180
    assert after.tasks[0].emitters[0].coverage.cases < before.tasks[0].emitters[0].coverage.cases
    assert after.models[0].ledger.unused > before.models[0].ledger.unused


def test_a_doubled_case_or_an_emptied_row_is_an_error_that_names_it(make_run: RunMaker) -> None:
    run = make_run()
    change(run / "cases.jsonl", double)
    with pytest.raises(RunDirectoryError, match="case facts/0/friend stands there twice"):
        summarise(run)
    run = make_run()
    change(run / "records" / "tiny" / "facts.jsonl", lambda rows: [{**rows[0], "logprobs": []}, *rows[1:]])
    with pytest.raises(RunDirectoryError, match="finite log-probabilities"):
        summarise(run)
    change(run / "records" / "tiny" / "facts.jsonl", lambda rows: [{}, *rows[1:]])
    with pytest.raises(RunDirectoryError, match=r"facts.jsonl:1: not a ledger row"):
        summarise(run)


def estimates(value: Any) -> list[Estimate]:
    """Every estimate anywhere in a summary."""
    if isinstance(value, Estimate):
        return [value]
    if isinstance(value, list):
        return [found for each in value for found in estimates(each)]
    if isinstance(value, BaseModel):
        return [found for name in type(value).model_fields for found in estimates(getattr(value, name))]
    return []


def test_every_estimate_says_what_it_rests_on_and_none_rests_on_nothing(make_run: RunMaker) -> None:
    run = make_run()
    change(run / "records" / "tiny" / "facts.jsonl", lambda rows: rows[:40])
    found = estimates(summarise(run))
    assert len(found) > 200
    for estimate in found:
        if estimate.value is None:
            assert estimate.status == "not estimable"
            assert estimate.detail
        else:
            assert estimate.n > 0
            assert np.isfinite(estimate.value)
