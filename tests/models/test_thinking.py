"""Models that cannot but think: they write within a stated number of tokens, and are read behind their thoughts."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

import introbench
from introbench.errors import ModelError, SpecError
from introbench.metrics.summary import dump, summarise
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.ledger import read_ledger

WRITTEN = ["h", "m", "</think>", "w", "r", "o", "n", "g", "<|end|>"]


@pytest.fixture(scope="module")
def thinker(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose template begins a thought, and that writes "hm", ends it, and answers "wrong", whatever is asked.

    Its layers add nothing, so that the last token alone decides the next one.
    """
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_llama)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<think>", "</think>"]})
    tokenizer.chat_template = tokenizer.chat_template.replace("<|assistant|>{%", "<|assistant|><think>\n{%")
    size = 4 * -(-len(tokenizer) // 4)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        head_dim=8,
        max_position_embeddings=4096,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config)
    ids = [tokenizer.encode(text, add_special_tokens=False) for text in ["\n", *WRITTEN]]
    assert all(len(found) == 1 for found in ids)
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(torch.eye(len(tokenizer), size))
        model.model.layers[0].self_attn.o_proj.weight.zero_()
        model.model.layers[0].mlp.down_proj.weight.zero_()
        model.lm_head.weight.zero_()
        for (last,), (following,) in pairwise(ids):
            model.lm_head.weight[following, last] = 1.0
    folder = tmp_path_factory.mktemp("thinker")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def run(thinker: Path, tokens: int, out: Path) -> tuple[set[str], dict[str, Any], dict[str, Any]]:
    """What it wrote, the model's entry of the manifest, and what became of the cases."""
    spec = f"hf/{thinker}?thinking=on&max_tokens={tokens}"
    config, variants = resolve_config(spec, tasks=["dilemmas"], limit=2, aa_share=0.0)
    execute(config, variants, out)
    (model,) = json.loads((out / "manifest.json").read_text())["models"]
    (ledger,) = (out / "records").rglob("*.jsonl")
    coverage = json.loads(dump(summarise(out)))["tasks"][0]["emitters"][0]["coverage"]
    return {row["text"] for row in read_ledger(ledger)}, model, coverage


def test_unasked_it_is_refused_with_the_way_to_ask_it(thinker: Path) -> None:
    with pytest.raises(ModelError, match=r"let it think, in N tokens a reply, .*\?thinking=on&max_tokens=N"):
        introbench.load_model(f"hf/{thinker}")


def test_its_choice_is_what_it_writes_behind_its_thought(thinker: Path, tmp_path: Path) -> None:
    written, model, coverage = run(thinker, 12, tmp_path / "r")
    assert written == {"<think>hm</think>wrong"}
    assert (model["answers"], model["path"]) == ("path", "generated")
    assert model["path_reason"] == "thinks, 12 tokens a reply at most"
    assert model["fingerprint_parts"]["thinking"] == "on, 12 tokens"
    assert coverage["behaved"] == coverage["cases"] > 0
    assert coverage["unparsable"] == coverage["scored"]  # "wrong" says nothing of a change: counted, not dropped


def test_a_thought_that_the_budget_ends_is_no_answer(thinker: Path, tmp_path: Path) -> None:
    written, _, coverage = run(thinker, 2, tmp_path / "r")
    assert written == {"<think>hm"}
    assert coverage["behaved"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("thinking=on", "are given together"),
        ("max_tokens=64", "are given together"),
        ("thinking=on&max_tokens=0", "1 or more"),
        ("thinking=on&max_tokens=many", "1 or more"),
        ("thinking=maybe&max_tokens=8", "one of off, on"),
    ],
)
def test_a_budget_is_stated_or_refused(options: str, message: str, thinker: Path) -> None:
    with pytest.raises(SpecError, match=message):
        introbench.load_model(f"hf/{thinker}?{options}")
