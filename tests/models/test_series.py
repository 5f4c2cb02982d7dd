"""A spec with a star is a series of checkpoints: the last one is tested, the others stand beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from introbench.errors import ModelError
from introbench.models.series import expand_series
from introbench.models.spec import parse_spec
from introbench.runs.config import resolve_config


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    for step in (100, 20, 3):
        (tmp_path / f"checkpoint-{step}").mkdir()
    (tmp_path / "checkpoint-4.txt").write_text("no folder")
    return tmp_path


def test_checkpoints_come_in_the_order_of_their_numbers(checkpoints: Path) -> None:
    found = expand_series(parse_spec(f"hf/{checkpoints}/checkpoint-*?dtype=bfloat16"))
    assert [mark for mark, _ in found] == ["checkpoint-3", "checkpoint-20", "checkpoint-100"]
    assert str(found[0][1]) == f"hf/{checkpoints}/checkpoint-3?dtype=bfloat16"


def test_a_series_of_adapters_keeps_its_base(checkpoints: Path) -> None:
    found = expand_series(parse_spec(f"hf/org/base+{checkpoints}/checkpoint-*"))
    assert next(str(spec) for _, spec in found) == f"hf/org/base+{checkpoints}/checkpoint-3"


def test_a_path_is_written_as_it_was_given(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkpoints)
    assert [spec.name for _, spec in expand_series(parse_spec("hf/./checkpoint-1*"))] == ["./checkpoint-100"]


def test_the_last_checkpoint_of_a_target_is_tested_and_the_earlier_ones_are_references(checkpoints: Path) -> None:
    config, _ = resolve_config(f"run=hf/org/base+{checkpoints}/checkpoint-*", ["scripted/oracle"])
    assert [(model.name, model.role) for model in config.models] == [
        ("run-checkpoint-100", "target"),
        ("hf/org/base", "base"),
        ("run-checkpoint-3", "reference"),
        ("run-checkpoint-20", "reference"),
        ("scripted/oracle", "reference"),
    ]


def test_a_series_without_members_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no folder matches"):
        resolve_config(f"hf/{tmp_path}/checkpoint-*")


def test_what_holds_no_star_is_itself() -> None:
    spec = parse_spec("openai/some*name")
    assert expand_series(spec) == [("", spec)]


def test_options_of_a_run_reach_those_backends_that_take_them() -> None:
    config, _ = resolve_config(
        "hf/a/b",
        ["vllm/a/b", "openai/m", "lm-eval/hf?pretrained=a/b", "scripted/oracle"],
        options={"dtype": "float32", "device": "cpu"},
        model_options={"attn": "eager", "dtype": "float16"},
    )
    assert [model.spec for model in config.models] == [
        "hf/a/b?attn=eager&device=cpu&dtype=float16",
        "vllm/a/b?dtype=float32",
        "openai/m",
        "lm-eval/hf?pretrained=a/b",
        "scripted/oracle",
    ]
