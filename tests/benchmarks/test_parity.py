"""Parity counts what differs, and tells what may differ from what may not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.parity import main, parity
from introbench.errors import NotComparableError
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute


def run(out: Path, model: str, *references: str, limit: int = 4) -> Path:
    config, variants = resolve_config(model, references, limit=limit, aa_share=0.0)
    return execute(config, variants, out)


def test_a_model_is_equal_to_itself_and_differs_from_a_noisy_copy(
    tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = f"hf/{tiny_llama}"
    first = run(tmp_path / "a", spec, f"padded={spec}?pack_tokens=64")
    second = run(tmp_path / "b", f"noisy={spec}?weight_noise=0.5")
    same, noisy = parity([first, second])
    assert (same.behaviour_differs_outside, same.explanation_differs_outside) == (0, 0)
    assert same.largest_difference is not None
    assert same.largest_difference < 1e-4
    assert noisy.largest_difference is not None
    assert noisy.largest_difference > 0.1
    assert noisy.behaviour_differs + noisy.explanation_differs > 0
    main([str(first), str(second), "--json", str(tmp_path / "parity.json")])
    assert "noisy" in capsys.readouterr().out
    written = json.loads((tmp_path / "parity.json").read_text())
    assert [row["largest_difference"] for row in written["parity"]] == [
        same.largest_difference,
        noisy.largest_difference,
    ]
    assert [run["limit"] for run in written["runs"]] == [4, 4]
    assert written["runs"][0]["models"][0]["engine"].startswith("hf transformers ")
    assert str(tiny_llama) not in json.dumps(written)


def test_other_cases_are_not_compared(tmp_path: Path) -> None:
    runs = [run(tmp_path / str(limit), "scripted/oracle", limit=limit) for limit in (2, 3)]
    with pytest.raises(NotComparableError):
        parity(runs)
