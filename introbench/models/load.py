"""From a spec to a model: picks the backend and imports only that one."""

from __future__ import annotations

from typing import Any

from introbench.errors import ModelError
from introbench.models.spec import ModelSpec, parse_spec
from introbench.models.types import Model, ModelHead

__all__ = ["load_model", "open_model"]


def load_model(spec: str, **options: Any) -> Model:
    """Load the model that a spec names.

    Args:
        spec: "hf/ORG/NAME[@REV]", "hf/./path", "hf/BASE+ADAPTER", "hf/./file.gguf", "scripted/NAME" or the
            name of an embedded model, each with options behind "?" ("…?dtype=bfloat16").
        options: more options by keyword (dtype, device, revision…); those in the spec win.

    Raises SpecError where the spec names nothing, ModelError where the model cannot be loaded.
    """
    parsed = parse_spec(spec).with_options({name: str(value) for name, value in options.items() if value is not None})
    return open_model(parsed).load()


def open_model(spec: ModelSpec) -> ModelHead:
    """Open a model without loading its weights: tokenizer, chat form, fingerprint.

    Raises as `load_model` does.
    """
    if spec.backend == "scripted":
        from introbench.models.scripted import open_scripted

        return open_scripted(spec)
    try:
        from introbench.models.hf.load import open_hf
    except ModuleNotFoundError as error:
        raise ModelError(f"{spec}: needs the package {error.name}; run: pip install 'introbench[run]'") from error
    return open_hf(spec)
