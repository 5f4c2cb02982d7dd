"""Models on one base have its weights in memory once, and answer as if each had them for itself."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

import introbench.models.hf.load as loading
from introbench import ChoiceRequest
from introbench.models.hf.load import HfHead, open_hf
from introbench.models.kept import KeptWeights
from introbench.models.spec import parse_spec
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.ledger import canonical_ledger

PROMPT = tuple(range(20, 40))
REQUESTS = [
    ChoiceRequest(PROMPT, ((1, 2), (3,), (1, 2, 4)), group="a"),
    ChoiceRequest(PROMPT[:7], ((5,), (6, 7)), group="b"),
]
FREE = ChoiceRequest(PROMPT, ((1,),))


def save_adapter(base: Path, folder: Path, **settings: Any) -> Path:
    """Write an adapter with random weights, named by its folder, for a base; returns the folder."""
    torch.manual_seed(len(folder.name))
    plain = {"r": 4, "target_modules": ["q_proj", "v_proj", "down_proj"], "init_lora_weights": False}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # peft has advice on embeddings and tied heads
        adapted: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(**{**plain, **settings}))
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape))
        adapted.save_pretrained(folder)
    return folder


def opened(spec: str, kept: KeptWeights | None = None) -> HfHead:
    return open_hf(parse_spec(spec), kept)


def storages(model: Any) -> dict[int, int]:
    """Bytes of every storage that a model's parameters lie in, by its address."""
    found = [parameter.untyped_storage() for parameter in model.hf_model.parameters()]
    return {storage.data_ptr(): storage.nbytes() for storage in found}


def answers(model: Any) -> tuple[list[tuple[float, ...]], list[str]]:
    written = model.generate([FREE], max_new_tokens=12)
    return [result.logprobs for result in model.score(REQUESTS)], written


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_base_and_two_adapters_lie_in_the_same_memory_and_answer_as_if_alone(
    dtype: str, tiny_llama: Path, tmp_path: Path
) -> None:
    adapters = [save_adapter(tiny_llama, tmp_path / "one"), save_adapter(tiny_llama, tmp_path / "other", r=2)]
    specs = [f"hf/{tiny_llama}{plus}?dtype={dtype}" for plus in ("", *(f"+{adapter}" for adapter in adapters))]
    kept = KeptWeights()
    together = [opened(spec, kept).load() for spec in specs]
    alone = [opened(spec).load() for spec in specs]
    base = storages(together[0])
    assert all(storages(model) == base for model in together)
    assert len({frozenset(storages(model)) for model in alone}) == len(alone)
    expected = [answers(model) for model in alone]
    assert len({str(found) for found in expected}) == len(specs)
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):  # what one model does leaves nothing behind for another
        assert [answers(together[number]) for number in order] == [expected[number] for number in order]
    assert [model.facts for model in together] == [model.facts for model in alone]


