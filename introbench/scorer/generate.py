"""Greedy replies of a transformers model: continuous batching where it is right and pays, else batches by length."""

from __future__ import annotations

import inspect
import logging
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, Literal

import torch
import transformers
from transformers import GenerationConfig

from introbench.errors import ModelError, PromptError
from introbench.scorer.memory import out_of_memory

__all__ = ["GenerationPath", "choose_generation", "generate_greedy"]

_CPU_BATCH_TOKENS = 4_096
_BATCH_TOKENS = 16_384
"""Tokens that a batch holds when every reply is complete. Cores are busy with few rows; accelerators want more."""

_MAX_PADDED_ROWS = 128
"""The logits of a step are rows × vocabulary, however short the prompts are."""

_MAX_CONTINUOUS_ROWS = 64
"""Without flash attention every row is multiplied with the keys of all rows, and masked: its cost is quadratic."""

_PAGE_TOKENS = 32
"""Prompts share whole pages only: transformers' own 256 is more than most prompts here have in common."""

_STEP_TOKENS = 2_048
"""Prompt tokens read in one step of continuous batching; longer prompts are read in several."""

_POLL_SECONDS = 0.5
"""How long to wait for an answer before looking whether the engine still lives."""

_PROBE_LENGTHS = (3, 11, 20)
_PROBE_NEW_TOKENS = 4
_PROBE_PAST_WINDOW = 5
_LONGEST_PROBED_WINDOW = 8_192
"""Tokens. A probe past a longer window would take longer than many runs."""

_PROBE_TOLERANCE = {torch.float32: 1e-3}
_LOW_PRECISION_TOLERANCE = 0.5
"""Nats. Rounding to bfloat16 changes models of 0.1 to 0.3 billion parameters by 0.1 to 0.2, a wrong mask by several."""

_FOREIGN_WINDOWS = ("window_size", "attention_types", "attention_window", "attention_chunk_size")
"""Names of windows that the engine does not look for; a probe need not be long enough to see them."""

_REFUSALS = (ValueError, TypeError, RuntimeError, AttributeError, KeyError, IndexError, MemoryError, ModelError)
"""What architectures raise when a way of generating does not suit them."""

_NOISY_LOGGERS = ("transformers", "ContinuousBatchingLogger")


@dataclass(frozen=True, slots=True)
class GenerationPath:
    """How a model generates.

    Attributes:
        way: `continuous` is transformers' continuous batching, `padded` are left-padded batches sorted by length,
            `single` is one prompt at a time, for models that padding or company confuses.
        reason: why, for the manifest.
    """

    way: Literal["continuous", "padded", "single"]
    reason: str


@dataclass(frozen=True, slots=True)
class _Task:
    """What is asked for: at most `new_tokens` per prompt, up to `stop_id` where there is one."""

    new_tokens: int
    stop_id: int | None
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class _Reply:
    """New ids without the stop id, and the log-probability of each in nats where the task asks for it."""

    ids: tuple[int, ...]
    logprobs: tuple[float, ...] = ()


_Generate = Callable[[Any, Sequence[tuple[int, ...]], _Task], list[_Reply]]


def choose_generation(model: Any, *, continuous_on: Sequence[str] = ("cuda",)) -> GenerationPath:
    """Decide how a model in eval mode generates, by its config and by comparing replies with plain forward passes.

    Neither check suffices alone: some models take the engine's packed rows and ignore its mask, and a probe that is
    shorter than a window does not see the window. A reply passes where each of its tokens is the arg-max of plain
    logits, and has their log-probability, within 1e-3 nats in float32 and 0.5 nats in other dtypes.

    `continuous_on` names the device types on which continuous batching is tried. On CPUs it is right as well, but
    slower than batches: there every step copies the whole cache and multiplies each row with the keys of all rows.
    """
    obstacle = _obstacle(model, continuous_on)
    if obstacle is None:
        obstacle, difference = _probe(model, _continuous, [*_PROBE_LENGTHS, *_lengths_past_windows(model)])
        if obstacle is None:
            return GenerationPath("continuous", f"probe: continuous and plain differ by {difference:.1e} nats")
        obstacle = f"continuous batching {obstacle}"
    padding, difference = _probe(model, _padded, _PROBE_LENGTHS)
    if padding is None:
        return GenerationPath("padded", f"{obstacle}; probe: padded and plain differ by {difference:.1e} nats")
    return GenerationPath("single", f"{obstacle}; left padding {padding}")


