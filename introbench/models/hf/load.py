"""Opening and loading transformers models: options, dtype, fingerprint, weights, adapter, noise."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from introbench.errors import ModelError, SpecError
from introbench.hashing import content_hash
from introbench.models.chat import PROBE_TURNS, PlainChat, TemplateChat, make_chat
from introbench.models.embedded import EMBEDDED_MODELS, converted_folder
from introbench.models.hf.model import HfModel, context_length
from introbench.models.hf.noise import add_weight_noise
from introbench.models.hf.places import Place, find_place, pinned, tokenizer_identity, weights_identity
from introbench.models.hf.quiet import one_line, one_line_errors, quiet
from introbench.models.spec import ModelSpec
from introbench.models.types import Fingerprint
from introbench.ranks import local_rank
from introbench.scorer.budget import pack_budget
from introbench.scorer.linear import choose_products
from introbench.scorer.memory import keep_freed_memory, out_of_memory
from introbench.scorer.probe import choose_path

__all__ = ["HfHead", "open_hf"]

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_FLOAT32_BELOW = 1_000_000_000
"""Parameters. Smaller models run in float32: bf16 rounding alone flipped 6 % of a 135M model's labels."""

_OPTIONS = (
    "attn",
    "device",
    "dtype",
    "pack_tokens",
    "revision",
    "trust_remote_code",
    "weight_noise",
    "weight_noise_seed",
)


@dataclass(frozen=True)
class _Origin:
    """Where a model comes from and how it is to be loaded."""

    spec: ModelSpec
    place: Place
    adapter: Place | None
    config: Any
    dtype: torch.dtype
    device: str
    attention: str | None
    trust: bool
    noise: float
    noise_seed: int
    pack_tokens: int


@dataclass(frozen=True)
class HfHead:
    """A transformers model whose tokenizer and config are read and whose weights are hashed, not loaded.

    Attributes:
        spec: canonical spec.
        tokenizer: the transformers tokenizer.
        chat: how conversations become ids.
        fingerprint: identity of weights, adapter, noise, dtype, tokenizer and template.
        pack_tokens: most tokens of one forward pass, unless a single item needs more.
    """

    spec: str
    tokenizer: Any
    chat: TemplateChat | PlainChat
    fingerprint: Fingerprint
    pack_tokens: int
    _origin: _Origin

    @property
    def context(self) -> int | None:
        """Longest sequence in tokens, or None where the config states none."""
        return context_length(self._origin.config)

    def load(self, pack_tokens: int | None = None) -> HfModel:
        """Load the weights, add noise where asked for, and probe how the model can be scored."""
        origin = self._origin
        model = _load_weights(origin)
        if origin.adapter is not None:
            model = _load_adapter(origin, model, origin.adapter)
        if origin.noise:
            add_weight_noise(model, origin.noise, origin.noise_seed)
        model.eval()
        if model.device.type == "cpu":
            keep_freed_memory()
        products = choose_products(model)
        try:
            path = choose_path(model)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            raise ModelError(f"{self.spec}: no memory is left to compute with: {one_line(error)}") from error
        budget = pack_tokens or self.pack_tokens
        return HfModel(self.spec, model, self.tokenizer, self.chat, self.fingerprint, path, budget, products)


def open_hf(spec: ModelSpec) -> HfHead:
    """Find a model and read everything but its weights.

    Raises SpecError on unknown options, ModelError (one line, with the way out) where anything is missing.
    """
    origin = _origin(spec)
    tokenizer = _load_tokenizer(origin)
    chat = make_chat(tokenizer, str(spec))
    device = torch.device(origin.device).type
    parts = {
        "engine": f"hf transformers {transformers.__version__} torch {torch.__version__} {device}",
        "weights": weights_identity(origin.place),
        "adapter": weights_identity(origin.adapter) if origin.adapter else "",
        "noise": f"{origin.noise:g} seed {origin.noise_seed}" if origin.noise else "",
        "dtype": str(origin.dtype).removeprefix("torch."),
        "tokenizer": tokenizer_identity(tokenizer),
        "template": chat.template_hash,
        "probe prompt": content_hash([list(chat.prompt_ids(PROBE_TURNS)), list(chat.reply_ids("Yes"))]),
    }
    return HfHead(str(spec), tokenizer, chat, Fingerprint(parts), origin.pack_tokens, origin)


