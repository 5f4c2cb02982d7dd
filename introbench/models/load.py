"""From a spec to a model: picks the backend and imports only that one."""

from __future__ import annotations

from typing import Any

from introbench.errors import ModelError
from introbench.models.kept import KeptWeights
from introbench.models.spec import ModelSpec, parse_spec
from introbench.models.types import Model, ModelHead

__all__ = ["load_model", "open_model"]


def load_model(spec: str, **options: Any) -> Model:
    """Load the model that a spec names.

    Args:
        spec: "hf/ORG/NAME[@REV]", "hf/./path", "hf/BASE+ADAPTER", "hf/./file.gguf", "vllm/…", "openai/NAME",
            "lm-eval/TYPE?args", "scripted/NAME" or the name of an embedded model, each with options behind "?"
            ("…?dtype=bfloat16").
        options: more options by keyword (dtype, device, revision…); those in the spec win.

    Raises SpecError where the spec names nothing, ModelError where the model cannot be loaded.
    """
    parsed = parse_spec(spec).with_options({name: str(value) for name, value in options.items() if value is not None})
    return open_model(parsed).load()


def open_model(spec: ModelSpec, nonce: str | None = None, kept: KeptWeights | None = None) -> ModelHead:
    """Open a model without loading its weights: tokenizer, chat form, fingerprint.

    Args:
        nonce: what tells the rows of one run of a served model from another's; that of the run that goes on, or None
            for a new one.
        kept: weights that models on one base hand on to each other, where the backend has them in memory here.

    Raises as `load_model` does.
    """
    try:
        return _open(spec, nonce, kept)
    except ModuleNotFoundError as error:
        raise ModelError(f"{spec}: needs the package {error.name}; run: pip install 'introbench[run]'") from error


def _open(spec: ModelSpec, nonce: str | None, kept: KeptWeights | None) -> ModelHead:
    match spec.backend:
        case "scripted":
            from introbench.models.scripted import open_scripted

            return open_scripted(spec)
        case "openai":
            from introbench.models.served.load import open_served

            return open_served(spec, nonce)
        case "lm-eval":
            from introbench.models.lm_eval_bridge import open_lm_eval

            return open_lm_eval(spec, nonce)
        case "vllm":
            from introbench.models.vllm_engine import open_vllm

            return open_vllm(spec)
        case _:
            from introbench.models.hf.load import open_hf

            return open_hf(spec, kept)
