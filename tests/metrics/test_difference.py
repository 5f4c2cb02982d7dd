from __future__ import annotations

import json
from pathlib import Path

import pytest

from introbench.errors import RunDirectoryError
from introbench.metrics.difference import STAGES, Stage, compare_runs
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.ledger import Ledger, as_row, read_ledger


def run(out: Path, model: str, *references: str, limit: int = 6, seed: int = 0, tasks: str = "hint_facts") -> Path:
    config, variants = resolve_config(model, references, [tasks], limit=limit, seed=seed, aa_share=0)
    return execute(config, variants, out)


def parted(first: Path, second: Path, tolerance: float = 1e-4) -> Stage | None:
    stages = compare_runs(first, second, tolerance)
    assert [stage.name for stage in stages] == list(STAGES)
    return next((stage for stage in stages if stage.differences), None)


def test_a_run_and_its_repetition_differ_nowhere(tiny_llama: Path, tmp_path: Path) -> None:
    runs = [run(tmp_path / name, f"hf/{tiny_llama}", limit=2) for name in "ab"]
    stages = compare_runs(*runs, tolerance=0)
    assert not any(stage.differences for stage in stages)
    assert all(stage.compared for stage in stages)


def test_other_cases_part_at_the_messages(tmp_path: Path) -> None:
    found = parted(run(tmp_path / "a", "scripted/oracle", limit=6), run(tmp_path / "b", "scripted/oracle", limit=8))
    assert found is not None
    assert found.name == "messages"
    assert {(each.first, each.second) for each in found.differences} == {("absent", "there")}
    assert len(found.differences) == 2 * 4


def test_another_chat_template_parts_at_the_token_ids(tiny_llama: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(tiny_llama, folder)
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text() + "{{ ' ' }}")
    found = parted(
        run(tmp_path / "a", f"hf/{tiny_llama}", limit=1), run(tmp_path / "b", f"hf/{folder}", limit=1), tolerance=1e9
    )
    assert found is not None
    assert found.name == "token ids"
    assert len(found.differences) == 9


def test_other_weights_part_at_the_log_probabilities_with_the_largest_first(tiny_llama: Path, tmp_path: Path) -> None:
    spec = f"hf/{tiny_llama}"
    runs = run(tmp_path / "a", spec, limit=2), run(tmp_path / "b", f"{spec}?weight_noise=0.2", limit=2)
    found = parted(*runs)
    assert found is not None
    assert found.name == "log-probabilities"
    sizes = [each.size for each in found.differences]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1e-4
    largest = parted(*runs, tolerance=sizes[0])
    assert largest is None or largest.name != "log-probabilities"


def test_a_verdict_that_turns_within_the_tolerance_parts_at_the_parse(tmp_path: Path) -> None:
    runs = [run(tmp_path / name, "scripted/oracle", limit=2) for name in "ab"]
    (file,) = (runs[1] / "records").rglob("*.jsonl")
    rows = read_ledger(file)
    turned = next(row for row in rows if len(row["logprobs"]) >= 6)
    half = len(turned["logprobs"]) // 2
    exchanged = [*turned["logprobs"][half:], *turned["logprobs"][:half]]
    file.unlink()
    rows = [{**row, "logprobs": exchanged if row is turned else row["logprobs"]} for row in rows]
    Ledger(file).append(map(as_row, rows))
    found = parted(*runs, tolerance=1e9)
    assert found is not None
    assert found.name == "parse"
    (difference,) = found.differences
    assert "changed" in difference.first + difference.second


def test_an_answer_that_one_run_lacks_is_a_difference(tmp_path: Path) -> None:
    runs = [run(tmp_path / name, "scripted/oracle", limit=2) for name in "ab"]
    (file,) = (runs[1] / "records").rglob("*.jsonl")
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[1:]))
    found = parted(*runs)
    assert found is not None
    assert {(each.first, each.second) for each in found.differences} == {("answered", "no answer")}


def test_runs_of_different_numbers_of_models_are_not_compared(tmp_path: Path) -> None:
    runs = run(tmp_path / "a", "scripted/oracle"), run(tmp_path / "b", "scripted/oracle", "scripted/echo")
    with pytest.raises(RunDirectoryError, match="1 and 2 models"):
        compare_runs(*runs, tolerance=0)


def test_the_command_says_where_and_exits_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import subprocess
    import sys

    runs = run(tmp_path / "a", "scripted/oracle"), run(tmp_path / "b", "scripted/liar")
    command = [sys.executable, "-m", "introbench", "diff", *map(str, runs)]
    found = subprocess.run([*command, "--show", "1"], capture_output=True, text=True, check=False)
    assert found.returncode == 1, found.stderr
    assert "The runs part at: log-probabilities" in found.stdout
    assert max(map(len, found.stdout.splitlines())) <= 80
    same = subprocess.run([*command[:-1], str(runs[0])], capture_output=True, text=True, check=False)
    assert same.returncode == 0
    assert "Nothing differs" in same.stdout
    assert json.loads((runs[0] / "manifest.json").read_text())["complete"]