def generate_greedy(
    model: Any,
    prompts: Sequence[tuple[int, ...]],
    *,
    max_new_tokens: int,
    stop_id: int,
    path: GenerationPath,
    batch_tokens: int | None = None,
) -> list[tuple[int, ...]]:
    """The greedy reply to each prompt: the most likely token at every step, whatever the model's defaults are.

    Args:
        model: a transformers model in eval mode.
        prompts: token ids, at least one each.
        max_new_tokens: most tokens of a reply, at least 1.
        stop_id: the end-of-turn token; a reply ends before it.
        path: what `choose_generation` answered for this model.
        batch_tokens: most tokens, prompts and complete replies together, that are in memory at a time; by default
            4,096 on a CPU and 16,384 elsewhere. Halved for the rest of the call whenever memory runs out.

    Returns:
        As many sequences of ids as there are prompts, in their order, each of 0 to `max_new_tokens` ids.

    Raises:
        PromptError: a prompt is empty, or needs more positions than the model has.
        ModelError: a single prompt does not fit into memory, or the continuous engine fails.
    """
    _check_prompts(model, prompts, max_new_tokens)
    if batch_tokens is None:
        batch_tokens = _CPU_BATCH_TOKENS if model.device.type == "cpu" else _BATCH_TOKENS
    task = _Task(max_new_tokens, stop_id)
    replies: dict[int, _Reply] = {}
    left = sorted(range(len(prompts)), key=lambda number: len(prompts[number]), reverse=True)  # the largest fails first
    while left:
        batch = _next_batch([len(prompts[number]) + max_new_tokens for number in left], batch_tokens, path)
        chosen = [prompts[number] for number in left[:batch]]
        made = _within_memory(model, chosen, task, path, batch_tokens)
        if made is None:
            batch_tokens = _halved(chosen, task, path, batch_tokens)
            continue
        replies.update(zip(left[:batch], made, strict=True))
        left = left[batch:]
    return [replies[number].ids for number in range(len(prompts))]


def _check_prompts(model: Any, prompts: Sequence[tuple[int, ...]], max_new_tokens: int) -> None:
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    for number, prompt in enumerate(prompts):
        if not prompt:
            raise PromptError(f"prompt {number} has no tokens: a reply needs something to continue")
        if context and len(prompt) + max_new_tokens > context:
            raise PromptError(
                f"prompt {number} of {len(prompt)} tokens and a reply of {max_new_tokens} need "
                f"{len(prompt) + max_new_tokens} positions, the model has {context}; prompts are never cut"
            )


