"""Verdicts by the token that decides them: what they score, and that contents do not move them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simulate import invented_answers, invented_cases
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from introbench.errors import RunDirectoryError
from introbench.metrics.deciding import deciding_reading
from introbench.metrics.difference import compare_runs
from introbench.metrics.observations import Answers, CaseTable, LogProbs, decide
from introbench.metrics.read import read_run
from introbench.metrics.summary import summarise
from introbench.models.types import ChoiceRequest, Source
from introbench.report.sentences import LITTLE, coverage_sentences, little_mass
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.ledger import row_check
from introbench.runs.plan import make_plan
from introbench.runs.reuse import answered_in


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


@pytest.fixture(scope="module")
def scored(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config, variants = resolve_config(f"hf/{tiny_llama}", limit=6, aa_share=0)
    return execute(config, variants, tmp_path_factory.mktemp("scored") / "run")


def edited(run: Path, out: Path, edit: Callable[[int, dict[str, Any]], None]) -> Path:
    """A copy of a run whose rows that hold `deciding`, counted from 0, went through an edit."""
    shutil.copytree(run, out)
    ledger = next((out / "records").glob("0-*/*.jsonl"))
    rows = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]
    for number, row in enumerate(row for row in rows if "deciding" in row):
        edit(number, row)
        row["check"] = row_check(row)
    ledger.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return out


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (["likely", -1.0], "holds what is no number"),
        ([-1.0, 10**400], "holds what is no number"),
        ([800.0, -1.0], "cannot have"),
        ([-0.1, -0.2], "cannot have"),
        ([-0.1], "needs 2 finite log-probabilities"),
        ([], "needs 2 finite log-probabilities"),
        (-0.1, "needs 2 finite log-probabilities"),
    ],
)
def test_beginnings_that_cannot_be_are_named(scored: Path, tmp_path: Path, value: Any, told: str) -> None:
    broken = edited(scored, tmp_path / "run", lambda number, row: row.update(deciding=value) if not number else None)
    with pytest.raises(RunDirectoryError, match=f"beginnings of the answer to explanation.*{told}"):
        read_run(broken)


def test_rows_without_it_are_counted_and_said(scored: Path, tmp_path: Path) -> None:
    whole = summarise(scored).tasks[0]
    assert "deciding token" not in " ".join(coverage_sentences(whole))
    partial = edited(scored, tmp_path / "run", lambda number, row: row.pop("deciding") if number % 4 else None)
    task = summarise(partial).tasks[0]
    (emitter,) = task.emitters
    assert emitter.deciding is not None and 0 < emitter.deciding.cases < emitter.coverage.scored
    told = f"the deciding token is known for {emitter.deciding.cases} of {emitter.coverage.scored} cases only"
    assert told in " ".join(coverage_sentences(task))
    # What is known of some cases is not offered in place of a verdict about all.
    assert "by the token that decides it" not in str(little_mass(emitter))
    assert "--explanations free" in str(little_mass(emitter))


def test_a_run_of_before_differs_nowhere_from_one_that_has_it(scored: Path, tmp_path: Path) -> None:
    before = edited(scored, tmp_path / "run", lambda number, row: row.pop("deciding"))
    for pair in ((before, scored), (scored, before)):
        assert not any(stage.differences for stage in compare_runs(*pair, tolerance=0.0))
    moved = edited(scored, tmp_path / "moved", lambda number, row: row.update(deciding=[row["deciding"][0] - 1, -9.0]))
    parted = [stage.name for stage in compare_runs(scored, moved, tolerance=0.0) if stage.differences]
    assert parted[0] == "log-probabilities"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_answers_the_one_with_it_is_taken_over(scored: Path, tmp_path: Path, order: tuple[int, int]) -> None:
    runs = scored, edited(scored, tmp_path / "run", lambda number, row: row.pop("deciding"))
    assert answered_in([runs[place] for place in order]) == answered_in([scored])


def test_a_token_that_hardly_decides_is_not_offered_in_place_of_a_verdict(scored: Path) -> None:
    (emitter,) = summarise(scored).tasks[0].emitters
    assert emitter.deciding is not None and emitter.deciding.median_mass < LITTLE
    assert "--explanations free" in str(little_mass(emitter))
    likely = emitter.deciding.model_copy(update={"median_mass": 0.9})
    assert "by the token that decides it, J is" in str(little_mass(emitter.model_copy(update={"deciding": likely})))


@pytest.mark.parametrize("choices", [(), ((1, 2),), ((1, 2), (1, 3), (2, 3))])
def test_what_is_not_the_explanations_of_both_verdicts_has_no_beginnings(choices: tuple[tuple[int, ...], ...]) -> None:
    config, variants = resolve_config("scripted/oracle", limit=1)
    source = Source(make_plan(config, variants).tasks[0].cases[0], "explanation")
    assert ChoiceRequest((1,), choices, source=source).beginnings == ()
