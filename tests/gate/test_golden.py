"""`score --check`: a stored run comes to what it came to before, or every case that moved is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from introbench.errors import NotComparableError
from introbench.gate.golden import check_golden
from introbench.gate.keep import save_baseline
from introbench.metrics import book
from introbench.metrics.summary import dump, summarise

Runner = Callable[..., Path]


@pytest.fixture
def golden(scripted_run: Runner, tmp_path: Path) -> tuple[Path, Path]:
    run = Path(shutil.copytree(scripted_run("scripted/random", "scripted/oracle?seed=3"), tmp_path / "run"))
    (run / "summary.json").write_bytes(dump(summarise(run)))
    file = tmp_path / "golden.jsonl"
    save_baseline(run, file, None, None, "golden", "Ada")
    return run, file


def test_nothing_moves_where_nothing_changed_and_nothing_is_written(golden: tuple[Path, Path]) -> None:
    run, file = golden
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert check_golden(run, file) == []
    assert check_golden(run, run) == []
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_parser_that_reads_otherwise_is_named_case_by_case(
    scripted_run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from introbench.runs.config import resolve_config
    from introbench.runs.execute import execute

    run, file = tmp_path / "free", tmp_path / "golden.jsonl"
    config, variants = resolve_config("scripted/oracle", limit=20, explanations="free", aa_share=0)
    execute(config, variants, run)
    save_baseline(run, file, None, None, "golden", "Ada")
    assert check_golden(run, file) == []
    parse = book.parse_explanation
    monkeypatch.setattr(book, "parse_explanation", lambda text, *more: (parse(text, *more)[0], 0))
    moved = check_golden(run, file)
    cases = [each for each in moved if each.what == "case"]
    assert cases
    assert all("content said" in each.detail for each in cases)
    assert "hint_facts/exact_match" in {each.where for each in moved if each.what == "estimate"}


def test_a_template_that_changed_is_found(golden: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence more in the system turn: the hashes of all prompts are others."""
    from dataclasses import replace

    from introbench.tasks.task import Task

    run, file = golden
    templates = Task.templates

    def changed(task: Task) -> object:
        found = templates(task)
        return replace(found, systems={name: f"{turn} Be brief." for name, turn in found.systems.items()})

    monkeypatch.setattr(Task, "templates", changed)
    moved = check_golden(run, file)
    assert [(each.what, each.where) for each in moved] == [("prompt", "hint_facts")]
    assert "240 cases" in moved[0].detail


def test_a_scorer_that_changed_is_found_in_a_summary(golden: tuple[Path, Path]) -> None:
    run, _ = golden
    summary = json.loads((run / "summary.json").read_text())
    summary["tasks"][0]["emitters"][0]["self_scores"]["exact_match"]["value"] += 0.1
    (run / "summary.json").write_text(json.dumps(summary))
    (moved,) = check_golden(run, run)
    assert moved.where == "tasks[0].emitters[0].self_scores.exact_match.value"


def test_a_case_that_is_gone_or_new_is_named(golden: tuple[Path, Path]) -> None:
    run, file = golden
    lines = (run / "cases.jsonl").read_text().splitlines(keepends=True)
    (run / "cases.jsonl").write_text("".join(lines[1:]))
    gone = [each for each in check_golden(run, file) if "not in the run any more" in each.detail]
    assert [each.where for each in gone] == [json.loads(lines[0])["id"]]


def test_a_golden_of_other_answers_is_not_compared(golden: tuple[Path, Path], scripted_run: Runner) -> None:
    run, file = golden
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["models"][0]["fingerprint"] = "0"
    (run / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(NotComparableError, match="is of other answers"):
        check_golden(run, file)
