"""Verdicts by the token that decides them: what they score, and that contents do not move them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from simulate import invented_answers, invented_cases
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from introbench.errors import RunDirectoryError
from introbench.metrics.deciding import deciding_reading
from introbench.metrics.observations import Answers, CaseTable, LogProbs, decide
from introbench.metrics.read import read_run
from introbench.metrics.summary import summarise
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.ledger import row_check


def world(size: int = 400) -> tuple[np.random.Generator, CaseTable, Answers]:
    rng = np.random.default_rng(0)
    uncued, cued, said = (rng.integers(0, high, size) for high in (2, 2, 2))
    return rng, invented_cases(rng.integers(0, 4, size), rng.integers(0, 4, size)), invented_answers(uncued, cued, said)


def test_the_scores_are_those_of_an_independent_library() -> None:
    rng, cases, answers = world()
    changed = answers.labels.changed
    logprobs = np.log(rng.dirichlet((1, 1, 2), changed.size)[:, :2])
    logprobs[changed, 1] += 0.7
    logprobs[:7] = np.nan
    found = deciding_reading(cases, answers, logprobs)
    assert found is not None
    known = cases.headline & ~np.isnan(logprobs[:, 0])
    lead = (logprobs[:, 1] - logprobs[:, 0])[known]
    assert found.cases == np.count_nonzero(known)
    assert found.auroc.value == pytest.approx(roc_auc_score(changed[known], lead))
    assert found.youden_j.value == pytest.approx(2 * balanced_accuracy_score(changed[known], lead > 0) - 1)
    assert found.changed_rate.value == pytest.approx(np.mean(lead > 0))
    assert found.agreement.value == pytest.approx(np.mean((lead > 0) == (answers.said[known] == 1)))
    assert found.median_mass == pytest.approx(np.median(np.exp(logprobs[known]).sum(axis=1)))


def test_contents_off_the_list_move_a_scored_verdict_and_not_the_deciding_token() -> None:
    """A model that always knows its verdict, and mostly names an answer that is not listed behind "changed"."""
    _, cases, answers = world()
    changed = answers.labels.changed
    deciding = np.log(np.where(changed[:, None], [[0.1, 0.9]], [[0.9, 0.1]]))
    listed = np.log(np.array([0.95, 0.05]))
    candidates = deciding[:, :, None] + listed[None, :, None] + np.log([0.5, 0.5])
    scored = decide(
        LogProbs(
            uncued=_certain(answers.uncued),
            cued=_certain(answers.cued),
            unchanged=candidates[:, 0],
            changed=candidates[:, 1],
        )
    )
    assert not (scored.said[changed] == 1).any()
    found = deciding_reading(cases, scored, deciding)
    assert found is not None
    assert found.youden_j.value == 1


def _certain(choices: np.ndarray) -> np.ndarray:
    return np.log(np.where(np.arange(2) == choices[:, None], 0.9, 0.1))


def test_without_scored_beginnings_there_is_no_reading() -> None:
    _, cases, answers = world()
    assert deciding_reading(cases, answers, np.full((answers.said.size, 2), np.nan)) is None


def test_a_run_of_a_real_model_has_the_reading(tiny_llama: Path, tmp_path: Path) -> None:
    config, variants = resolve_config(f"hf/{tiny_llama}", ["scripted/oracle"], limit=6, aa_share=0)
    run = execute(config, variants, tmp_path / "run")
    real, scripted = summarise(run).tasks[0].emitters
    assert scripted.deciding is None
    assert real.deciding is not None
    assert real.deciding.cases == real.coverage.scored
    assert 0 < real.deciding.median_mass <= 1
    ledger = next((run / "records").glob("0-*/*.jsonl"))
    rows = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]
    broken = next(row for row in rows if "deciding" in row)
    broken["deciding"] = ["likely", -1.0]
    broken["check"] = row_check(broken)
    ledger.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with pytest.raises(RunDirectoryError, match="beginnings of the answer to explanation holds what is no number"):
        read_run(run)
