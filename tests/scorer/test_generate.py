"""Greedy replies are those of a loop without cache or company, whichever way a model generates."""

from __future__ import annotations

import functools
import random
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    GenerationConfig,
    GPT2Config,
    GPTJConfig,
    GPTNeoConfig,
    LlamaConfig,
    MambaConfig,
    Qwen3Config,
    RwkvConfig,
)

from introbench.errors import ModelError, PromptError
from introbench.scorer.generate import GenerationPath, choose_generation, generate_greedy

VOCABULARY = 64
STOP = 63
NEW_TOKENS = 10
LENGTHS = (5, 40, 1, 23, 2, 40, 13, 31, 3, 13)
PADDED = GenerationPath("padded", "chosen by the test")
CONTINUOUS = GenerationPath("continuous", "chosen by the test")

# Weights drawn so widely that the two best tokens are far apart at every step: `loop` fails where they are not.
WIDE = 0.5
CLEAR_MARGIN = 1e-3

COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": WIDE,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
GEMMA: dict[str, Any] = {
    **COMMON,
    "initializer_range": 0.2,  # its embeddings are scaled up, and wide ones drown what attention adds
    "head_dim": 8,
    "layer_types": ["sliding_attention", "full_attention"],
    "tie_word_embeddings": False,  # a random model with tied ones repeats its last token
}
STATES: dict[str, Any] = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "eos_token_id": None}
GPT: dict[str, Any] = {"vocab_size": VOCABULARY, "initializer_range": WIDE, "bos_token_id": None, "eos_token_id": None}
CONFIGS: dict[str, Callable[[], Any]] = {
    "llama": lambda: LlamaConfig(**COMMON),
    "qwen3": lambda: Qwen3Config(**COMMON, head_dim=8),
    "gemma3": lambda: Gemma3TextConfig(**GEMMA, sliding_window=8),
    "gemma3 without a window": lambda: Gemma3TextConfig(**GEMMA, sliding_window=128),
    "gpt2": lambda: GPT2Config(**GPT, n_embd=32, n_layer=2, n_head=4, n_positions=64),
    "mamba": lambda: MambaConfig(**STATES, state_size=8, initializer_range=WIDE),
    "rwkv": lambda: RwkvConfig(**STATES, attention_hidden_size=32, context_length=128),
    "gptj": lambda: GPTJConfig(**GPT, n_embd=32, n_layer=2, n_head=4, rotary_dim=8, n_positions=128),
    "gpt_neo": lambda: GPTNeoConfig(
        **GPT, hidden_size=32, num_heads=4, num_layers=2, attention_types=[[["global", "local"], 1]], window_size=8
    ),
}


@functools.cache
def tiny(kind: str) -> Any:
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(CONFIGS[kind]()).eval()
        if kind == "rwkv":  # its initialisation takes no width and leaves the head near zero
            for parameter in model.parameters():
                if parameter.dim() > 1:
                    torch.nn.init.normal_(parameter, std=WIDE)
    return model


def pool() -> list[tuple[int, ...]]:
    draw = random.Random(0)
    prompts = [tuple(draw.randrange(STOP) for _ in range(length)) for length in LENGTHS]
    return [*prompts, prompts[1][:35] + prompts[0]]  # and one that shares more than a page of the engine


@functools.cache
@torch.inference_mode()
def loop(kind: str, prompt: tuple[int, ...], stop_id: int = STOP, new_tokens: int = NEW_TOKENS) -> tuple[int, ...]:
    """One prompt, one full forward pass per token."""
    ids = list(prompt)
    while len(ids) < len(prompt) + new_tokens:
        best = tiny(kind)(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].topk(2)
        assert best.values[0] - best.values[1] > CLEAR_MARGIN, "a tie in the test's own material: draw other weights"
        if best.indices[0] == stop_id:
            break
        ids.append(int(best.indices[0]))
    return tuple(ids[len(prompt) :])


def replies(
    model: Any, prompts: Sequence[tuple[int, ...]], path: GenerationPath = PADDED, **options: Any
) -> list[tuple[int, ...]]:
    asked = {"max_new_tokens": NEW_TOKENS, "stop_id": STOP, **options}
    return generate_greedy(model, prompts, path=path, **asked)