def _next_batch(lengths: Sequence[int], batch_tokens: int, path: GenerationPath) -> int:
    """How many of the prompts left, longest first, go together; the engine does its own batching."""
    if path.way == "continuous":
        return len(lengths)
    most = 1 if path.way == "single" else _MAX_PADDED_ROWS
    return max(1, min(most, len(lengths), batch_tokens // lengths[0]))


def _within_memory(
    model: Any, prompts: Sequence[tuple[int, ...]], task: _Task, path: GenerationPath, batch_tokens: int
) -> list[_Reply] | None:
    """The replies, or None where memory ran out; the failed attempt's tensors are gone when this returns."""
    try:
        if path.way == "continuous":
            return _continuous(model, prompts, task, batch_tokens)
        return _padded(model, prompts, task)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        return None


def _halved(prompts: Sequence[tuple[int, ...]], task: _Task, path: GenerationPath, batch_tokens: int) -> int:
    longest = max(map(len, prompts)) + task.new_tokens
    used = batch_tokens if path.way == "continuous" else longest * len(prompts)
    if used < 2 * longest:
        raise ModelError(
            f"out of memory on a single prompt of {longest - task.new_tokens} tokens with a reply of up to "
            f"{task.new_tokens}: use a smaller model or dtype, or a device with more memory"
        )
    return used // 2


@torch.inference_mode()
def _padded(model: Any, prompts: Sequence[tuple[int, ...]], task: _Task) -> list[_Reply]:
    width = max(map(len, prompts))
    ids = torch.zeros(len(prompts), width, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    inputs = {"input_ids": ids.to(model.device)}
    if "attention_mask" in inspect.signature(model.forward).parameters:
        inputs["attention_mask"] = mask.to(model.device)
    with _undisturbed(model):
        made = model.generate(**inputs, generation_config=_greedy(task))
    rows = made.sequences[:, width:].tolist()
    if not task.logprobs:
        return [_Reply(_cut(row, task.stop_id)) for row in rows]
    steps = torch.stack(made.logits, dim=1).float().log_softmax(dim=-1)
    logprobs = steps.max(dim=-1).values.tolist()
    return [_Reply(tuple(row), tuple(values)) for row, values in zip(rows, logprobs, strict=True)]


def _continuous(
    model: Any, prompts: Sequence[tuple[int, ...]], task: _Task, batch_tokens: int = _BATCH_TOKENS
) -> list[_Reply]:
    """All replies in one session of transformers' engine, which runs in a thread of its own.

    The engine's `generate_batch` would add requests while that thread already answers others, so that batches depend
    on timing; here all of them wait when it starts. It reports errors in its results: MemoryError is raised where
    they say that something does not fit, ModelError otherwise.
    """
    with _undisturbed(model):
        manager = model.init_continuous_batching(
            generation_config=_greedy(task), continuous_batching_config=_engine(prompts, task, batch_tokens)
        )
        keys = manager.add_requests([list(prompt) for prompt in prompts], max_new_tokens=task.new_tokens)
        outputs: dict[str, Any] = {}
        manager.start()
        try:
            while len(outputs) < len(keys):
                output = manager.get_result(timeout=_POLL_SECONDS)
                if output is not None:
                    outputs[output.request_id] = output
                elif not manager.is_running():
                    break
        finally:
            manager.stop(hard_stop=True)  # nothing is left to do, or the user interrupts
            manager.destroy()
    errors = [output.error for output in outputs.values() if output.error is not None]
    if errors or len(outputs) < len(keys):
        message = _one_line(errors[0] if errors else "it stopped without an answer")
        error = RuntimeError(message)
        raise error if out_of_memory(error) else ModelError(f"continuous batching failed: {message}")
    answers = [outputs[key] for key in keys]
    return [_Reply(_cut(answer.generated_tokens, task.stop_id), tuple(answer.logprobs)) for answer in answers]


def _engine(prompts: Sequence[tuple[int, ...]], task: _Task, batch_tokens: int) -> Any:
    """The engine's settings: sized by the work rather than by free memory, and without changes of the arithmetic."""
    longest = max(map(len, prompts)) + task.new_tokens
    rows = max(1, min(_MAX_CONTINUOUS_ROWS, batch_tokens // longest))
    return transformers.ContinuousBatchingConfig(
        page_size=_PAGE_TOKENS,
        num_blocks=math.ceil(max(batch_tokens, longest) / _PAGE_TOKENS) + rows,
        max_batch_tokens=min(_STEP_TOKENS, max(batch_tokens, rows)),
        max_requests_per_batch=rows,
        max_blocks_per_request=0,
        use_cuda_graph=False,
        use_async_batching=False,
        auto_switch_to_flash=False,  # it may download kernels, and rounds otherwise
        disable_nccl_graph_mixing=False,  # it would set an environment variable
        return_logprobs=task.logprobs,
        seed=0,
    )


def _greedy(task: _Task) -> GenerationConfig:
    return GenerationConfig(
        max_new_tokens=task.new_tokens,
        do_sample=False,
        num_beams=1,
        eos_token_id=-1 if task.stop_id is None else task.stop_id,
        pad_token_id=0,
        return_dict_in_generate=True,
        output_logits=task.logprobs,
    )


def _cut(ids: Sequence[int], stop_id: int | None) -> tuple[int, ...]:
    return tuple(ids[: ids.index(stop_id)] if stop_id in ids else ids)


@contextmanager
def _undisturbed(model: Any) -> Iterator[None]:
    """The model without its own generation defaults, in silence; afterwards it and the random numbers are as before.

    transformers fills every setting that a given config leaves open from the model's own. Its engine seeds torch,
    and leaves a model that it refuses under another attention implementation.
    """
    defaults, attention = model.generation_config, model.config._attn_implementation
    loggers = [logging.getLogger(name) for name in _NOISY_LOGGERS]
    levels = [logger.level for logger in loggers]
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices):
        try:
            model.generation_config = GenerationConfig()
            for logger in loggers:
                logger.setLevel(logging.CRITICAL)
            yield
        finally:
            if model.config._attn_implementation != attention:
                model.set_attn_implementation(attention)
            model.generation_config = defaults
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _obstacle(model: Any, continuous_on: Sequence[str]) -> str | None:
    if model.device.type not in continuous_on:
        return f"continuous batching is for {' or '.join(continuous_on) or 'no device'}, not for {model.device.type}"
    settings = getattr(transformers, "ContinuousBatchingConfig", None)
    if settings is None or "page_size" not in {field.name for field in fields(settings)}:
        return f"transformers {transformers.__version__} has another interface for continuous batching"
    config = model.config.get_text_config()
    if names := [name for name in _FOREIGN_WINDOWS if getattr(config, name, None)]:
        return f"its config sets {names[0]}, which continuous batching does not know"
    window = getattr(config, "sliding_window", None) or 0
    if window > _LONGEST_PROBED_WINDOW and window < (getattr(config, "max_position_embeddings", None) or math.inf):
        return f"its sliding window of {window} tokens is too long for a probe of continuous batching"
    return None


def _lengths_past_windows(model: Any) -> list[int]:
    """Lengths of prompts that reach past the model's sliding window, where it has one that its positions exceed."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    length = (window or 0) + _PROBE_PAST_WINDOW
    longest = getattr(config, "max_position_embeddings", None) or math.inf
    return [length] if window and length + _PROBE_NEW_TOKENS <= longest else []


def _probe(model: Any, generate: _Generate, lengths: Sequence[int]) -> tuple[str | None, float]:
    """What speaks against a way of generating, or None, and its largest difference to plain logits, in nats."""
    draw = random.Random(0)
    vocabulary = model.config.get_text_config().vocab_size
    prompts = [tuple(draw.randrange(vocabulary) for _ in range(length)) for length in lengths]
    try:
        replies = generate(model, prompts, _Task(_PROBE_NEW_TOKENS, None, logprobs=True))
        differences = [_difference(model, *pair) for pair in zip(prompts, replies, strict=True)]
    except _REFUSALS as error:
        return f"refuses the model: {_one_line(error)}", math.nan
    difference = float(torch.tensor(differences).max())  # unlike Python's, torch's maximum keeps NaN
    if difference <= _PROBE_TOLERANCE.get(model.dtype, _LOW_PRECISION_TOLERANCE):
        return None, difference
    return f"changes log-probabilities by {difference:.2g} nats", difference


@torch.inference_mode()
def _difference(model: Any, prompt: tuple[int, ...], reply: _Reply) -> float:
    """How far a reply is from greedy, and its log-probabilities from those of one forward pass without a cache."""
    count = len(reply.ids)
    keep = {"logits_to_keep": count} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}
    ids = torch.tensor([prompt + reply.ids[:-1]], device=model.device)
    logprobs = model(input_ids=ids, use_cache=False, **keep).logits[0, -count:].float().log_softmax(dim=-1).cpu()
    plain = logprobs[torch.arange(count), torch.tensor(reply.ids)]
    regret = logprobs.max(dim=-1).values - plain
    return float(torch.maximum(regret, (plain - torch.tensor(reply.logprobs)).abs()).max())


def _one_line(message: object) -> str:
    text = " ".join(str(message).split())
    return text if len(text) <= 120 else text[:117] + "..."
