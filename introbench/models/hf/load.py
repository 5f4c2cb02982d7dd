"""Opening and loading transformers models: options, dtype, fingerprint, weights, adapter, noise."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

from introbench.errors import ModelError, SpecError
from introbench.hashing import canonical_json
from introbench.models.chat import PlainChat, TemplateChat
from introbench.models.hf.dtypes import DTYPES, count_parameters, default_dtype, dtype_name
from introbench.models.hf.model import HfModel, context_length
from introbench.models.hf.noise import add_weight_noise
from introbench.models.hf.places import Place, check_base, find_place, pinned, weights_identity
from introbench.models.hf.quiet import one_line_errors
from introbench.models.hf.reasons import one_line, reason_of
from introbench.models.hf.shared import with_adapter
from introbench.models.hf.tokenizers import load_tokenizer
from introbench.models.kept import KeptWeights, base_of
from introbench.models.spec import ModelSpec
from introbench.models.types import Fingerprint
from introbench.ranks import local_rank
from introbench.scorer.budget import pack_budget
from introbench.scorer.linear import choose_products
from introbench.scorer.memory import keep_freed_memory, out_of_memory
from introbench.scorer.probe import choose_path

__all__ = ["HfHead", "open_hf"]

_QUANTISED: Mapping[str, Mapping[str, Any]] = {
    "4bit": {"load_in_4bit": True, "bnb_4bit_quant_type": "fp4"},
    "8bit": {"load_in_8bit": True},
    "nf4": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
}
"""Ways of loading weights with fewer bits, by the arguments of transformers' BitsAndBytesConfig."""

_OPTIONS = (
    "attn",
    "chat_template",
    "device",
    "device_map",
    "dtype",
    "max_tokens",
    "pack_tokens",
    "quantised",
    "revision",
    "thinking",
    "trust_remote_code",
    "weight_noise",
    "weight_noise_seed",
)


@dataclass(frozen=True)
class _Origin:
    """Where a model comes from and how it is to be loaded."""

    spec: ModelSpec
    place: Place
    adapters: tuple[Place, ...]
    config: Any
    dtype: torch.dtype
    device: str
    attention: str | None
    device_map: str | None
    quantised: str | None
    trust: bool
    noise: float
    noise_seed: int
    pack_tokens: int
    thinking: int


@dataclass(frozen=True)
class HfHead:
    """A transformers model whose tokenizer and config are read and whose weights are hashed, not loaded.

    Attributes:
        spec: canonical spec.
        tokenizer: the transformers tokenizer.
        chat: how conversations become ids.
        fingerprint: identity of weights, adapters, noise, dtype, tokenizer and template.
        pack_tokens: most tokens of one forward pass, unless a single item needs more.
    """

    spec: str
    tokenizer: Any
    chat: TemplateChat | PlainChat
    fingerprint: Fingerprint
    pack_tokens: int
    _origin: _Origin
    _kept: KeptWeights | None = None

    @property
    def context(self) -> int | None:
        """Longest sequence in tokens, or None where the config states none."""
        return context_length(self._origin.config)

    @property
    def config(self) -> Any:
        """The transformers config."""
        return self._origin.config

    @property
    def dtype(self) -> torch.dtype:
        """Dtype that the weights will have."""
        return self._origin.dtype

    @property
    def device(self) -> str:
        """Device that the weights will be on."""
        return self._origin.device

    @property
    def trusted(self) -> bool:
        """Whether code that comes with the weights may run."""
        return self._origin.trust

    def load(self, pack_tokens: int | None = None) -> HfModel:
        """Load the weights, with noise and adapters where asked for, and probe how the model can be scored."""
        origin = self._origin
        model = _load_shared(origin, self.fingerprint, self._kept) if self._kept and _may_share(origin) else None
        if model is None:
            model = _load_alone(origin)
        model.eval()
        if model.device.type == "cpu":
            keep_freed_memory()
        products = choose_products(model)
        try:
            path = choose_path(model)
        except (RuntimeError, MemoryError) as error:
            if origin.quantised and not out_of_memory(error):
                reason = f"bitsandbytes cannot compute with its weights on {origin.device}: {one_line(error)}"
                raise ModelError(f"{self.spec}: {reason}; leave out quantised or name another device") from error
            if not out_of_memory(error):
                raise
            raise ModelError(f"{self.spec}: no memory is left to compute with: {one_line(error)}") from error
        budget = pack_tokens or self.pack_tokens
        thinking = origin.thinking
        return HfModel(self.spec, model, self.tokenizer, self.chat, self.fingerprint, path, budget, products, thinking)