@contextmanager
def forward_hook(model: Any, hook: Callable[[torch.Tensor], None]) -> Iterator[None]:
    handle = model.register_forward_pre_hook(lambda _, __, inputs: hook(inputs["input_ids"]), with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def exhaust_memory() -> None:
    """The allocator's own error."""
    torch.empty(1 << 60, dtype=torch.uint8)


def loops(kind: str) -> list[tuple[int, ...]]:
    return [loop(kind, prompt) for prompt in pool()]


KINDS = ["llama", "qwen3", "gemma3", "gpt2", "mamba", "rwkv"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_material_tells_right_from_wrong(kind: str) -> None:
    assert len(set(loops(kind))) == len(pool()), "two prompts have the same reply"
    assert all(len(set(reply)) > 1 for reply in loops(kind) if len(reply) == NEW_TOKENS), "it repeats one token"


def test_the_material_has_replies_that_stop_and_a_window_that_matters() -> None:
    assert any(len(reply) < NEW_TOKENS for reply in loops("gpt2"))
    assert loops("gemma3") != loops("gemma3 without a window")


@pytest.mark.parametrize("kind", KINDS[:5])
def test_padded_batches_reply_as_a_loop_does(kind: str) -> None:
    path = choose_generation(tiny(kind))
    assert path.way == "padded"
    assert path.reason.startswith("continuous batching is for cuda, not for cpu; probe: padded and plain differ by")
    assert replies(tiny(kind), pool(), path, batch_tokens=200) == loops(kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS[:4])
def test_continuous_batching_replies_as_a_loop_does(kind: str) -> None:
    path = choose_generation(tiny(kind), continuous_on=("cpu",))
    assert path.way == "continuous"
    assert path.reason.startswith("probe: continuous and plain differ by")
    assert replies(tiny(kind), pool(), path, batch_tokens=200) == loops(kind)


@settings(max_examples=10)
@given(st.lists(st.sampled_from(pool()), max_size=8), st.integers(1, 400))
def test_a_reply_depends_neither_on_its_company_nor_on_the_batch_size(
    prompts: list[tuple[int, ...]], batch_tokens: int
) -> None:
    assert replies(tiny("gemma3"), prompts, batch_tokens=batch_tokens) == [loop("gemma3", each) for each in prompts]


@pytest.mark.parametrize("path", [PADDED, CONTINUOUS], ids=lambda path: path.way)
def test_no_prompts_one_prompt_and_one_token(path: GenerationPath) -> None:
    model, prompts = tiny("llama"), pool()
    assert replies(model, [], path) == []
    assert replies(model, prompts[:1], path) == [loop("llama", prompts[0])]
    assert replies(model, prompts, path, max_new_tokens=1) == [loop("llama", each, new_tokens=1) for each in prompts]


@pytest.mark.parametrize("path", [PADDED, CONTINUOUS], ids=lambda path: path.way)
def test_a_reply_that_stops_at_once_is_empty(path: GenerationPath) -> None:
    first = loop("llama", pool()[0])[0]
    made = replies(tiny("llama"), pool(), path, stop_id=first)
    assert made[0] == ()
    assert made == [loop("llama", prompt, stop_id=first) for prompt in pool()]


@pytest.mark.parametrize("path", [PADDED, CONTINUOUS], ids=lambda path: path.way)
def test_the_models_own_generation_defaults_change_nothing_and_are_kept(
    path: GenerationPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny("llama")
    likely = loop("llama", pool()[0])
    defaults = GenerationConfig(
        do_sample=True,
        temperature=5.0,
        top_k=3,
        repetition_penalty=9.0,
        no_repeat_ngram_size=1,
        min_length=100,
        min_new_tokens=50,
        max_length=4,
        max_new_tokens=2,
        num_return_sequences=2,
        forced_bos_token_id=7,
        forced_eos_token_id=8,
        suppress_tokens=list(likely),
        begin_suppress_tokens=[likely[0]],
        bad_words_ids=[[likely[1]]],
        eos_token_id=list(likely[:3]),
        pad_token_id=9,
    )
    monkeypatch.setattr(model, "generation_config", defaults)
    before = defaults.to_dict()
    assert replies(model, pool(), path) == loops("llama")
    assert model.generation_config is defaults
    assert defaults.to_dict() == before


def test_continuous_batching_leaves_no_trace(capfd: pytest.CaptureFixture[str]) -> None:
    model = tiny("llama")
    attention, defaults, threads = model.config._attn_implementation, model.generation_config, threading.active_count()
    random_state = torch.get_rng_state()
    with torch.inference_mode():  # whose tensors another thread could not change in place
        assert replies(model, pool(), CONTINUOUS) == loops("llama")
    assert model.config._attn_implementation == attention
    assert model.generation_config is defaults
    assert threading.active_count() == threads
    assert torch.equal(torch.get_rng_state(), random_state)
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """Interrupts raise, also where the tests were started in the background, with interrupts ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_interrupts")
def test_an_interrupt_stops_the_engine_and_leaves_no_trace() -> None:
    model, steps, whole = tiny("llama"), [], 80
    attention, defaults, threads = model.config._attn_implementation, model.generation_config, threading.active_count()

    def interrupt_once(ids: torch.Tensor) -> None:
        steps.append(ids.shape)
        if len(steps) == 1:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with forward_hook(model, interrupt_once), pytest.raises(KeyboardInterrupt):
        replies(model, pool(), CONTINUOUS, max_new_tokens=whole)
    assert len(steps) < whole
    assert model.config._attn_implementation == attention
    assert model.generation_config is defaults
    assert threading.active_count() == threads


def test_recurrent_models_are_refused_by_name_and_keep_their_attention(capfd: pytest.CaptureFixture[str]) -> None:
    model = tiny("mamba")
    attention = model.config._attn_implementation
    path = choose_generation(model, continuous_on=("cpu",))
    assert path.way == "padded"
    assert path.reason.startswith("continuous batching refuses the model: Invalid layer type: linear_attention; probe")
    assert model.config._attn_implementation == attention
    assert "Traceback" not in capfd.readouterr().err


def test_models_that_ignore_the_engines_mask_are_found_by_the_probe() -> None:
    path = choose_generation(tiny("gptj"), continuous_on=("cpu",))
    assert path.way == "padded"
    assert path.reason.startswith("continuous batching changes log-probabilities by")


def test_windows_that_a_probe_need_not_see_are_found_in_the_config() -> None:
    path = choose_generation(tiny("gpt_neo"), continuous_on=("cpu",))
    assert path.way == "padded"
    assert path.reason.startswith("its config sets window_size, which continuous batching does not know")


def test_windows_beyond_every_probe_are_found_in_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny("gemma3").config, "sliding_window", 10_000)
    monkeypatch.setattr(tiny("gemma3").config, "max_position_embeddings", 20_000)
    path = choose_generation(tiny("gemma3"), continuous_on=("cpu",))
    assert path.reason.startswith("its sliding window of 10000 tokens is too long for a probe")


def test_models_that_company_confuses_generate_alone() -> None:
    model, rows = tiny("rwkv"), []
    path = choose_generation(model)
    assert path.way == "single"
    assert "left padding changes log-probabilities by" in path.reason
    with forward_hook(model, lambda ids: rows.append(ids.shape[0])):
        made = replies(model, pool(), path)
    assert made == loops("rwkv")
    assert max(rows) == 1
    assert replies(model, pool()) != made


def test_batches_keep_to_the_tokens_they_may_hold() -> None:
    model, shapes = tiny("llama"), []
    with forward_hook(model, lambda ids: shapes.append(tuple(ids.shape))):
        replies(model, pool(), batch_tokens=120)
    prefills = [(rows, width) for rows, width in shapes if width > 1]
    assert all(rows * (width + NEW_TOKENS) <= 120 for rows, width in prefills)
    assert max(rows for rows, _ in prefills) > 1
    assert [width for _, width in prefills] == sorted((width for _, width in prefills), reverse=True)


def test_a_batch_that_does_not_fit_is_halved_and_the_rest_follows() -> None:
    model, rows = tiny("llama"), []

    def hold_two(ids: torch.Tensor) -> None:
        if ids.shape[1] > 1:
            rows.append(ids.shape[0])
        if ids.shape[0] > 2:
            exhaust_memory()

    with forward_hook(model, hold_two):
        assert replies(model, [pool()[1]] * 9) == [loop("llama", pool()[1])] * 9
    assert rows == [9, 4, 2, 2, 2, 2, 1]


def test_continuous_batching_that_does_not_fit_is_halved() -> None:
    model, steps = tiny("llama"), []

    def hold_a_hundred(ids: torch.Tensor) -> None:
        steps.append(ids.shape[1])
        if ids.shape[1] > 100:
            exhaust_memory()

    with forward_hook(model, hold_a_hundred):
        assert replies(model, pool(), CONTINUOUS, batch_tokens=300) == loops("llama")
    assert max(steps) > 100


@pytest.mark.parametrize("path", [PADDED, CONTINUOUS], ids=lambda path: path.way)
def test_a_prompt_that_does_not_fit_alone_is_an_error_of_one_line(
    path: GenerationPath, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        forward_hook(tiny("llama"), lambda _: exhaust_memory()),
        pytest.raises(ModelError, match=r"out of memory on a single prompt of 40 tokens with a reply of up to 10: use"),
    ):
        replies(tiny("llama"), pool()[:3], path, batch_tokens=150)
    assert capfd.readouterr() == ("", "")


def fail(_: torch.Tensor) -> None:
    raise RuntimeError("the kernel is broken\nin two lines")


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    with forward_hook(tiny("llama"), fail), pytest.raises(RuntimeError, match="the kernel is broken"):
        replies(tiny("llama"), pool())


def test_an_error_in_the_engine_is_raised_here(capfd: pytest.CaptureFixture[str]) -> None:
    model = tiny("llama")
    defaults = model.generation_config
    message = r"^continuous batching failed: the kernel is broken in two lines$"
    with forward_hook(model, fail), pytest.raises(ModelError, match=message):
        replies(model, pool(), CONTINUOUS)
    assert model.generation_config is defaults
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("path", [PADDED, CONTINUOUS], ids=lambda path: path.way)
def test_prompts_without_tokens_or_beyond_the_context_are_refused(path: GenerationPath) -> None:
    with pytest.raises(PromptError, match="prompt 1 has no tokens"):
        replies(tiny("llama"), [(1,), ()], path)
    with pytest.raises(PromptError, match="prompt 0 of 119 tokens and a reply of 10 need 129 positions, the model has"):
        replies(tiny("llama"), [(1,) * 119], path)
    assert len(replies(tiny("llama"), [(1,) * 118], path)) == 1
