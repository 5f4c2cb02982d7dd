"""What is measured of stored runs equals what a run scores itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.evidence.verdicts import measured
from introbench.metrics.summary import summarise
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.ledger import row_check


def test_the_deciding_token_of_a_stored_run_is_that_of_its_ledger(tiny_llama: Path, tmp_path: Path) -> None:
    config, variants = resolve_config(f"hf/{tiny_llama}", ["scripted/oracle"], limit=8, aa_share=0)
    run = execute(config, variants, tmp_path / "run")
    kept, (own, _) = measured(run), summarise(run).tasks[0].emitters
    assert own.deciding is not None
    ledger = next((run / "records").glob("0-*/*.jsonl"))
    rows = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]
    for row in rows:
        row.pop("deciding", None)
        row["check"] = row_check(row)
    ledger.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    found = measured(run)
    assert (kept["from"], found["from"]) == ("its ledger", "the model, asked again")
    assert list(_leaves(found)) == pytest.approx(list(_leaves(kept)), abs=1e-5)
    by_token, scored = found["readings"]["deciding token"], found["readings"]["candidates"]
    for ours, theirs in (
        (by_token["youden_j"], own.deciding.youden_j),
        (by_token["auroc"], own.deciding.auroc),
        (scored["youden_j"], own.self_scores.youden_j),
        (scored["auroc"], own.self_scores.auroc),
    ):
        assert ours["value"] == pytest.approx(theirs.value, abs=1e-6)
        assert ours["low"] == pytest.approx(theirs.low, abs=1e-6)
    assert by_token["says_changed"] == pytest.approx(own.deciding.changed_rate.value, abs=1e-6)
    assert found["median_mass_of_deciding_tokens"] == pytest.approx(own.deciding.median_mass, rel=1e-4)
    assert set(by_token["pairs"]) == {"scripted/oracle"}


def _leaves(found: Any) -> Iterator[float]:
    if isinstance(found, dict | list):
        for value in found.values() if isinstance(found, dict) else found:
            yield from _leaves(value)
    elif isinstance(found, int | float):
        yield float(found)