def test_an_adapter_on_an_adapter_is_merged_behind_it(tiny_llama: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    first, second = save_adapter(tiny_llama, tmp_path / "one"), save_adapter(tiny_llama, tmp_path / "other", r=2)
    model: Any = AutoModelForCausalLM.from_pretrained(tiny_llama)
    for adapter in (first, second):
        model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    model.save_pretrained(tmp_path / "merged")
    opened(f"hf/{tiny_llama}").tokenizer.save_pretrained(tmp_path / "merged")
    spec, kept = f"hf/{tiny_llama}+{first}+{second}", KeptWeights()
    expected = answers(opened(f"hf/{tmp_path / 'merged'}").load())
    base = answers(opened(f"hf/{tiny_llama}", kept).load())
    assert answers(opened(spec, kept).load()) == answers(opened(spec).load()) == expected
    assert answers(opened(f"hf/{tiny_llama}", kept).load()) == base != expected
    specs = [spec, f"hf/{tiny_llama}+{second}+{first}", f"hf/{tiny_llama}+{first}"]
    assert len({opened(each).fingerprint.hex for each in specs}) == len(specs)


@pytest.mark.filterwarnings("ignore:Model (has|with) `tie_word_embeddings=True`")
@pytest.mark.parametrize(
    ("changes", "settings"),
    [
        ({"attention_bias": True}, {"bias": "lora_only"}),
        ({}, {"modules_to_save": ["lm_head"]}),
        ({}, {"use_dora": True}),
        ({}, {"target_modules": ["embed_tokens", "q_proj"]}),
        ({"tie_word_embeddings": True}, {"target_modules": ["lm_head"]}),
    ],
    ids=["biases", "a whole layer", "DoRA", "embeddings", "a tied head"],
)
def test_an_adapter_that_changes_more_than_linear_layers_gets_weights_of_its_own(
    changes: dict[str, Any], settings: dict[str, Any], tiny_llama: Path, tmp_path: Path
) -> None:
    config = AutoConfig.from_pretrained(tiny_llama, **changes)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "base")
    AutoTokenizer.from_pretrained(tiny_llama).save_pretrained(tmp_path / "base")
    base = f"hf/{tmp_path / 'base'}"
    adapted = f"{base}+{save_adapter(tmp_path / 'base', tmp_path / 'more', **settings)}"
    kept = KeptWeights()
    first = opened(base, kept).load()
    before = {name: weight.clone() for name, weight in first.hf_model.named_parameters()}
    second = opened(adapted, kept).load()
    assert not storages(first).keys() & storages(second).keys()
    assert answers(second) == answers(opened(adapted).load())
    assert all(torch.equal(weight, before[name]) for name, weight in first.hf_model.named_parameters())
    assert answers(first) == answers(opened(base).load())


@pytest.mark.parametrize("explanations", ["constrained", "free"])
def test_a_run_reads_a_base_once_and_writes_the_ledgers_of_models_that_are_loaded_apart(
    explanations: Any, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = loading._load_weights

    def counted(origin: Any) -> Any:
        read.append(str(origin.spec))
        return real(origin)

    monkeypatch.setattr(loading, "_load_weights", counted)
    adapters = [save_adapter(tiny_llama, tmp_path / "one"), save_adapter(tiny_llama, tmp_path / "other", r=2)]
    specs = [f"hf/{tiny_llama}+{adapter}" for adapter in adapters]
    config, variants = resolve_config(specs[0], [specs[1]], limit=3, aa_share=0.4, explanations=explanations)
    together = execute(config, variants, tmp_path / "together")
    assert len(read) == 1
    monkeypatch.setattr(loading, "_may_share", lambda origin: False)
    apart = execute(config, variants, tmp_path / "apart")
    assert len(read) == 4
    ledgers = [sorted((run / "records").rglob("*.jsonl")) for run in (together, apart)]
    assert len(ledgers[0]) == 3
    assert [canonical_ledger(path) for path in ledgers[0]] == [canonical_ledger(path) for path in ledgers[1]]
    manifests = [json.loads((run / "manifest.json").read_text())["models"] for run in (together, apart)]
    assert manifests[0] == manifests[1]


def test_weights_are_kept_for_the_next_model_only_where_it_stands_on_them(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[bool] = []
    real = KeptWeights.drop

    def watched(kept: KeptWeights) -> None:
        dropped.append(kept._weights is not None)
        real(kept)

    monkeypatch.setattr(KeptWeights, "drop", watched)
    noisy, other = f"hf/{tiny_llama}?weight_noise=0.1", f"hf/{tiny_llama}?dtype=bfloat16"
    target = f"hf/{tiny_llama}+{save_adapter(tiny_llama, tmp_path / 'one')}"
    config, variants = resolve_config(target, [noisy, other], limit=1, aa_share=0.0)
    execute(config, variants, tmp_path / "run")
    # Nothing is there when the first base is read; target and base share; then each goes before the next one comes.
    assert [found for found in dropped if found] == [True, True]
