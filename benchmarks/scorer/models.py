"""What is measured: a model that introbench loads by its spec, or random weights of a given shape."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from benchmarks.machine import without_folders
from introbench.errors import ModelError
from introbench.models.chat import make_chat
from introbench.models.hf.model import HfModel
from introbench.models.hf.quiet import quiet
from introbench.models.load import load_model
from introbench.models.types import Chat
from introbench.scorer.budget import pack_budget
from introbench.scorer.probe import ScoringPath, choose_path

__all__ = ["SHAPES", "Subject", "byte_tokenizer", "load_random", "load_spec", "read_config", "saved"]

_EIGHT_BILLION: Mapping[str, Any] = {
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "tie_word_embeddings": False,
}

SHAPES: Mapping[str, Mapping[str, Any]] = {
    "llama-8b": {
        **_EIGHT_BILLION,
        "model_type": "llama",
        "vocab_size": 128256,
        "num_hidden_layers": 32,
        "intermediate_size": 14336,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0},
    },
    "qwen3-8b": {
        **_EIGHT_BILLION,
        "model_type": "qwen3",
        "vocab_size": 151936,
        "num_hidden_layers": 36,
        "intermediate_size": 12288,
        "max_position_embeddings": 40960,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
    },
    "tiny": {
        "model_type": "llama",
        "vocab_size": 320,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "initializer_range": 0.2,  # wide enough that a random model prefers some replies clearly
    },
}
"""Shapes of models by name, as transformers configs. The first two are those of Llama 3.1 8B and Qwen3 8B."""

_CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@dataclass(frozen=True)
class Subject:
    """A model in memory that is measured.

    Attributes:
        name: its spec, or the name of its shape.
        model: the transformers model, in eval mode.
        tokenizer: the tokenizer that goes with it; peers want one, no text is read by it.
        chat: how a task's conversations become ids.
        path: how introbench scores it.
        pack_tokens: most tokens of one of introbench's forward passes.
        random: whether its weights are random, and lie in no folder.
    """

    name: str
    model: Any
    tokenizer: Any
    chat: Chat
    path: ScoringPath
    pack_tokens: int
    random: bool

    @property
    def vocabulary(self) -> int:
        """Ids below this number mean something to model and tokenizer alike."""
        return min(len(self.tokenizer), int(self.model.config.get_text_config().vocab_size))

    @property
    def parameters(self) -> int:
        """Number of weights; tied ones count once."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def facts(self) -> dict[str, Any]:
        """What the JSON says of it."""
        return {
            "name": self.name,
            "random_weights": self.random,
            "parameters": self.parameters,
            "attention": self.model.config._attn_implementation,
            "path": self.path.way,
            "path_reason": self.path.reason,
            "pack_tokens": self.pack_tokens,
        }


def load_spec(spec: str, dtype: str, device: str) -> Subject:
    """A model as `introbench run --model SPEC` has it. Raises SpecError or ModelError."""
    found = load_model(spec, dtype=dtype, device=device)
    if not isinstance(found, HfModel):
        raise ModelError(f"{spec}: has no weights to measure; name a model of the hf backend")
    return Subject(
        without_folders(spec), found.hf_model, found.tokenizer, found.chat, found.path, found.pack_tokens, random=False
    )


def read_config(shape: str) -> Any:
    """The transformers config that a built-in name or a JSON file holds. Raises ModelError where it is neither."""
    values = SHAPES.get(shape)
    if values is None:
        try:
            values = json.loads(Path(shape).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"{shape}: neither one of {', '.join(SHAPES)} nor a config.json ({error})") from error
    rest = {name: value for name, value in values.items() if name != "model_type"}
    return AutoConfig.for_model(values["model_type"], **rest)


def load_random(shape: str, dtype: str, device: str, seed: int = 0) -> Subject:
    """Random weights of a shape, made where and as they are needed; the same ones for the same seed and device."""
    place, kind = torch.device(device), getattr(torch, dtype)
    config = read_config(shape)
    torch.manual_seed(seed)
    with place:
        model: Any = AutoModelForCausalLM.from_config(config, dtype=kind)
    model.eval()
    tokenizer = byte_tokenizer()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Subject(
        name=Path(shape).stem,
        model=model,
        tokenizer=tokenizer,
        chat=make_chat(tokenizer, shape),
        path=choose_path(model),
        pack_tokens=pack_budget(config, parameters, kind, place),
        random=True,
    )


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of one token per byte with a chat template, for weights that were never trained."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|end|>")
    wrapped.chat_template = _CHAT_TEMPLATE
    return wrapped


@contextmanager
def saved(subject: Subject) -> Iterator[str]:
    """Where another process finds the model: its folder or hub id, or a folder that lasts as long as this block."""
    if not subject.random:
        yield str(subject.model.name_or_path)
        return
    with TemporaryDirectory(prefix="introbench-benchmark-") as folder:
        with quiet():
            subject.model.save_pretrained(folder)
            subject.tokenizer.save_pretrained(folder)
        yield folder