def open_hf(spec: ModelSpec, kept: KeptWeights | None = None) -> HfHead:
    """Find a model and read everything but its weights.

    Args:
        kept: where the weights of its base are looked for, and left for the model that comes next.

    Raises SpecError on unknown options, ModelError (one line, with the way out) where anything is missing.
    """
    origin = _origin(spec)
    chosen = spec.options.get("chat_template", "auto")
    thinking = origin.thinking > 0
    read = load_tokenizer(spec, origin.place, trust=origin.trust, chat_template=chosen, thinking=thinking)
    device = torch.device(origin.device).type
    parts = {
        "engine": f"hf transformers {transformers.__version__} torch {torch.__version__} {device}",
        "weights": weights_identity(origin.place),
        "adapter": "+".join(weights_identity(adapter) for adapter in origin.adapters),
        "noise": _noise_part(origin.noise, origin.noise_seed),
        "dtype": dtype_name(origin.dtype),
        **read.parts,
        **{name: value for name, value in _chosen(origin).items() if value is not None},
    }
    return HfHead(str(spec), read.tokenizer, read.chat, Fingerprint(parts), origin.pack_tokens, origin, kept)


def _noise_part(scale: float, seed: int) -> str:
    return f"{scale:g} seed {seed}" if scale else ""


def _chosen(origin: _Origin) -> Mapping[str, str | None]:
    """Parts of the identity that only those models have whose spec names them."""
    quantised = f"{origin.quantised} bitsandbytes {version('bitsandbytes')}" if origin.quantised else None
    thinking = f"on, {origin.thinking} tokens" if origin.thinking else None
    return {
        "attention": origin.attention,
        "device map": origin.device_map,
        "quantised": quantised,
        "thinking": thinking,
    }


def _origin(spec: ModelSpec) -> _Origin:
    options = _checked_options(spec)
    base, *names = spec.places
    place = find_place(spec, base, options.get("revision"))
    adapters = [find_place(spec, name, None) for name in names]
    trust = options.get("trust_remote_code", "false").lower() in ("true", "1", "yes")
    with one_line_errors(spec, "config"):
        config = AutoConfig.from_pretrained(place.name, trust_remote_code=trust, **place.arguments)
        # Everything else is read at the commit that the config came from, whatever is pushed in between.
        place = pinned(place, "config.json")
        adapters = [pinned(adapter, "adapter_config.json") for adapter in adapters]
        parameters = count_parameters(config, trust)
    noise, noise_seed = float(options.get("weight_noise", "0")), int(options.get("weight_noise_seed", "0"))
    for number, adapter in enumerate(adapters):
        check_base(spec, place, adapters[:number], adapter, _noise_part(noise, noise_seed))
    dtype = DTYPES[options["dtype"]] if "dtype" in options else default_dtype(config, parameters)
    device = _device(options.get("device") or ("cuda" if torch.cuda.is_available() else "cpu"))
    return _Origin(
        spec=spec,
        place=place,
        adapters=tuple(adapters),
        config=config,
        dtype=dtype,
        device=device,
        attention=options.get("attn"),
        device_map=options.get("device_map"),
        quantised=options.get("quantised"),
        trust=trust,
        noise=noise,
        noise_seed=noise_seed,
        pack_tokens=int(options.get("pack_tokens", 0)) or _budget(spec, config, parameters, dtype, device),
        thinking=int(options["max_tokens"]) if options.get("thinking") == "on" else 0,
    )


def _device(name: str) -> str:
    """A GPU per rank where several share a machine and none is named."""
    rank = local_rank()
    return name if rank is None or name != "cuda" else f"cuda:{rank}"


def _checked_options(spec: ModelSpec) -> Mapping[str, str]:
    options = spec.options
    if unknown := sorted(options.keys() - set(_OPTIONS)):
        raise SpecError(f"model {str(spec)!r}: unknown option {unknown[0]!r}; known: {', '.join(_OPTIONS)}")
    if options.get("dtype", "float32") not in DTYPES:
        raise SpecError(f"model {str(spec)!r}: dtype must be one of {', '.join(DTYPES)}")
    if options.get("quantised", "4bit") not in _QUANTISED:
        raise SpecError(f"model {str(spec)!r}: quantised must be one of {', '.join(_QUANTISED)}")
    if options.get("thinking", "off") not in ("off", "on"):
        raise SpecError(f"model {str(spec)!r}: thinking must be one of off, on")
    if (options.get("thinking") == "on") != ("max_tokens" in options):
        raise SpecError(
            f"model {str(spec)!r}: thinking=on and max_tokens=N, the most tokens of a reply with its thoughts, are "
            "given together"
        )
    if "quantised" in options and "weight_noise" in options:
        raise SpecError(f"model {str(spec)!r}: weight_noise needs plain weights; leave out quantised")
    if "quantised" in options and len(spec.places) > 2:
        raise SpecError(f"model {str(spec)!r}: quantised weights take one adapter; leave out quantised")
    if "quantised" in options and importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError(f"{spec}: quantised needs the package bitsandbytes; run: pip install 'introbench[quantised]'")
    for name, kind in (("weight_noise", float), ("weight_noise_seed", int), ("pack_tokens", int)):
        try:
            number = kind(options.get(name, "0"))
        except ValueError:
            number = -1
        if not 0 <= number < float("inf"):
            raise SpecError(f"model {str(spec)!r}: {name} must be a number that is not negative")
    if not options.get("max_tokens", "1").isdecimal() or int(options.get("max_tokens", "1")) < 1:
        raise SpecError(f"model {str(spec)!r}: max_tokens must be a whole number, 1 or more")
    return options


