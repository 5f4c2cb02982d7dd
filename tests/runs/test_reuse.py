from __future__ import annotations

from pathlib import Path

import pytest

from introbench.errors import RunDirectoryError
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.ledger import read_ledger


def run(out: Path, spec: str, *reuse: Path, limit: int = 2) -> Path:
    config, variants = resolve_config(spec, limit=limit, aa_share=0)
    return execute(config, variants, out, reuse=reuse)


def rows(run: Path) -> dict[str, object]:
    (file,) = (run / "records").rglob("*.jsonl")
    return {row["key"]: row for row in read_ledger(file)}


def reused(run: Path) -> int:
    (file,) = (run / "records").rglob("*.jsonl")
    return sum(row["pack"].startswith("reused ") for row in read_ledger(file))


def test_a_longer_run_takes_over_what_a_shorter_one_has_answered(tiny_llama: Path, tmp_path: Path) -> None:
    spec = f"hf/{tiny_llama}"
    short = run(tmp_path / "short", spec)
    long = run(tmp_path / "long", spec, short, limit=4)
    assert reused(long) == len(rows(short)) == 2 * 9
    assert len(rows(long)) == 4 * 9
    assert rows(run(tmp_path / "alone", spec, limit=4)).keys() == rows(long).keys()


def test_a_finished_run_is_taken_over_whole_and_once(tmp_path: Path) -> None:
    first = run(tmp_path / "a", "scripted/oracle")
    second = run(tmp_path / "b", "scripted/oracle", first)
    third = run(tmp_path / "c", "scripted/oracle", second, first)
    assert reused(second) == reused(third) == 2 * 9
    assert rows(second) == rows(third)


def test_no_row_serves_another_model_dtype_or_noise(tiny_llama: Path, tmp_path: Path) -> None:
    spec = f"hf/{tiny_llama}"
    first = run(tmp_path / "a", spec)
    for number, other in enumerate(("?dtype=bfloat16", "?weight_noise=0.1")):
        assert reused(run(tmp_path / f"b{number}", spec + other, first)) == 0


def test_one_changed_byte_of_the_weights_is_another_model(tiny_llama: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(tiny_llama, folder)
    first = run(tmp_path / "a", f"hf/{folder}")
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert reused(run(tmp_path / "b", f"hf/{folder}", first)) == 0


def test_what_is_no_run_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunDirectoryError, match=r"--reuse .*empty: holds no run"):
        run(tmp_path / "r", "scripted/oracle", tmp_path / "empty")
    assert not (tmp_path / "r").exists()
