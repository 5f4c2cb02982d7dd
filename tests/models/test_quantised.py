"""Weights of four and eight bits, by bitsandbytes itself, on a CPU, in the environment of `make test-vllm`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

import introbench
from introbench import ChoiceRequest

bitsandbytes = pytest.importorskip("bitsandbytes", reason="needs bitsandbytes: make test-vllm")

pytestmark = pytest.mark.filterwarnings("ignore:::bitsandbytes")

PROMPT = tuple(range(20, 40))
NEAR = 0.2
"""Nats. Some of its kernels for CPUs multiply in bfloat16."""

REQUEST = ChoiceRequest(PROMPT, ((1, 2), (3,), (1, 2, 4)))


@pytest.fixture(scope="module")
def wide(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model whose layers are as wide as two blocks of 64 weights: narrower ones its kernels for CPUs refuse."""
    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(tiny_llama, hidden_size=128, intermediate_size=128, head_dim=32)
    folder = tmp_path_factory.mktemp("wide")
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_llama).save_pretrained(folder)
    return folder


def scores(model: Any) -> tuple[float, ...]:
    (found,) = model.score([REQUEST])
    return tuple(found.logprobs)


def rounded(folder: Path, out: Path, kind: str) -> Path:
    """The same model with every layer's weight rounded to four bits and written down in float32 again."""
    model = AutoModelForCausalLM.from_pretrained(folder)
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            few, state = bitsandbytes.functional.quantize_4bit(module.weight.data, quant_type=kind)
            module.weight.data = bitsandbytes.functional.dequantize_4bit(few, state)
    model.save_pretrained(out)
    AutoTokenizer.from_pretrained(folder).save_pretrained(out)
    return out


@pytest.mark.parametrize("bits", ["4bit", "nf4", "8bit"])
def test_fewer_bits_are_weights_rounded_and_another_identity(bits: str, wide: Path, tmp_path: Path) -> None:
    plain = introbench.load_model(f"hf/{wide}")
    model: Any = introbench.load_model(f"hf/{wide}?quantised={bits}")
    layer = model.hf_model.model.layers[0].mlp.down_proj
    assert layer.weight.dtype in (torch.uint8, torch.int8)
    if bits == "8bit":
        # Its products round the activations too.
        assert scores(model) == pytest.approx(scores(plain), abs=1.0)
    else:
        expected = introbench.load_model(f"hf/{rounded(wide, tmp_path / 'rounded', 'nf4' if bits == 'nf4' else 'fp4')}")
        assert scores(model) == pytest.approx(scores(expected), abs=NEAR)
        assert max(abs(a - b) for a, b in zip(scores(expected), scores(plain), strict=True)) > 5 * NEAR
    assert scores(model) != scores(plain)
    assert scores(model) == scores(introbench.load_model(f"hf/{wide}?quantised={bits}"))
    assert model.fingerprint.parts["quantised"].startswith(f"{bits} bitsandbytes ")
    assert model.facts.parameters == plain.facts.parameters


def test_an_adapter_stays_beside_weights_of_fewer_bits(wide: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    adapted: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(wide), LoraConfig(r=2, init_lora_weights=False))
    adapted.save_pretrained(tmp_path)
    base = introbench.load_model(f"hf/{wide}?quantised=nf4")
    with_adapter = introbench.load_model(f"hf/{wide}+{tmp_path}?quantised=nf4")
    expected = introbench.load_model(f"hf/{rounded(wide, tmp_path / 'rounded', 'nf4')}+{tmp_path}")
    assert scores(with_adapter) != scores(base)
    assert scores(with_adapter) == pytest.approx(scores(expected), abs=NEAR)


def test_a_run_says_what_it_ran_and_nothing_else(wide: Path, tmp_path: Path) -> None:
    spec = f"hf/{wide}"
    arguments = ["run", "--model", spec, "--model-arg", "quantised=8bit", "--limit", "1", "--aa-share", "0"]
    command = [sys.executable, "-m", "introbench", *arguments, "--out", str(tmp_path / "r")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    assert "MatMul8bitLt" not in done.stderr
    (model,) = json.loads((tmp_path / "r" / "manifest.json").read_text())["models"]
    assert model["fingerprint_parts"]["quantised"].startswith("8bit bitsandbytes ")