def _may_share(origin: _Origin) -> bool:
    """Whether its base can be left as it is. Weights of fewer bits and those on several devices are loaded apart."""
    return not (origin.noise or origin.quantised or origin.device_map)


def _load_shared(origin: _Origin, fingerprint: Fingerprint, kept: KeptWeights) -> Any | None:
    """The model on a base that others use too, or None where its adapter cannot leave the base as it is."""

    def load() -> Any:
        base = _load_weights(origin)
        choose_products(base)  # copies take the layers as they are
        return base

    if len(origin.adapters) > 1:
        kept.drop()  # a sum of sums is not kept beside the base
        return None
    base = kept.take(canonical_json({**base_of(fingerprint.parts), "device": origin.device}), load)
    if not origin.adapters:
        return base
    with _adapter_errors(origin):
        model = with_adapter(base, origin.adapters[0])
    if model is None:
        del base
        kept.drop()
    return model


def _load_alone(origin: _Origin) -> Any:
    """The model on weights of its own, with noise on them, and its adapters merged into them one after the other.

    An adapter that was trained on noisy weights so stands on those that it was trained on.
    """
    model = _load_weights(origin)
    if origin.noise:
        add_weight_noise(model, origin.noise, origin.noise_seed)
    for adapter in origin.adapters:
        with _adapter_errors(origin):
            from peft import PeftModel

            loaded: Any = PeftModel.from_pretrained(model, adapter.name, **adapter.arguments)
            # Weights of fewer bits take no addition: the adapter then stays beside them, inside the same layers.
            model = loaded.get_base_model() if origin.quantised else loaded.merge_and_unload()
    return model


def _load_weights(origin: _Origin) -> Any:
    found: Any
    chosen: dict[str, Any] = {"attn_implementation": origin.attention} if origin.attention else {}
    if origin.device_map or origin.quantised:
        chosen["device_map"] = origin.device_map or {"": origin.device}
    if origin.quantised:
        # Without this, weights of four bits would be multiplied in float32 whatever the model's dtype is.
        bits = {"bnb_4bit_compute_dtype": origin.dtype, **_QUANTISED[origin.quantised]}
        chosen["quantization_config"] = transformers.BitsAndBytesConfig(**bits)
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it notes every product
    with one_line_errors(origin.spec, "model"):
        found = AutoModelForCausalLM.from_pretrained(
            origin.place.name,
            dtype=origin.dtype,
            trust_remote_code=origin.trust,
            output_loading_info=True,
            **chosen,
            **origin.place.arguments,
        )
    model, loaded = found
    if missing := sorted(loaded["missing_keys"]):
        raise ModelError(
            f"{origin.spec}: the checkpoint lacks {len(missing)} weights, {missing[0]} among them; "
            "they would be random: fetch or save it again"
        )
    if "device_map" in chosen:
        return model
    try:
        return model.to(torch.device(origin.device))
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"{origin.spec}: cannot move to device {origin.device!r}: {reason_of(error)}") from error


@contextmanager
def _adapter_errors(origin: _Origin) -> Iterator[None]:
    """Turn what is wrong with an adapter into one ModelError."""
    with one_line_errors(origin.spec, "adapter"), warnings.catch_warnings():
        # peft only warns of weights that an adapter lacks, and leaves them at their start.
        warnings.filterwarnings("error", message="Found missing adapter keys")
        yield


def _budget(spec: ModelSpec, config: Any, parameters: int, dtype: torch.dtype, device: str) -> int:
    try:
        return pack_budget(config, parameters, dtype, torch.device(device))
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"{spec}: cannot use device {device!r}: {one_line(error)}") from error
