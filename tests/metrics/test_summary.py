"""A run directory becomes the same summary, byte for byte, and whatever is wrong with it is said by name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from introbench.errors import RunDirectoryError
from introbench.metrics import Summary, dump, summarise
from introbench.metrics.read import read_run
from introbench.metrics.schema import SCHEMA_FILE, schema_text

RunMaker = Callable[..., Path]


def test_the_published_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text() == schema_text(), "write introbench.metrics.schema.schema_text() to this file"


def test_every_field_of_the_schema_says_what_it_is() -> None:
    schema = json.loads(schema_text())
    for part in [schema, *schema["$defs"].values()]:
        for name, field in part["properties"].items():
            assert field.get("description"), f"{part['title']}.{name}"


def test_a_summary_validates_and_is_read_back_as_it_was(make_run: RunMaker) -> None:
    summary = summarise(make_run())
    written = dump(summary)
    jsonschema.validate(json.loads(written), json.loads(SCHEMA_FILE.read_text()))
    assert written.endswith(b"}\n")
    assert Summary.model_validate_json(written) == summary
    assert dump(Summary.model_validate_json(written)) == written


def test_the_order_of_ledger_rows_does_not_matter(make_run: RunMaker) -> None:
    assert dump(summarise(make_run())) == dump(summarise(make_run(backwards=True)))


def test_a_summary_has_every_emitter_and_the_pairs_of_the_target_both_ways(make_run: RunMaker) -> None:
    summary = summarise(make_run())
    assert [task.name for task in summary.tasks] == ["facts", "opinions"]
    for task in summary.tasks:
        assert [emitter.model for emitter in task.emitters] == ["tiny", "tiny base", "other"]
        pairs = [(pair.emitter, pair.reference) for pair in task.pairs]
        assert pairs == [("tiny", "tiny base"), ("tiny", "other"), ("tiny base", "tiny"), ("other", "tiny")]


def test_placebo_and_rewrite_cases_are_counted_and_kept_out_of_scores(make_run: RunMaker) -> None:
    task = summarise(make_run(items=60)).tasks[0]
    assert (task.cases.headline, task.cases.placebo, task.cases.rewrite) == (60 + 54, 60, 6)
    assert (task.cases.items, task.cases.clusters) == (60, 30)
    emitter = task.emitters[0]
    assert emitter.self_scores.exact_match.n == 114
    assert emitter.behaviour.placebo_change_rate.n == 60
    assert emitter.saying.placebo_changed_rate.n == 60
    changed = emitter.self_scores.sensitivity.n
    parts = {(part.by, part.name): part.exact_match.n for part in emitter.breakdown}
    assert parts == {
        ("cue kind", "metadata"): 54,
        ("cue kind", "opinion"): 60,
        ("cue split", "test"): 54,
        ("cue split", "train"): 60,
        ("item split", "test"): 114,
        ("own label", "changed"): changed,
        ("own label", "unchanged"): 114 - changed,
        ("edit", "rewrite"): 6,
    }


def test_a_task_without_keys_has_no_accuracy_and_no_floor_about_the_key(make_run: RunMaker) -> None:
    emitter = summarise(make_run()).tasks[1].emitters[0]
    assert emitter.behaviour.accuracy_cued.status == "not estimable"
    assert not [floor.name for floor in emitter.floors if "key" in floor.name]


def test_decisions_inside_the_tie_margin_are_counted_and_left_out_of_the_check(make_run: RunMaker) -> None:
    emitter = summarise(make_run()).tasks[0].emitters[2]
    assert emitter.behaviour.inside_tie_margin.value is not None
    assert emitter.behaviour.inside_tie_margin.value > 0.3
    assert 0 < emitter.outside_tie_margin.exact_match.n < emitter.self_scores.exact_match.n


def ledger(run: Path) -> Path:
    return run / "records" / "tiny" / "facts.jsonl"


def test_unanswered_requests_lower_the_coverage_and_nothing_else_breaks(make_run: RunMaker) -> None:
    run = make_run()
    lines = ledger(run).read_text().splitlines(keepends=True)
    ledger(run).write_text("".join(lines[:100]))
    facts, opinions = summarise(run).tasks
    coverage = facts.emitters[0].coverage
    assert coverage.cases == 114
    assert 0 < coverage.scored < 114
    assert facts.emitters[0].self_scores.exact_match.n == coverage.scored
    assert facts.pairs[0].coverage.scored == facts.pairs[0].exact.self_score.n == coverage.scored
    assert opinions.emitters[0].coverage.scored == opinions.emitters[0].coverage.cases


def test_a_model_that_answered_nothing_is_not_estimable(make_run: RunMaker) -> None:
    run = make_run()
    ledger(run).unlink()
    task = summarise(run).tasks[0]
    assert task.emitters[0].coverage.scored == 0
    assert task.emitters[0].self_scores.exact_match.status == "not estimable"
    assert task.emitters[0].headline.reasons_against == ["no case is labelled and explained"]
    assert task.pairs[0].exact.gap.status == "not estimable"


def test_a_model_that_an_interrupted_run_never_loaded_has_answered_nothing(make_run: RunMaker) -> None:
    run = make_run()
    manifest = json.loads((run / "manifest.json").read_text())
    for name in ("fingerprint", "tie_margin"):
        del manifest["models"][2][name]
    (run / "manifest.json").write_text(json.dumps(manifest))
    summary = summarise(run)
    assert summary.models[2].fingerprint == ""
    assert [emitter.coverage.scored for emitter in summary.tasks[0].emitters] == [114, 114, 0]


def test_a_request_answered_in_another_tasks_file_is_found(make_run: RunMaker) -> None:
    run = make_run()
    before = dump(summarise(run))
    other = ledger(run).with_name("opinions.jsonl")
    other.write_text(other.read_text() + ledger(run).read_text())
    ledger(run).unlink()
    assert dump(summarise(run)) == before


def test_rows_of_another_fingerprint_or_replicate_are_not_used(make_run: RunMaker) -> None:
    run = make_run()
    rows = [json.loads(line) for line in ledger(run).read_text().splitlines()]
    ledger(run).write_text("".join(json.dumps({**row, "key": f"foreign {row['key']}"}) + "\n" for row in rows))
    assert summarise(run).tasks[0].emitters[0].coverage.scored == 0


def test_a_torn_last_ledger_line_is_an_unanswered_request(make_run: RunMaker) -> None:
    run = make_run()
    ledger(run).write_bytes(ledger(run).read_bytes()[:-20])
    coverage = summarise(run).tasks[0].emitters[0].coverage
    assert coverage.scored >= coverage.cases - 1


def broken(run: Path, name: str, change: Callable[[str], str]) -> Path:
    (run / name).write_text(change((run / name).read_text()))
    return run


def manifest_with(**fields: Any) -> Callable[[str], str]:
    return lambda text: json.dumps({**json.loads(text), **fields})


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("manifest.json", manifest_with(schema=2), "manifest.json .*schema"),
        ("manifest.json", manifest_with(tasks=[]), "lacks task 'facts'"),
        ("cases.jsonl", lambda text: "", "holds no case"),
        ("cases.jsonl", lambda text: text[:-9], "cases.jsonl, line 360"),
        ("cases.jsonl", lambda text: text.replace('"hint":2', '"hint":9', 1), "hint 9 is none of its"),
        ("cases.jsonl", lambda text: text.replace('"hint":2', '"hint":null', 1), "case .*no placebo"),
        ("cases.jsonl", lambda text: text.replace('"cued":', '"other":', 1), "line 1"),
        (
            "records/tiny/facts.jsonl",
            lambda text: text.replace('"logprobs":[', '"logprobs":[-1.0,', 1),
            "uncued needs [34] finite",
        ),
        ("records/tiny/facts.jsonl", lambda text: "{}\n" + text, "facts.jsonl:1: not a ledger row"),
    ],
)
def test_what_is_wrong_is_named(make_run: RunMaker, name: str, change: Callable[[str], str], message: str) -> None:
    with pytest.raises(RunDirectoryError, match=message):
        read_run(broken(make_run(), name, change))


def test_a_folder_that_is_no_run_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="is this a run directory"):
        read_run(tmp_path)


def test_scoring_and_rendering_import_no_model_code() -> None:
    code = "import sys, introbench.metrics, introbench.report.terminal; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert not [name for name in ("'torch'", "'transformers'", "'introbench.models'") if name in loaded]
