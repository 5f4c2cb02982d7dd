"""The benchmark of the training loop runs both loops on the same cases, and they agree."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.train.__main__ import main
from benchmarks.train.side import Job, run_job

pytestmark = pytest.mark.slow


def test_both_loops_have_one_loss_and_one_gradient(tiny_llama: Path) -> None:
    own = Job("introbench", f"hf/{tiny_llama}", "float32", "cpu", "hint_facts", items=2, rank=4, size=500)
    mine, other = run_job(own), run_job(replace(own, side="plain", size=3))
    assert mine["loss"] == pytest.approx(other["loss"], rel=1e-5)
    assert mine["gradient_norm"] == pytest.approx(other["gradient_norm"], rel=1e-4)
    assert mine["row_tokens"] == other["row_tokens"] > mine["pushed_tokens"]


def test_the_command_prints_and_keeps_what_it_measured(
    tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.json"
    options = ["--items", "1", "--repeats", "1", "--rank", "4", "--dtype", "float32", "--batch-sizes", "2"]
    main(["--model", f"hf/{tiny_llama}", *options, "--json", str(file)])
    found = json.loads(file.read_text())
    (result,) = found["results"]
    assert len(result["runs"]) == 2 and result["times_obvious_loop"] > 0
    assert str(tmp_path) not in found["command"] and str(tiny_llama) not in found["model"]
    said = capsys.readouterr().out
    assert "times the obvious loop" in said and max(map(len, said.splitlines())) <= 100
