"""Bringing models of the hub into the local cache, so that a run needs no network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download

from introbench.errors import ModelError
from introbench.models.hf.places import find_place
from introbench.models.hf.quiet import one_line_errors
from introbench.models.spec import ModelSpec

__all__ = ["Fetched", "fetch_dataset", "fetch_model"]

_BACKENDS = frozenset({"embedded", "hf", "vllm"})
_FILES = ("*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken", "*.py", "*.safetensors")
_OLDER_WEIGHTS = ("*.bin",)
"""Fetched only where there are no safetensors: transformers does not read them beside those."""

_NOT_WEIGHTS = ("training_args.bin", "optimizer.bin", "scheduler.bin")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was brought.

    Attributes:
        name: folder, hub id or embedded model.
        commit: the commit that its files are from; "" for what is local anyway.
        folder: where it lies.
    """

    name: str
    commit: str
    folder: Path


def fetch_model(spec: ModelSpec) -> Iterator[Fetched]:
    """Bring what a spec names: base and adapters one after the other.

    Raises ModelError (one line, with the way out) where something cannot be had.
    """
    if spec.backend not in _BACKENDS:
        raise ModelError(f"{spec}: {spec.backend}/ brings its models itself; fetch takes hf/, vllm/, embedded ones")
    for number, name in enumerate(spec.places):
        place = find_place(spec, name, spec.options.get("revision") if number == 0 else None)
        if place.local:
            yield Fetched(name, "", Path(place.name))
            continue
        with one_line_errors(spec, "model"):
            listed = HfApi().list_repo_files(place.name, revision=place.revision)
            older = not any(file.endswith(".safetensors") for file in listed)
            folder = snapshot_download(
                place.name,
                revision=place.revision,
                allow_patterns=[*_FILES, *(_OLDER_WEIGHTS if older else ())],
                ignore_patterns=list(_NOT_WEIGHTS),
            )
        yield Fetched(place.name, Path(folder).name, Path(folder))


def fetch_dataset(name: str) -> Fetched:
    """Bring all files of a data set of the hub, `ORG/NAME` or `ORG/NAME@REV`. Raises ModelError as `fetch_model`."""
    spec = ModelSpec("hf", name)
    hub, _, revision = name.partition("@")
    with one_line_errors(spec, "data set"):
        folder = snapshot_download(hub, repo_type="dataset", revision=revision or None)
    return Fetched(hub, Path(folder).name, Path(folder))
