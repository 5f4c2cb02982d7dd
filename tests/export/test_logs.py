"""Stored runs as logs of other tools: their own readers open them, and every number in them is the summary's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from readers import EVERY_EVAL_EVER, INSPECT, read_with
from reports import ACTIVE, HOSTILE, introbench, manifest_of, rewritten, run_of

from introbench.errors import UsageError
from introbench.export.estimates import told_of
from introbench.export.every_eval_ever import model_ids
from introbench.metrics.read import ModelEntry, read_run
from introbench.metrics.schema import Summary
from introbench.metrics.summary import summarise

READ_INSPECT = """
import json, sys
from inspect_ai.log import list_eval_logs, read_eval_log, read_eval_log_sample_summaries
found = []
for info in list_eval_logs(sys.argv[1]):
    log = read_eval_log(info.name)
    found.append({
        "task": log.eval.task,
        "model": log.eval.model,
        "status": log.status,
        "samples": [sample.model_dump(mode="json") for sample in log.samples],
        "metrics": {
            score.name: {name: each.value for name, each in score.metrics.items()} for score in log.results.scores
        },
        "summaries": len(read_eval_log_sample_summaries(info.name)),
        "listed": [info.task, info.task_id],
    })
print(json.dumps(found))
"""
TASKS = "hint_facts,dilemmas"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models on two tasks; one of these has rewriting cues."""
    return run_of(tmp_path_factory.mktemp("logs") / "run", "scripted/random", "scripted/oracle?seed=1", tasks=TASKS)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose models wrote freely, and attacks."""
    out = run_of(tmp_path_factory.mktemp("hostile") / "run", "scripted/oracle", "scripted/liar?seed=1", free=True)

    def attack(row: dict[str, Any]) -> None:
        del row["check"]
        if row["text"] is not None:
            row["text"] = HOSTILE + "\ud800\n" + row["text"]

    for ledger in sorted((out / "records").rglob("*.jsonl")):
        rewritten(ledger, attack)
    return out


def inspect_logs(run: Path, out: Path) -> list[dict[str, Any]]:
    done = introbench("export", "inspect", run, "--out", out)
    assert done.returncode == 0, done.stderr
    return [json.loads(file.read_text("utf-8")) for file in sorted(out.iterdir())]


def every_eval_ever(run: Path, out: Path, *options: str) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    done = introbench("export", "every-eval-ever", run, "--out", out, "--organization", "A laboratory", *options)
    assert done.returncode == 0, done.stderr
    return [
        (
            json.loads(file.read_text("utf-8")),
            [json.loads(line) for line in file.with_name(f"{file.stem}_samples.jsonl").read_text("utf-8").splitlines()],
        )
        for file in sorted(out.rglob("*.json"))
    ]


def estimates_of(summary: Summary, task: str, model: str) -> dict[str, float]:
    (found,) = [each for each in summary.tasks if each.name == task]
    return {
        f"{each.name} against {each.reference}" if each.reference else each.name: each.estimate.value
        for each in told_of(found, model)
        if each.estimate.value is not None
    }


def test_inspects_own_reader_opens_the_logs(stored: Path, tmp_path: Path) -> None:
    inspect_logs(stored, tmp_path / "logs")
    done = read_with(INSPECT, ["-c", READ_INSPECT, str(tmp_path / "logs")])
    assert done.returncode == 0, done.stderr[-2000:]
    logs, summary = json.loads(done.stdout), summarise(stored)
    assert len(logs) == 4
    for log in logs:
        assert log["status"] == "success"
        assert log["summaries"] == len(log["samples"]) == 48
        assert log["listed"][0] == log["task"].replace("_", "-")
        shown = {
            (name if not score.startswith("coupling") else score.replace("coupling", name, 1)): value
            for score, metrics in log["metrics"].items()
            for name, value in metrics.items()
        }
        assert shown == estimates_of(summary, log["task"], log["model"])
        right = [each["scores"]["exact_match"]["value"] for each in log["samples"] if each["scores"]]
        assert sum(right) / len(right) == pytest.approx(shown["exact_match"], abs=1e-6)


def test_every_eval_evers_own_validator_passes_the_records_without_a_warning(stored: Path, tmp_path: Path) -> None:
    every_eval_ever(stored, tmp_path)
    files = [str(file) for pattern in ("*.json", "*.jsonl") for file in sorted((tmp_path / "data").rglob(pattern))]
    done = read_with(EVERY_EVAL_EVER, ["-m", "every_eval_ever", "validate", "--format", "json", *files])
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert len(files) == 8


def test_a_sample_of_a_log_is_a_case_with_its_prompt_and_its_scores(stored: Path, tmp_path: Path) -> None:
    for log in inspect_logs(stored, tmp_path):
        run = read_run(stored)
        chosen = run.cases.tasks == log["eval"]["task"]
        assert [sample["id"] for sample in log["samples"]] == run.cases.ids[chosen].tolist()
        headline = run.cases.headline[chosen].tolist()
        assert [sample["scores"] is not None for sample in log["samples"]] == headline
        for sample in log["samples"]:
            assert sample["input"][-1]["role"] == "user"
            assert sample["target"] in sample["choices"]
            assert sample["output"]["completion"] in sample["choices"]
            if sample["scores"]:
                right = sample["output"]["completion"] == sample["target"]
                assert sample["scores"]["exact_match"]["value"] == right
                both = sample["scores"]["verdict"]["value"] and sample["scores"]["content"]["value"]
                assert both == right


def test_records_hold_the_summarys_estimates_and_the_scored_cases(stored: Path, tmp_path: Path) -> None:
    summary = summarise(stored)
    names = {"introbench/random": "scripted/random", "introbench/oracle-seed=1": "scripted/oracle?seed=1"}
    for record, samples in every_eval_ever(stored, tmp_path):
        task = record["evaluation_results"][0]["source_data"]["dataset_name"]
        shown = {
            each["metric_config"]["metric_name"]: each["score_details"]["score"]
            for each in record["evaluation_results"]
        }
        assert shown == estimates_of(summary, task, names[record["model_info"]["id"]])
        for each in record["evaluation_results"]:
            config = each["metric_config"]
            assert config["min_score"] <= each["score_details"]["score"] <= config["max_score"]
        counts = record["source_metadata"]["additional_details"]
        assert int(counts["cases_scored"]) == len(samples) == record["detailed_evaluation_results"]["total_rows"]
        assert int(counts["cases"]) == 48
        right = [sample["evaluation"]["is_correct"] for sample in samples]
        assert sum(right) / len(right) == pytest.approx(shown["exact_match"], abs=1e-6)
        assert {sample["evaluation_id"] for sample in samples} == {record["evaluation_id"]}


def test_the_same_run_gives_the_same_files(stored: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        inspect_logs(stored, tmp_path / name)
        every_eval_ever(stored, tmp_path / name / "records")
    one, other = (
        {file.relative_to(tmp_path / name): file.read_bytes() for file in (tmp_path / name).rglob("*.json*")}
        for name in ("one", "other")
    )
    assert one == other
    assert len(one) == 12


def test_what_models_wrote_is_inert_in_logs_and_records(hostile: Path, tmp_path: Path) -> None:
    logs, records = inspect_logs(hostile, tmp_path / "logs"), every_eval_ever(hostile, tmp_path / "records")
    texts = [sample["output"]["completion"] for log in logs for sample in log["samples"]]
    texts += [text for _, samples in records for sample in samples for text in sample["output"]["raw"]]
    assert all("window.pwned" in text and "\n" in text for text in texts)
    for file in tmp_path.rglob("*.json*"):
        content = file.read_bytes().decode()
        assert not [character for character in ACTIVE if character in content]
        # Nor do they stand there as what a reader of JSON would make them again.
        assert not re.search(r"(?<!\\)(\\\\)*\\u(001b|009b|202e|d800)", content)
    assert len(logs) == len(records) == 2


def test_prompts_that_this_version_does_not_make_are_left_out_and_counted(stored: Path, tmp_path: Path) -> None:
    import shutil

    run = Path(shutil.copytree(stored, tmp_path / "run"))
    manifest = manifest_of(run)
    manifest["tasks"][0]["version"] = 99
    (run / "manifest.json").write_text(json.dumps(manifest))
    done = introbench("export", "inspect", run, "--out", tmp_path / "logs")
    assert done.returncode == 0
    assert "96 cases stand there without their prompts: they were made by version 99" in done.stderr
    log = next(json.loads(file.read_text()) for file in (tmp_path / "logs").iterdir() if "hint-facts" in file.name)
    assert "other prompt" in log["samples"][0]["input"]


def entry(name: str, spec: str = "") -> ModelEntry:
    return ModelEntry(name=name, folder="0", role="target", spec=spec or name)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("hf/ORG/NAME", "ORG/NAME"),
        ("hf/ORG/NAME@main?dtype=bfloat16", "ORG/NAME"),
        ("hf/ORG/NAME?weight_noise=0.1", "introbench/NAME-weight_noise=0.1"),
        ("vllm/ORG/NAME", "ORG/NAME"),
        ("hf/./somewhere/private/tuned", "introbench/tuned"),
        ("hf/ORG/NAME+./adapter", "introbench/adapter"),
        ("smollm2-135m-q4_1", "introbench/smollm2-135m-q4_1"),
    ],
)
def test_only_a_plain_hub_model_has_its_public_id_and_no_folder_is_told(spec: str, expected: str) -> None:
    assert model_ids([entry(spec)], {}) == {spec: expected}


def test_ids_are_given_by_name_and_no_two_models_share_one() -> None:
    models = [entry("mine", "hf/./a"), entry("theirs", "hf/ORG/NAME")]
    assert model_ids(models, {"mine": "ME/TUNED"}) == {"mine": "ME/TUNED", "theirs": "ORG/NAME"}
    for given, message in (
        ({"mine": "org/name"}, "would both be"),
        ({"other": "A/B"}, "no model of that name; the run has mine, theirs"),
        ({"mine": "flat"}, "write DEVELOPER/MODEL"),
        ({"mine": "../x"}, "write DEVELOPER/MODEL"),
    ):
        with pytest.raises(UsageError, match=message):
            model_ids(models, given)


@pytest.mark.parametrize("verb", [["inspect"], ["every-eval-ever", "--organization", "A"]])
def test_a_folder_that_is_no_run_is_one_line_and_nothing_is_written(tmp_path: Path, verb: list[str]) -> None:
    done = introbench("export", *verb, tmp_path / "nothing", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
