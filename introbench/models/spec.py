"""Reading `--model` specs: `KIND/REST?option=value&…` or the name of an embedded model."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from introbench.errors import SpecError

__all__ = ["BACKENDS", "EMBEDDED", "RUN_OPTIONS", "ModelSpec", "parse_spec"]

BACKENDS = {
    "hf": "hf/ORG/NAME",
    "lm-eval": "lm-eval/hf?pretrained=ORG/NAME",
    "openai": "openai/NAME",
    "scripted": "scripted/oracle",
    "vllm": "vllm/ORG/NAME",
}
"""Backends by name, each with an example of its specs."""

EMBEDDED = ("smollm2-135m-q4_1", "gemma3-270m")

RUN_OPTIONS: Mapping[str, frozenset[str]] = {
    "embedded": frozenset({"chat_template", "device", "dtype", "pack_tokens"}),
    "hf": frozenset({"chat_template", "device", "dtype", "pack_tokens"}),
    "vllm": frozenset({"chat_template", "dtype"}),
}
"""By backend, the options that a run may set for all of its models. The others have weights elsewhere, or none."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A parsed spec.

    Attributes:
        backend: one of `BACKENDS`, or "embedded".
        name: what the backend is to load ("ORG/NAME@REV", "./path", "BASE+ADAPTER", "oracle").
        options: options from behind the "?", sorted by name.
    """

    backend: str
    name: str
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        head = self.name if self.backend == "embedded" else f"{self.backend}/{self.name}"
        query = "&".join(f"{name}={value}" for name, value in self.options.items())
        return f"{head}?{query}" if query else head

    @property
    def places(self) -> tuple[str, ...]:
        """The base, and behind it the adapters in the order in which they are put on: "BASE+ADAPTER+ADAPTER"."""
        return tuple(self.name.split("+"))

    @property
    def parent(self) -> ModelSpec | None:
        """The model that the last adapter is put on; None where there is no adapter."""
        below, plus, _ = self.name.rpartition("+")
        return ModelSpec(self.backend, below, self.options) if plus else None

    def with_options(self, options: Mapping[str, str]) -> ModelSpec:
        """The same model with more options; those already given win."""
        return ModelSpec(self.backend, self.name, dict(sorted({**options, **self.options}.items())))


def parse_spec(text: str) -> ModelSpec:
    """Parse a spec. Raises SpecError with the nearest known name where it names no backend."""
    head, _, query = text.partition("?")
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, separator, value = part.partition("=")
        if not separator or not name or name in options:
            raise SpecError(f"model {text!r}: {part!r} is no option; write ?name=value&name=value, each once")
        options[name] = value
    options = dict(sorted(options.items()))
    if head in EMBEDDED:
        return ModelSpec("embedded", head, options)
    backend, _, name = head.partition("/")
    if backend in ("hf", "vllm") and name and not all(name.split("+")):
        raise SpecError(f"model {text!r}: nothing stands on one side of a '+'; write {backend}/BASE+ADAPTER")
    if backend in BACKENDS and name:
        return ModelSpec(backend, name, options)
    if backend in BACKENDS:
        raise SpecError(f"model {text!r}: {backend}/ needs a name behind it, as in {BACKENDS[backend]}")
    near = difflib.get_close_matches(head, [*EMBEDDED, *BACKENDS], n=1, cutoff=0.5)
    suggestion = f"; did you mean {near[0]!r}?" if near else f"; did you mean 'hf/{head}'?" if "/" in head else ""
    forms = ", ".join([*BACKENDS.values(), "hf/./FOLDER", *EMBEDDED])
    raise SpecError(f"no model {text!r}{suggestion}; known forms: {forms}")