def _origin(spec: ModelSpec) -> _Origin:
    options = _checked_options(spec)
    if spec.backend == "embedded":
        place, adapter = Place(str(converted_folder(EMBEDDED_MODELS[spec.name], _convert)), local=True), None
    else:
        base, _, adapter_name = spec.name.partition("+")
        place = find_place(spec, base, options.get("revision"))
        adapter = find_place(spec, adapter_name, None) if adapter_name else None
    trust = options.get("trust_remote_code", "false").lower() in ("true", "1", "yes")
    with one_line_errors(spec, "config"):
        config = AutoConfig.from_pretrained(place.name, trust_remote_code=trust, **place.arguments)
        # Everything else is read at the commit that the config came from, whatever is pushed in between.
        place = pinned(place, "config.json")
        adapter = pinned(adapter, "adapter_config.json") if adapter else None
        parameters = _count_parameters(config, trust)
    dtype = _DTYPES[options["dtype"]] if "dtype" in options else _default_dtype(config, parameters)
    device = _device(options.get("device") or ("cuda" if torch.cuda.is_available() else "cpu"))
    return _Origin(
        spec=spec,
        place=place,
        adapter=adapter,
        config=config,
        dtype=dtype,
        device=device,
        attention=options.get("attn"),
        trust=trust,
        noise=float(options.get("weight_noise", "0")),
        noise_seed=int(options.get("weight_noise_seed", "0")),
        pack_tokens=int(options.get("pack_tokens", 0)) or _budget(spec, config, parameters, dtype, device),
    )


def _device(name: str) -> str:
    """A GPU per rank where several share a machine and none is named."""
    rank = local_rank()
    return name if rank is None or name != "cuda" else f"cuda:{rank}"


def _checked_options(spec: ModelSpec) -> Mapping[str, str]:
    options = spec.options
    if unknown := sorted(options.keys() - set(_OPTIONS)):
        raise SpecError(f"model {str(spec)!r}: unknown option {unknown[0]!r}; known: {', '.join(_OPTIONS)}")
    if options.get("dtype", "float32") not in _DTYPES:
        raise SpecError(f"model {str(spec)!r}: dtype must be one of {', '.join(_DTYPES)}")
    for name, kind in (("weight_noise", float), ("weight_noise_seed", int), ("pack_tokens", int)):
        try:
            number = kind(options.get(name, "0"))
        except ValueError:
            number = -1
        if not 0 <= number < float("inf"):
            raise SpecError(f"model {str(spec)!r}: {name} must be a number that is not negative")
    return options


def _load_tokenizer(origin: _Origin) -> Any:
    with one_line_errors(origin.spec, "tokenizer"):
        return AutoTokenizer.from_pretrained(
            origin.place.name, trust_remote_code=origin.trust, **origin.place.arguments
        )


def _load_weights(origin: _Origin) -> Any:
    found: Any
    chosen = {"attn_implementation": origin.attention} if origin.attention else {}
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
    try:
        return model.to(torch.device(origin.device))
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"{origin.spec}: cannot move to device {origin.device!r}: {one_line(error)}") from error


def _load_adapter(origin: _Origin, model: Any, adapter: Place) -> Any:
    with one_line_errors(origin.spec, "adapter"), warnings.catch_warnings():
        from peft import PeftModel

        # peft only warns of weights that an adapter lacks, and leaves them at their start.
        warnings.filterwarnings("error", message="Found missing adapter keys")
        loaded: Any = PeftModel.from_pretrained(model, adapter.name, **adapter.arguments)
        return loaded.merge_and_unload()


def _count_parameters(config: Any, trust: bool) -> int:
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(config, trust_remote_code=trust)
    return sum(parameter.numel() for parameter in empty.parameters())


def _default_dtype(config: Any, parameters: int) -> torch.dtype:
    if parameters < _FLOAT32_BELOW:
        return torch.float32
    stored = config.get_text_config().dtype
    return stored if isinstance(stored, torch.dtype) else torch.float32


def _budget(spec: ModelSpec, config: Any, parameters: int, dtype: torch.dtype, device: str) -> int:
    try:
        return pack_budget(config, parameters, dtype, torch.device(device))
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"{spec}: cannot use device {device!r}: {one_line(error)}") from error


def _convert(gguf: Path, folder: Path) -> None:
    # The reader of GGUF files draws a progress bar that no option of transformers turns off.
    model: Any
    with quiet(), redirect_stderr(io.StringIO()):
        model = AutoModelForCausalLM.from_pretrained(str(gguf.parent), gguf_file=gguf.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
        # save_pretrained refuses a model that still carries its quantizer, although its weights are plain now.
        model.hf_quantizer = None
        model.is_quantized = False
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.config._name_or_path = ""
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
