"""The lm-eval backend gives the numbers of hf on the same weights, and cuts nothing silently."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import introbench
from introbench.errors import ModelError, PromptError, SpecError
from introbench.models.lm_eval_bridge import open_lm_eval
from introbench.models.spec import parse_spec
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.ledger import read_ledger
from introbench.runs.packing import render
from introbench.runs.plan import make_plan

pytestmark = pytest.mark.slow


def by_ask(out: Path, number: int) -> dict[str, list[float]]:
    folder = next(folder for folder in sorted((out / "records").iterdir()) if folder.name.startswith(f"{number}-"))
    return {row["ask"]: row["logprobs"] for file in folder.glob("*.jsonl") for row in read_ledger(file)}


def test_a_run_through_lm_eval_equals_one_through_hf(tiny_llama: Path, tmp_path: Path) -> None:
    spec = f"lm-eval/hf?pretrained={tiny_llama}&device=cpu&dtype=float32&batch_size=4"
    config, variants = resolve_config(f"hf/{tiny_llama}", [spec], limit=3, aa_share=0.0)
    out = execute(config, variants, tmp_path / "r")
    ours, theirs = by_ask(out, 0), by_ask(out, 1)
    assert ours.keys() == theirs.keys()
    assert len(ours) == 27
    for ask, values in ours.items():
        assert theirs[ask] == pytest.approx(values, abs=1e-4)
    rows = json.loads((out / "manifest.json").read_text())["models"]
    assert rows[1]["path"] == "lm-eval"
    assert rows[1]["tie_margin"] >= 1e-3


def test_openings_through_lm_eval_are_scored_without_an_end_of_turn(tiny_llama: Path) -> None:
    config, variants = resolve_config("scripted/oracle", tasks=["refusal"], limit=1)
    case = make_plan(config, variants).tasks[0].cases[0]
    ours = introbench.load_model(f"hf/{tiny_llama}")
    theirs = introbench.load_model(f"lm-eval/hf?pretrained={tiny_llama}&device=cpu&dtype=float32")
    (expected,) = ours.score([render(case.cued, case, ours.chat)])
    (found,) = theirs.score([render(case.cued, case, None)])
    assert len(found.logprobs) == len(case.cued.replies) > len(case.cued.choices)
    assert found.logprobs == pytest.approx(expected.logprobs, abs=1e-4)


def test_replies_written_through_lm_eval_equal_those_of_hf(tiny_llama: Path) -> None:
    config, variants = resolve_config("scripted/oracle", limit=1)
    case = make_plan(config, variants).tasks[0].cases[0]
    ours = introbench.load_model(f"hf/{tiny_llama}")
    theirs = introbench.load_model(f"lm-eval/hf?pretrained={tiny_llama}&device=cpu&dtype=float32")
    questions = list(case.questions)
    expected = ours.generate([render(question, case, ours.chat) for question in questions], max_new_tokens=6)
    found = theirs.generate([render(question, case, None) for question in questions], max_new_tokens=6)
    assert found == expected


def test_one_changed_byte_of_the_weights_is_another_model(tiny_llama: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_llama, copy)

    def fingerprint(folder: Path) -> str:
        return open_lm_eval(parse_spec(f"lm-eval/hf?pretrained={folder}")).fingerprint.hex

    assert fingerprint(copy) == fingerprint(tiny_llama)  # where a folder lies is no part of what it is
    data = bytearray((copy / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (copy / "model.safetensors").write_bytes(data)
    assert fingerprint(copy) != fingerprint(tiny_llama)


def test_a_prompt_that_lm_eval_would_cut_is_named(tiny_llama: Path) -> None:
    config, variants = resolve_config("scripted/oracle", limit=1)
    case = make_plan(config, variants).tasks[0].cases[0]
    model = introbench.load_model(f"lm-eval/hf?pretrained={tiny_llama}&device=cpu&max_length=64")
    with pytest.raises(PromptError, match="the context is 64; prompts are never cut") as caught:
        model.score([render(case.cued, case, None)])
    assert case.id in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "kind", "message"),
    [
        ("lm-eval/hff?pretrained=x", SpecError, "did you mean 'hf'"),
        ("lm-eval/hf?pretrained=./no/such/folder", ModelError, "no folder or GGUF file './no/such/folder'"),
        ("lm-eval/gguf", ModelError, "lm-eval cannot load it"),
    ],
)
def test_each_wrong_input_is_one_line(spec: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        introbench.load_model(spec)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
