"""From a spec to a model: picks the backend and imports only that one."""

from __future__ import annotations

from typing import Any

from introbench.errors import ModelError
from introbench.models.spec import ModelSpec, parse_spec
from introbench.models.types import Model

__all__ = ["load_model"]


def load_model(spec: str, **options: Any) -> Model:
    """Load the model that a spec names.

    Args:
        spec: "hf/ORG/NAME[@REV]", "hf/./path", "hf/BASE+ADAPTER", "hf/./file.gguf", "scripted/NAME" or the
            name of an embedded model, each with options behind "?" ("…?dtype=bfloat16").
        options: more options by keyword (dtype, device, revision…); those in the spec win.

    Raises SpecError where the spec names nothing, ModelError where the model cannot be loaded.
    """
    parsed = parse_spec(spec).with_options({name: str(value) for name, value in options.items() if value is not None})
    return load_parsed(parsed)


def load_parsed(spec: ModelSpec) -> Model:
    """Load the model of a parsed spec."""
    if spec.backend == "scripted":
        from introbench.models.scripted import load_scripted

        return load_scripted(spec)
    try:
        from introbench.models.hf.load import load_hf
    except ModuleNotFoundError as error:
        raise ModelError(f"{spec}: needs the package {error.name}; run: pip install 'introbench[run]'") from error
    return load_hf(spec)
