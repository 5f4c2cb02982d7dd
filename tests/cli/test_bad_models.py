"""Models that cannot be had: one line that names the way out, exit code 2, nothing half-written."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

LITTLE_MEMORY = """
import resource, sys
import introbench.models.hf.load
from introbench.cli.main import main
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + {room}, used + {room}))
main()
"""


def introbench(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "introbench", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=250,
        check=False,
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("hf/org/nothing", "bring it with `introbench fetch` first"),
        ("hf/org/has/too/many", "no folder or GGUF file 'org/has/too/many'"),
        ("hf/./checkpoints/checkpoint-*", "no folder matches './checkpoints/checkpoint-*'"),
        ("hf/{tiny}?attn=none_such", "the model cannot be loaded"),
        ("hf/{tiny}?quantised=3bit", "quantised must be one of 4bit, 8bit, nf4"),
        ("hf/{tiny}?device=tpu", "cannot use device 'tpu'"),
        ("hf/{tiny}?chat_template=./none.jinja", "chat template './none.jinja' cannot be read"),
        ("openai/m", "names no server; set OPENAI_BASE_URL"),
        ("openai/m?base_url=http://127.0.0.1:1/v1&retries=0", "start the server or correct base_url"),
        ("lm-eval/hff", "did you mean 'hf'"),
        ("vlm/org/name", "did you mean"),
    ],
)
def test_a_model_that_cannot_be_had_is_one_line(spec: str, message: str, tiny_llama: Path, tmp_path: Path) -> None:
    out = tmp_path / "r"
    done = introbench("run", "--model", spec.format(tiny=tiny_llama), "--limit", "1", "--out", out)
    assert done.returncode == 2, done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("introbench: error: ")
    assert message in line
    assert not any((out / "records").rglob("*.jsonl")) if out.exists() else True


@pytest.mark.parametrize(
    ("spec", "package", "way_out"),
    [
        ("vllm/org/name", "vllm", "pip install 'introbench[vllm]'"),
        ("lm-eval/hf?pretrained=x", "lm_eval", "pip install 'introbench[lm-eval]'"),
        ("hf/org/name", "transformers", "pip install 'introbench[run]'"),
        ("hf/{tiny}?quantised=4bit", "bitsandbytes", "pip install 'introbench[quantised]'"),
    ],
)
def test_a_missing_engine_is_named_with_what_installs_it(
    spec: str, package: str, way_out: str, tiny_llama: Path, tmp_path: Path
) -> None:
    hidden = (
        "from importlib.machinery import PathFinder\n"
        "find = PathFinder.find_spec\n"
        "def but_one(name, path=None, target=None):\n"
        f"    return None if name.partition('.')[0] == {package!r} else find(name, path, target)\n"
        "PathFinder.find_spec = staticmethod(but_one)\n"
    )
    (tmp_path / "sitecustomize.py").write_text(hidden)
    arguments = ["run", "--model", spec.format(tiny=tiny_llama), "--limit", "1", "--out", tmp_path / "r"]
    done = introbench(*arguments, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()[-1:]
    assert way_out in line
    assert not (tmp_path / "r").exists()


def test_the_packages_that_tests_hide_are_otherwise_found() -> None:
    assert importlib.util.find_spec("lm_eval") is not None
    assert importlib.util.find_spec("transformers") is not None


@pytest.mark.slow
def test_weights_that_memory_does_not_hold_are_one_line(byte_tokenizer: object, tmp_path: Path) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=16384, hidden_size=2048, intermediate_size=64, num_hidden_layers=1)
    config.num_attention_heads = config.num_key_value_heads = 4
    config.eos_token_id = byte_tokenizer.eos_token_id  # type: ignore[attr-defined]
    folder = tmp_path / "large"
    LlamaForCausalLM(config).save_pretrained(folder)
    byte_tokenizer.save_pretrained(folder)  # type: ignore[attr-defined]
    arguments = ["run", "--model", f"hf/{folder}", "--limit", "1", "--out", str(tmp_path / "r")]
    code = LITTLE_MEMORY.format(room=200 << 20)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "memory does not hold it" in done.stderr.splitlines()[-1]
    assert "--model-arg" not in done.stderr


def test_options_for_the_model_under_test_are_checked(tmp_path: Path) -> None:
    done = introbench("run", "--model", "scripted/oracle", "--model-arg", "dtype", "--out", tmp_path / "r")
    assert done.returncode == 2
    assert "--model-arg 'dtype': write K=V" in done.stderr
    wrong = introbench("run", "--model", "scripted/oracle", "--fail-over", "2", "--out", tmp_path / "r")
    assert wrong.returncode == 2
    assert "--fail-over" in wrong.stderr


def test_a_chat_template_of_a_file_and_none_at_all_are_other_models(tiny_llama: Path, tmp_path: Path) -> None:
    template = tmp_path / "own.jinja"
    own = (tiny_llama / "chat_template.jinja").read_text()
    template.write_text(own.replace("{{ m['content'] }}", "Q: {{ m['content'] }}"))
    shown = {}
    for name in ("auto", "none", str(template)):
        done = introbench("show", "hint_facts", "--ids", "--model", f"hf/{tiny_llama}?chat_template={name}")
        assert done.returncode == 0, done.stderr
        shown[name] = done.stdout
    assert len(set(shown.values())) == 3
    assert "|Q|:|" in shown[str(template)]
    assert "<|user|>" not in shown["none"]
