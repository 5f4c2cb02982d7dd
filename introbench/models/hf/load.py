"""Loading transformers models: where they come from, in which dtype, and what identifies them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from introbench.errors import ModelError, SpecError
from introbench.hashing import content_hash, file_hash, text_hash
from introbench.models.chat import make_chat
from introbench.models.embedded import EMBEDDED_MODELS, converted_folder
from introbench.models.hf.model import HfModel
from introbench.models.hf.noise import add_weight_noise
from introbench.models.spec import ModelSpec
from introbench.models.types import Fingerprint
from introbench.scorer.probe import choose_path

__all__ = ["load_hf"]

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_FLOAT32_BELOW = 1_000_000_000
"""Parameters. Smaller models run in float32: bf16 rounding alone flipped 6 % of a 135M model's labels."""

_OPTIONS = ("attn", "device", "dtype", "revision", "trust_remote_code", "weight_noise", "weight_noise_seed")
_WEIGHT_FILES = ("*.safetensors", "*.bin", "*.gguf")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where transformers is to read from."""

    name: str
    local: bool
    revision: str | None = None
    gguf: str | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        found = {"revision": self.revision, "gguf_file": self.gguf}
        return {name: value for name, value in found.items() if value is not None}


def load_hf(spec: ModelSpec) -> HfModel:
    """Load a model with its tokenizer, add noise where asked for, probe how it can be scored.

    Raises SpecError on unknown options, ModelError (one line, with the way out) where anything is missing.
    """
    options = _checked_options(spec)
    if spec.backend == "embedded":
        place, adapter = _Place(str(converted_folder(EMBEDDED_MODELS[spec.name], _convert)), local=True), None
    else:
        base, _, adapter_name = spec.name.partition("+")
        place = _place(spec, base, options.get("revision"))
        adapter = _place(spec, adapter_name, None) if adapter_name else None
    tokenizer = _load_tokenizer(spec, place, options)
    model, loaded = _load_weights(spec, place, options)
    if adapter is not None:
        model = _load_adapter(spec, model, adapter)
    noise = float(options.get("weight_noise", "0"))
    seed = int(options.get("weight_noise_seed", "0"))
    if noise:
        add_weight_noise(model, noise, seed)
    model.eval()
    chat = make_chat(tokenizer, str(spec))
    parts = {
        "engine": f"hf transformers {transformers.__version__}",
        "weights": loaded,
        "adapter": _weights_hash(adapter) if adapter else "",
        "noise": f"{noise:g} seed {seed}" if noise else "",
        "dtype": str(model.dtype).removeprefix("torch."),
        "tokenizer": _tokenizer_hash(tokenizer),
        "template": chat.template_hash,
    }
    return HfModel(str(spec), model, tokenizer, chat, Fingerprint(parts), choose_path(model))


def _checked_options(spec: ModelSpec) -> Mapping[str, str]:
    options = spec.options
    if unknown := sorted(options.keys() - set(_OPTIONS)):
        raise SpecError(f"model {str(spec)!r}: unknown option {unknown[0]!r}; known: {', '.join(_OPTIONS)}")
    if options.get("dtype", "float32") not in _DTYPES:
        raise SpecError(f"model {str(spec)!r}: dtype must be one of {', '.join(_DTYPES)}")
    for name, kind in (("weight_noise", float), ("weight_noise_seed", int)):
        try:
            number = kind(options.get(name, "0"))
        except ValueError:
            number = -1
        if not 0 <= number < float("inf"):
            raise SpecError(f"model {str(spec)!r}: {name} must be a number that is not negative")
    return options


def _place(spec: ModelSpec, name: str, revision: str | None) -> _Place:
    path = Path(name).expanduser()
    if path.is_file() and path.suffix == ".gguf":
        return _Place(str(path.parent), local=True, gguf=path.name)
    if path.is_dir():
        return _Place(str(path), local=True)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"{spec}: no folder or GGUF file {name!r}")
    hub, _, at = name.partition("@")
    if not hub:
        raise SpecError(f"model {str(spec)!r}: no name before '@' or '+'")
    return _Place(hub, local=False, revision=at or revision)


def _load_tokenizer(spec: ModelSpec, place: _Place, options: Mapping[str, str]) -> Any:
    with _one_line_errors(spec, "tokenizer"):
        return AutoTokenizer.from_pretrained(
            place.name, trust_remote_code=_flag(options, "trust_remote_code"), **place.arguments
        )


def _load_weights(spec: ModelSpec, place: _Place, options: Mapping[str, str]) -> tuple[Any, str]:
    trust = _flag(options, "trust_remote_code")
    with _one_line_errors(spec, "model"):
        config = AutoConfig.from_pretrained(place.name, trust_remote_code=trust, **place.arguments)
        dtype = _DTYPES[options["dtype"]] if "dtype" in options else _default_dtype(config, trust)
        chosen = {"attn_implementation": options["attn"]} if "attn" in options else {}
        model = AutoModelForCausalLM.from_pretrained(
            place.name, dtype=dtype, trust_remote_code=trust, **chosen, **place.arguments
        )
    device = options.get("device") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        model = model.to(device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"{spec}: cannot move to device {device!r}: {_one_line(error)}") from error
    if place.local:
        return model, _weights_hash(place)
    commit = getattr(config, "_commit_hash", None)
    return model, f"{place.name}@{commit}" if commit else _state_hash(model)


def _load_adapter(spec: ModelSpec, model: Any, adapter: _Place) -> Any:
    with _one_line_errors(spec, "adapter"):
        from peft import PeftModel

        loaded: Any = PeftModel.from_pretrained(model, adapter.name, **adapter.arguments)
        return loaded.merge_and_unload()


def _default_dtype(config: Any, trust: bool) -> torch.dtype:
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(config, trust_remote_code=trust)
    if sum(parameter.numel() for parameter in empty.parameters()) < _FLOAT32_BELOW:
        return torch.float32
    stored = config.get_text_config().dtype
    return stored if isinstance(stored, torch.dtype) else torch.float32


def _convert(gguf: Path, folder: Path) -> None:
    with _quiet():
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


def _weights_hash(place: _Place) -> str:
    if not place.local:
        return f"{place.name}@{place.revision or 'main'}"
    if place.gguf:
        return file_hash(str(Path(place.name) / place.gguf))
    files = sorted({path for pattern in _WEIGHT_FILES for path in Path(place.name).glob(pattern)})
    config = [path for path in (Path(place.name) / "config.json", Path(place.name) / "adapter_config.json")]
    return content_hash({path.name: file_hash(str(path)) for path in files + config if path.is_file()})


def _state_hash(model: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _tokenizer_hash(tokenizer: Any) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return text_hash(backend.to_str())
    return content_hash(dict(tokenizer.get_vocab()))


def _flag(options: Mapping[str, str], name: str) -> bool:
    return options.get(name, "false").lower() in ("true", "1", "yes")


@contextmanager
def _one_line_errors(spec: ModelSpec, what: str) -> Any:
    with _quiet():
        try:
            yield
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, TypeError, AttributeError) as error:
            raise ModelError(f"{spec}: the {what} cannot be loaded: {_one_line(error)}") from error


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."


@contextmanager
def _quiet() -> Any:
    """Silence transformers' own progress bars and notes: introbench reports in its own words."""
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()
    try:
        yield
    finally:
        logger.setLevel(level)
        transformers.utils.logging.enable_progress_bar()
