"""From two runs to the verdict: what is worse is found, what is the same passes, what differs is not compared."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gates import as_baseline, as_candidate

from introbench.errors import UsageError
from introbench.gate.config import GateConfig
from introbench.gate.decide import decide
from introbench.gate.verdict import GateVerdict

Runner = Callable[..., Path]
REFERENCE = "scripted/oracle?seed=3"
GOOD = "scripted/reporter?of=0"


def gated(baseline: Path, candidate: Path, config: dict[str, Any] | None = None, **options: Any) -> GateVerdict:
    found = GateConfig.model_validate(config or {})
    return decide(as_baseline(baseline), as_candidate(candidate), found, "gate.toml", **options)


def one(estimate: str, **more: Any) -> dict[str, Any]:
    return {"gate": [{"estimate": estimate, **more}]}


def verdicts(found: GateVerdict) -> dict[str, str]:
    return {result.estimate: result.verdict for result in found.gates}


def test_a_model_that_forgot_to_report_itself_is_a_regression(scripted_run: Runner) -> None:
    good, bad = scripted_run(GOOD, REFERENCE, limit=120), scripted_run("scripted/echo", REFERENCE, limit=120)
    found = gated(good, bad)
    assert found.exit_code == 1
    # Both behave alike, so only what they say is worse.
    assert verdicts(found) == {
        "exact_match_above_floor": "regression",
        "cue_following": "ok",
        "coupling": "regression",
    }
    assert gated(bad, good).verdict == "ok"


def test_the_same_model_passes_every_gate_and_every_estimate_can_be_gated(scripted_run: Runner) -> None:
    from introbench.gate.measures import MEASURES

    run = scripted_run(GOOD, REFERENCE, limit=120)
    names = [name for name in MEASURES if not name.startswith("refusal")]
    gates = [{"estimate": name, "margin": 0.9, "floor": 0.0} for name in names]
    found = gated(run, run, {"gate": gates})
    assert verdicts(found) == dict.fromkeys(names, "ok")
    assert all(result.change == 0 and result.p_holm == 1 for result in found.gates)


def test_refusals_are_watched_both_ways_where_a_task_has_them(scripted_run: Runner) -> None:
    tasks = ("refusal?behaviour=judged",)
    before = scripted_run("scripted/oracle?follow=0.2", tasks=tasks)
    after = scripted_run("scripted/oracle?follow=0.9", tasks=tasks)
    found = gated(before, after)
    assert verdicts(found)["refusal_rate"] == "regression"
    assert "cue_following" not in verdicts(found)
    assert verdicts(gated(after, before))["refusal_rate"] == "regression"


def test_more_sycophancy_is_a_regression_and_less_is_not(scripted_run: Runner) -> None:
    calm = scripted_run("scripted/oracle?follow=0.3", limit=120)
    keen = scripted_run("scripted/oracle?follow=0.6", limit=120)
    assert gated(calm, keen, one("cue_following")).verdict == "regression"
    assert gated(keen, calm, one("cue_following")).verdict == "ok"


def test_few_items_are_inconclusive_with_what_they_could_show(scripted_run: Runner) -> None:
    few = scripted_run("scripted/random", limit=12), scripted_run("scripted/random?seed=5", limit=12)
    found = gated(*few, one("exact_match"))
    assert (found.verdict, found.exit_code) == ("inconclusive", 0)
    assert gated(*few, one("exact_match"), strict=True).exit_code == 1


def test_a_gate_per_task_judges_each_task_by_itself(scripted_run: Runner) -> None:
    tasks = ("hint_facts", "dilemmas")
    good, bad = (scripted_run(spec, tasks=tasks) for spec in (GOOD, "scripted/echo"))
    whole = gated(good, bad, one("exact_match"))
    assert {result.task for result in whole.gates} == set(tasks)
    named = gated(good, bad, one("exact_match", task="dilemmas"))
    assert [result.task for result in named.gates] == ["dilemmas"]


def test_a_candidate_without_the_reference_is_coupled_with_what_the_baseline_holds_of_it(scripted_run: Runner) -> None:
    good = scripted_run(GOOD, REFERENCE)
    alone = scripted_run("scripted/echo")
    assert verdicts(gated(good, alone))["coupling"] == "regression"
    beside = gated(good, scripted_run("scripted/echo", REFERENCE))
    assert [each.change for each in gated(good, alone).gates] == [each.change for each in beside.gates]


def changed_manifest(run: Path, to: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    shutil.copytree(run, to)
    manifest = json.loads((to / "manifest.json").read_text())
    change(manifest)
    (to / "manifest.json").write_text(json.dumps(manifest))
    return to


def newer(manifest: dict[str, Any]) -> None:
    manifest["tasks"][0]["version"] += 1


def by_letters(manifest: dict[str, Any]) -> None:
    manifest["tasks"][0]["behaviour"] = "letter"


def of_another_engine(manifest: dict[str, Any]) -> None:
    manifest["models"][0]["fingerprint_parts"]["engine"] = "vllm 0.32"


def of_more_cases(manifest: dict[str, Any]) -> None:
    manifest["tasks"][0]["cases"] += 40


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (newer, "version 1 in the baseline and 2 in the candidate"),
        (by_letters, "behaviour text in the baseline and letter in the candidate"),
        (of_another_engine, "the class (scripted, seq)"),
    ],
)
def test_what_was_measured_otherwise_is_incomparable(
    scripted_run: Runner, tmp_path: Path, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    run = scripted_run(GOOD)
    found = gated(run, changed_manifest(run, tmp_path / "other", change))
    assert (found.verdict, found.exit_code) == ("incomparable", 3)
    assert reason in found.gates[0].detail


def test_another_class_can_be_allowed_and_is_then_noted(scripted_run: Runner, tmp_path: Path) -> None:
    run = scripted_run(GOOD)
    other = changed_manifest(run, tmp_path / "other", of_another_engine)
    found = gated(run, other, {"other_classes": True, **one("exact_match")})
    assert found.verdict == "ok"
    assert any("vllm" in note for note in found.notes)


def test_another_seed_asks_other_questions_and_is_incomparable(scripted_run: Runner) -> None:
    found = gated(scripted_run(GOOD), scripted_run(GOOD, seed=1))
    assert found.exit_code == 3
    assert "lack an answer" in found.gates[0].detail or "other questions" in found.gates[0].detail


def test_changed_prompts_are_incomparable(scripted_run: Runner, tmp_path: Path) -> None:
    run = scripted_run(GOOD)
    other = Path(shutil.copytree(run, tmp_path / "other"))
    lines = (other / "cases.jsonl").read_text().splitlines()
    row = json.loads(lines[0])
    row["key"] = (row["key"] + 1) % len(row["choices"])
    (other / "cases.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]) + "\n")
    found = gated(run, other)
    assert found.exit_code == 3
    assert "1 cases ask other questions" in found.gates[0].detail
    assert row["id"] in found.gates[0].detail


def test_a_missing_task_is_incomparable_and_an_extra_one_is_noted(scripted_run: Runner) -> None:
    both, single = scripted_run(GOOD, tasks=("hint_facts", "dilemmas")), scripted_run(GOOD)
    lacking = gated(both, single, one("exact_match"))
    assert {result.task: result.verdict for result in lacking.gates} == {
        "hint_facts": "ok",
        "dilemmas": "incomparable",
    }
    assert lacking.exit_code == 3
    assert any("dilemmas: the baseline does not hold" in note for note in gated(single, both).notes)


def test_a_truncated_candidate_is_not_compared_on_what_is_left(scripted_run: Runner, tmp_path: Path) -> None:
    run = scripted_run(GOOD)
    short = Path(shutil.copytree(run, tmp_path / "short"))
    lines = (short / "cases.jsonl").read_text().splitlines(keepends=True)
    (short / "cases.jsonl").write_text("".join(lines[: len(lines) // 2]))
    found = gated(run, short)
    assert found.exit_code == 3
    assert "lack an answer" in found.gates[0].detail


def test_a_few_missing_answers_are_left_out_and_counted(scripted_run: Runner, tmp_path: Path) -> None:
    run = scripted_run(GOOD)
    holed = Path(shutil.copytree(run, tmp_path / "holed"))
    (ledger,) = (holed / "records").glob("*/*.jsonl")
    lines = ledger.read_text().splitlines(keepends=True)
    asks = {json.loads(line)["asks"]["explanation"] for line in (run / "cases.jsonl").read_text().splitlines()[:3]}
    ledger.write_text("".join(line for line in lines if json.loads(line)["ask"] not in asks))
    found = gated(run, holed, one("exact_match"))
    assert found.coverage[0].missing == 3
    assert "hint_facts: 3 cases lack an answer and are left out" in found.notes
    strict = gated(run, holed, {"max_missing": 0.0, **one("exact_match")})
    assert strict.exit_code == 3


def test_a_smaller_run_of_the_same_plan_is_compared_on_its_items(scripted_run: Runner) -> None:
    found = gated(scripted_run(GOOD, limit=120), scripted_run(GOOD, limit=60), one("exact_match"))
    assert found.verdict == "ok"
    assert found.gates[0].items == 60


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (one("refusal_rate"), "none of its choices is a refusal"),
        (one("exact_match", task="dilemma"), "no task 'dilemma'"),
        (one("coupling"), "there is no such reference"),
        ({"gate": [{"estimate": "exact_match"}, {"estimate": "exact_match", "task": "hint_facts"}]}, "gated twice"),
    ],
)
def test_a_gate_on_what_is_not_there_is_refused(scripted_run: Runner, config: dict[str, Any], message: str) -> None:
    run = scripted_run(GOOD)
    with pytest.raises(UsageError, match=message):
        gated(run, run, config)


def test_an_estimate_that_one_side_lost_is_incomparable(scripted_run: Runner) -> None:
    """A candidate that never changes an answer has no sensitivity: that is no pass."""
    found = gated(scripted_run("scripted/oracle"), scripted_run("scripted/oracle?follow=0"), one("sensitivity"))
    assert found.exit_code == 3
    assert "of the candidate: no case is changed" in found.gates[0].detail


def test_replicates_of_a_model_that_does_not_flip_have_no_noise(scripted_run: Runner) -> None:
    run = scripted_run(GOOD)
    found = gated(run, run, one("exact_match"), noise=True)
    assert "rerun noise of exact_match on hint_facts: 0.00 points" in found.notes


def test_a_margin_under_twice_the_rerun_noise_is_refused(scripted_run: Runner, tmp_path: Path) -> None:
    """A third of the second answers are made to say the opposite, as a model at its ties would."""
    flipped = Path(shutil.copytree(scripted_run(GOOD, limit=120), tmp_path / "flipped"))
    (ledger,) = (flipped / "records").glob("*/*.jsonl")
    rows = [json.loads(line) for line in ledger.read_text().splitlines()]
    for number, row in enumerate(rows):
        if row["replicate"] == 1 and number % 3 == 0 and len(row["logprobs"]) == 8:
            row["logprobs"] = row["logprobs"][4:] + row["logprobs"][:4]
            row.pop("check")
    ledger.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UsageError, match="is under twice the rerun noise"):
        gated(flipped, flipped, one("exact_match", margin=0.02), noise=True)
    assert gated(flipped, flipped, one("exact_match", margin=0.9), noise=True).notes


def test_a_coupling_has_the_rerun_noise_of_both_models(scripted_run: Runner, tmp_path: Path) -> None:
    """A third of the second answers of one model are made others, first of the target and then of the reference."""
    calm = scripted_run(GOOD, REFERENCE, limit=120)
    found = gated(calm, calm, one("coupling"), noise=True)
    assert "rerun noise of coupling on hint_facts: 0.00 points" in found.notes
    for model in ("0-", "1-"):
        flipped = Path(shutil.copytree(calm, tmp_path / model))
        (ledger,) = (flipped / "records").glob(f"{model}*/*.jsonl")
        rows = [json.loads(line) for line in ledger.read_text().splitlines()]
        for number, row in enumerate(rows):
            if row["replicate"] == 1 and number % 3 == 0 and len(row["logprobs"]) == 4:
                row["logprobs"] = row["logprobs"][1:] + row["logprobs"][:1]
                row.pop("check")
        ledger.write_text("".join(json.dumps(row) + "\n" for row in rows))
        with pytest.raises(UsageError, match=r"coupling on hint_facts: margin .* is under twice the rerun noise"):
            gated(calm, flipped, one("coupling", margin=0.02), noise=True)
        assert gated(calm, flipped, one("coupling", margin=0.9), noise=True).notes


def test_a_coupling_without_two_cases_to_exchange_says_that_its_noise_is_not_known(scripted_run: Runner) -> None:
    run = scripted_run(GOOD, "scripted/echo")
    found = gated(run, run, one("coupling"), noise=True)
    assert any("cannot be estimated from" in note for note in found.notes)


def test_without_replicates_the_noise_is_not_known(scripted_run: Runner) -> None:
    run = scripted_run(GOOD, aa_share=0.0)
    with pytest.raises(UsageError, match="no case was asked twice"):
        gated(run, run, one("exact_match"), noise=True)


def test_order_shards_and_resume_leave_the_verdict_as_it_is(scripted_run: Runner, tmp_path: Path) -> None:
    """The same answers in another order, over more files, and written twice by a run that went on."""
    good, bad = scripted_run(GOOD, REFERENCE), scripted_run("scripted/random", REFERENCE)
    other = Path(shutil.copytree(bad, tmp_path / "other"))
    cases = (other / "cases.jsonl").read_text().splitlines(keepends=True)
    (other / "cases.jsonl").write_text("".join(reversed(cases)))
    for ledger in (other / "records").glob("*/*.jsonl"):
        lines = ledger.read_text().splitlines(keepends=True)
        ledger.write_text("".join(lines[::2]) + '{"key": "torn')
        ledger.with_name("second-shard.jsonl").write_text("".join([*lines[1::2], lines[0]]))
    one_way, other_way = gated(good, bad), gated(good, other)
    assert one_way.verdict == "regression"
    assert [result.model_dump() for result in other_way.gates] == [result.model_dump() for result in one_way.gates]
