"""introbench: when a language model says what its answer depended on, is it telling the truth about itself?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from introbench.models.load import load_model
    from introbench.models.types import ChoiceRequest, ChoiceResult

    __version__: str

__all__ = ["ChoiceRequest", "ChoiceResult", "__version__", "load_model"]

_HOMES = {
    "ChoiceRequest": "introbench.models.types",
    "ChoiceResult": "introbench.models.types",
    "load_model": "introbench.models.load",
}


def __getattr__(name: str) -> Any:
    # Public names load on first use, so that the command line starts without the backends.
    if name == "__version__":
        from importlib.metadata import version

        return version("introbench")
    if name not in _HOMES:
        raise AttributeError(f"module 'introbench' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
