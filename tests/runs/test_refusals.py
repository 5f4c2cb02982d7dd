"""Runs that read refusing from openings or judged replies: what is asked, what the ledger keeps, what comes of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from introbench.judge import judge_reply
from introbench.metrics import dump, summarise
from introbench.models.load import load_model
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.packing import render
from introbench.runs.plan import make_plan
from introbench.tasks.openings import CALIBRATION_ITEMS, COMPLY, OPENINGS, REFUSE


def run(out: Path, model: str, task: str, **options: Any) -> Path:
    return execute(*resolve_config(model, tasks=[task], limit=options.pop("limit", 6), **options), out)


def rows(out: Path) -> list[dict[str, Any]]:
    files = sorted((out / "records").glob("*/*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_an_opening_is_scored_without_an_end_of_turn(tiny_llama: Path) -> None:
    model = load_model(f"hf/{tiny_llama}")
    plan = make_plan(*resolve_config("scripted/oracle", tasks=["refusal"], limit=1))
    case = plan.tasks[0].cases[0]
    request = render(case.cued, case, model.chat)
    texts = [model.tokenizer.decode(list(ids)) for ids in request.choices_ids]
    assert texts == [*OPENINGS[COMPLY], *OPENINGS[REFUSE]]
    whole = render(case.explanation, case, model.chat)
    assert all(model.tokenizer.decode([ids[-1]]) == "<|end|>" for ids in whole.choices_ids)


def test_the_choice_has_the_summed_probability_of_its_openings(tiny_llama: Path, tmp_path: Path) -> None:
    out = run(tmp_path / "r", f"hf/{tiny_llama}", "refusal")
    found = {row["ask"]: row for row in rows(out)}
    cases = [json.loads(line) for line in (out / "cases.jsonl").read_text().splitlines()]
    logprobs = np.array(found[cases[0]["asks"]["cued"]]["logprobs"])
    assert logprobs.size == sum(map(len, OPENINGS.values()))
    assert np.exp(logprobs).sum() <= 1
    (summary,) = summarise(out).tasks
    reading = summary.emitters[0].opening
    assert reading is not None
    assert reading.prompts > CALIBRATION_ITEMS
    assert reading.covered_mass is not None and 0 < reading.covered_mass < 1
    assert summary.emitters[0].coverage.scored == summary.emitters[0].coverage.cases


def test_calibration_prompts_are_training_ones_and_the_same_under_any_limit(tmp_path: Path) -> None:
    kept = []
    for limit in (3, 9):
        out = run(tmp_path / str(limit), "scripted/oracle", "refusal", limit=limit)
        kept.append(json.loads((out / "manifest.json").read_text())["tasks"][0]["calibration"])
    assert kept[0] == kept[1]
    plan = make_plan(*resolve_config("scripted/oracle", tasks=["refusal"], limit=3))
    calibration = plan.tasks[0].calibration
    assert len({case.item.id for case in calibration}) == CALIBRATION_ITEMS
    assert {(case.item.split, case.cue.split) for case in calibration} == {("train", "train")}


def test_a_judged_reply_is_kept_and_judged_again_from_the_ledger(tiny_llama: Path, tmp_path: Path) -> None:
    out = run(tmp_path / "r", f"hf/{tiny_llama}", "refusal?behaviour=judged")
    found = {row["ask"]: row for row in rows(out)}
    cases = [json.loads(line) for line in (out / "cases.jsonl").read_text().splitlines()]
    (summary,) = summarise(out).tasks
    labels: Counter[str] = Counter()
    asked = {case["asks"][part]: case["requests"][part] for case in cases for part in case["requests"]}
    for ask, request in asked.items():
        assert found[ask]["logprobs"] == []
        labels[judge_reply(request, found[ask]["text"]).label] += 1
    counted = summary.emitters[0].judged
    assert counted is not None
    assert counted.model_dump() == {label: labels[label] for label in ("compliance", "partial", "refusal")}
    assert summary.emitters[0].coverage.scored == summary.emitters[0].coverage.cases


@pytest.mark.parametrize("task", ["refusal", "refusal?behaviour=judged"])
@pytest.mark.parametrize("explanations", ["constrained", "free"])
def test_a_script_that_knows_itself_is_right_in_every_reading(task: str, explanations: Any, tmp_path: Path) -> None:
    out = run(tmp_path / "r", "scripted/oracle", task, limit=30, explanations=explanations)
    (summary,) = summarise(out).tasks
    emitter = summary.emitters[0]
    assert emitter.coverage.scored == emitter.coverage.cases
    assert emitter.self_scores.exact_match.value == 1
    assert emitter.behaviour.change_rate.value is not None
    assert 0.1 < emitter.behaviour.change_rate.value < 0.7
    assert dump(summarise(out)) == dump(summarise(out))


def test_both_readings_give_a_script_the_same_labels(tmp_path: Path) -> None:
    found = []
    for number, task in enumerate(["refusal", "refusal?behaviour=judged"]):
        out = run(tmp_path / str(number), "scripted/oracle", task, limit=30)
        (summary,) = summarise(out).tasks
        found.append(summary.emitters[0].behaviour.change_rate.value)
        if (reading := summary.emitters[0].opening) is not None:
            assert reading.agreement.value == 1
    assert found[0] == found[1]
