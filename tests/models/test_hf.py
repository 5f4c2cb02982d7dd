"""The hf backend on a real tiny model: folders, adapters, noise, fingerprints, generation, errors."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

import introbench
from introbench import ChoiceRequest
from introbench.errors import ModelError, PromptError, SpecError
from introbench.runs.config import resolve_config
from introbench.runs.packing import render
from introbench.runs.plan import make_plan

PROMPT = tuple(range(20, 40))
REQUESTS = [
    ChoiceRequest(PROMPT, ((1, 2), (3,), (1, 2, 4)), group="a"),
    ChoiceRequest(PROMPT[:7], ((5,), (6, 7)), group="b"),
]


def scores(model: Any) -> list[float]:
    return [value for result in model.score(REQUESTS) for value in result.logprobs]


def test_the_public_names_score_a_local_folder(tiny_llama: Path) -> None:
    model = introbench.load_model(f"hf/{tiny_llama}")
    assert model.facts.path == "packed"
    assert model.facts.dtype == "float32"
    with torch.inference_mode():
        logprobs = model.hf_model(torch.tensor([[*PROMPT, 1]])).logits[0].log_softmax(-1)
    expected = (logprobs[len(PROMPT) - 1, 1] + logprobs[len(PROMPT), 2]).item()
    assert model.score(REQUESTS)[0].logprobs[0] == pytest.approx(expected, abs=1e-4)


def test_packs_do_not_change_the_numbers(tiny_llama: Path) -> None:
    model = introbench.load_model(f"hf/{tiny_llama}")
    alone = [result for request in REQUESTS for result in model.score([request])]
    assert scores(model) == pytest.approx([value for result in alone for value in result.logprobs], abs=1e-4)


def test_weight_noise_is_seeded_and_part_of_the_identity(tiny_llama: Path) -> None:
    plain, once, again, other = (
        introbench.load_model(f"hf/{tiny_llama}{query}")
        for query in ("", "?weight_noise=0.1", "?weight_noise=0.1", "?weight_noise=0.1&weight_noise_seed=1")
    )
    assert scores(once) == scores(again)
    assert scores(once) != scores(other)
    assert scores(once) != scores(plain)
    assert len({model.fingerprint.hex for model in (plain, once, other)}) == 3
    assert once.fingerprint.hex == again.fingerprint.hex


def test_an_adapter_is_loaded_on_its_base_and_changes_the_identity(tiny_llama: Path, tmp_path: Path) -> None:
    base = AutoModelForCausalLM.from_pretrained(tiny_llama)
    adapted = get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
    adapted.save_pretrained(tmp_path)
    with torch.inference_mode():
        expected = adapted.eval()(torch.tensor([PROMPT])).logits[0, -1].log_softmax(-1)[3].item()
    model = introbench.load_model(f"hf/{tiny_llama}+{tmp_path}")
    assert model.score(REQUESTS)[0].logprobs[1] == pytest.approx(expected, abs=1e-4)
    assert model.fingerprint.hex != introbench.load_model(f"hf/{tiny_llama}").fingerprint.hex


def test_one_changed_byte_of_weights_template_or_dtype_is_another_model(tiny_llama: Path, tmp_path: Path) -> None:
    def fingerprint(folder: Path, query: str = "") -> str:
        return introbench.load_model(f"hf/{folder}{query}").fingerprint.hex

    weights, template = tmp_path / "weights", tmp_path / "template"
    for copy in (weights, template):
        shutil.copytree(tiny_llama, copy)
    file = weights / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    chat = template / "chat_template.jinja"
    chat.write_text(chat.read_text() + " ")
    found = [
        fingerprint(tiny_llama),
        fingerprint(weights),
        fingerprint(template),
        fingerprint(tiny_llama, "?dtype=bfloat16"),
    ]
    assert len(set(found)) == len(found)


def test_a_checkpoint_that_lacks_weights_is_refused(tiny_llama: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(tiny_llama, folder)
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 weights, model\.layers\.1\.mlp\.up_proj\.weight among them"):
        introbench.load_model(f"hf/{folder}")


def test_an_adapter_that_lacks_weights_is_refused(tiny_llama: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    base = AutoModelForCausalLM.from_pretrained(tiny_llama)
    get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"])).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "adapter_model.safetensors")
    weights.pop(sorted(weights)[0])
    save_file(weights, tmp_path / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="Found missing adapter keys"):
        introbench.load_model(f"hf/{tiny_llama}+{tmp_path}")


def test_special_tokens_are_part_of_the_identity(tiny_llama: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_llama, folder)
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|end|>", "{{ eos_token }}"))
    first = introbench.load_model(f"hf/{folder}")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "eos_token": "<|system|>"}))
    second = introbench.load_model(f"hf/{folder}")
    assert first.chat.end_of_turn != second.chat.end_of_turn
    assert first.fingerprint.hex != second.fingerprint.hex


@pytest.mark.parametrize("kind", ["gemma3_text", "qwen2", "gpt2"])
def test_a_folder_without_tokenizer_files_is_refused_for_every_family(kind: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(ModelError, match=r"no tokenizer|the tokenizer cannot be loaded"):
        introbench.load_model(f"hf/{tmp_path}")


def test_generation_in_a_batch_equals_generation_alone(tiny_llama: Path) -> None:
    model = introbench.load_model(f"hf/{tiny_llama}")
    prompts = [PROMPT, PROMPT[:5], PROMPT[3:18]]
    requests = [ChoiceRequest(prompt, ()) for prompt in prompts]
    together = model.generate(requests, max_new_tokens=8)
    assert together == [model.generate([request], max_new_tokens=8)[0] for request in requests]
    assert all("<|end|>" not in reply for reply in together)


def test_a_prompt_that_does_not_fit_is_named_and_never_cut(tiny_llama: Path) -> None:
    model = introbench.load_model(f"hf/{tiny_llama}")
    with pytest.raises(PromptError, match="needs 4098 tokens, the context is 4096"):
        model.score([ChoiceRequest((1,) * 4096, ((1, 2),))])


def test_each_thing_that_can_be_missing_is_one_line_with_the_way_out(tiny_llama: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(tiny_llama, bare, ignore=shutil.ignore_patterns("tokenizer*"))
    odd = tmp_path / "odd"
    shutil.copytree(tiny_llama, odd)
    (odd / "config.json").write_text(json.dumps({"model_type": "no_such_architecture"}))
    for spec, kind, message in (
        ("hf/./no/such/folder", ModelError, "no folder or GGUF file './no/such/folder'"),
        (f"hf/{bare}", ModelError, "the tokenizer cannot be loaded"),
        (f"hf/{odd}", ModelError, "the config cannot be loaded"),
        ("hf/org/not-there", ModelError, "the config cannot be loaded"),
        (f"hf/{tiny_llama}?dtpe=float32", SpecError, "unknown option 'dtpe'"),
        (f"hf/{tiny_llama}?dtype=int3", SpecError, "dtype must be one of"),
        (f"hf/{tiny_llama}+./one+./two?quantised=4bit", SpecError, "quantised weights take one adapter"),
        (f"hf/{tiny_llama}?weight_noise=-1", SpecError, "weight_noise must be"),
    ):
        with pytest.raises(kind, match=message) as caught:
            introbench.load_model(spec)
        assert "\n" not in str(caught.value)


class OutOfMemory:
    """The model at the seam, with no memory for more tokens than `most`."""

    def __init__(self, model: Any, most: int) -> None:
        self.model, self.most = model, most

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def __call__(self, input_ids: torch.Tensor, **others: Any) -> Any:
        if input_ids.numel() > self.most:
            raise torch.OutOfMemoryError("tried to allocate 1 GiB")
        return self.model(input_ids=input_ids, **others)


def test_a_case_that_does_not_fit_into_memory_is_named(tiny_llama: Path) -> None:
    config, variants = resolve_config(f"hf/{tiny_llama}", limit=1)
    (case, *_) = make_plan(config, variants).tasks[0].cases
    model = introbench.load_model(f"hf/{tiny_llama}")
    starved = dataclasses.replace(model, hf_model=OutOfMemory(model.hf_model, 30))
    request = render(case.cued, case, model.chat)
    with pytest.raises(ModelError, match=rf"{re.escape(case.id)} \(cued\) does not fit into memory by itself"):
        starved.score([request])


def test_how_explanations_begin_is_scored_beside_them(tiny_llama: Path) -> None:
    config, variants = resolve_config(f"hf/{tiny_llama}", limit=2)
    cases = make_plan(config, variants).tasks[0].cases
    model = introbench.load_model(f"hf/{tiny_llama}")
    questions = [(question, case) for case in cases[:6] for question in (case.cued, case.explanation)]
    requests = [render(question, case, model.chat) for question, case in questions]
    results = model.score(requests)
    without = model.score([dataclasses.replace(request, source=None) for request in requests])
    assert [result.logprobs for result in results] == [result.logprobs for result in without]
    assert all(result.deciding is None for result in without)
    for request, result, (question, _) in zip(requests, results, questions, strict=True):
        assert (result.deciding is None) == (question.part == "cued")
        if result.deciding is None:
            continue
        unchanged, changed = request.beginnings
        assert unchanged[:-1] == changed[:-1]
        assert unchanged[-1] != changed[-1]
        half = len(request.choices_ids) // 2
        for ids, deciding, candidates in (
            (unchanged, result.deciding[0], slice(half)),
            (changed, result.deciding[1], slice(half, None)),
        ):
            assert all(choice[: len(ids)] == ids for choice in request.choices_ids[candidates])
            with torch.inference_mode():
                logits = model.hf_model(torch.tensor([[*request.prompt_ids, *ids]])).logits[0].log_softmax(-1)
            places = range(len(request.prompt_ids) - 1, len(request.prompt_ids) + len(ids) - 1)
            expected = sum(logits[place, token].item() for place, token in zip(places, ids, strict=True))
            assert deciding == pytest.approx(expected, abs=1e-4)
            together = sum(math.exp(value) for value in result.logprobs[candidates])
            assert together <= math.exp(deciding) * (1 + 1e-4)


def test_a_pack_that_was_split_says_so(tiny_llama: Path) -> None:
    model = introbench.load_model(f"hf/{tiny_llama}")
    starved = dataclasses.replace(model, hf_model=OutOfMemory(model.hf_model, 22))
    assert {result.part for result in model.score(REQUESTS)} == {""}
    split = starved.score(REQUESTS)
    assert [result.part for result in split] == ["0", "1"]
    assert [value for result in split for value in result.logprobs] == pytest.approx(scores(model), abs=1e-4)
