"""Where weights lie: a folder, a GGUF file or a hub id at a commit, and the identity that follows from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transformers.utils.hub import cached_file, extract_commit_hash

from introbench.errors import ModelError, SpecError
from introbench.hashing import content_hash, file_hash, text_hash
from introbench.models.embedded import EMBEDDED_MODELS, converted_folder
from introbench.models.hf.convert import convert_gguf
from introbench.models.spec import ModelSpec

__all__ = ["TRAINING_RECORD", "Place", "check_base", "find_place", "pinned", "tokenizer_identity", "weights_identity"]

TRAINING_RECORD = "training.json"
"""Lies beside an adapter that introbench trained, and names the base that it belongs to."""

_WEIGHT_FILES = ("*.safetensors", "*.bin", "*.gguf")


@dataclass(frozen=True, slots=True)
class Place:
    """Where transformers is to read from."""

    name: str
    local: bool
    revision: str | None = None
    gguf: str | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        found = {"revision": self.revision, "gguf_file": self.gguf}
        return {name: value for name, value in found.items() if value is not None}


def find_place(spec: ModelSpec, name: str, revision: str | None) -> Place:
    """The place that a part of a spec names: an embedded model, a GGUF file, a folder, or a hub id with its "@REV".

    Raises ModelError where a path leads nowhere, SpecError where no name is given.
    """
    if name in EMBEDDED_MODELS:
        return Place(str(converted_folder(EMBEDDED_MODELS[name], convert_gguf)), local=True)
    path = Path(name).expanduser()
    if path.is_file() and path.suffix == ".gguf":
        return Place(str(path.parent), local=True, gguf=path.name)
    if path.is_dir():
        return Place(str(path), local=True)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"{spec}: no folder or GGUF file {name!r}")
    hub, _, at = name.partition("@")
    if not hub:
        raise SpecError(f"model {str(spec)!r}: no name before '@' or '+'")
    return Place(hub, local=False, revision=at or revision)


def pinned(place: Place, file: str) -> Place:
    """The same place at the commit that its revision names now."""
    if place.local:
        return place
    path = cached_file(place.name, file, revision=place.revision)
    return replace(place, revision=extract_commit_hash(path, None) or place.revision)


def weights_identity(place: Place) -> str:
    """Hash of local weight files, or hub id and commit."""
    if not place.local:
        return f"{place.name}@{place.revision or 'main'}"
    folder = Path(place.name)
    if place.gguf:
        return file_hash(str(folder / place.gguf))
    files = {path for pattern in _WEIGHT_FILES for path in folder.glob(pattern)}
    files |= {folder / name for name in ("config.json", "adapter_config.json") if (folder / name).is_file()}
    return content_hash({path.name: file_hash(str(path)) for path in files})


def check_base(spec: ModelSpec, base: Place, below: Sequence[Place], adapter: Place, noise: str) -> None:
    """Raise ModelError where an adapter says that it was trained on another model than the one it is put on.

    Weights of equal shapes take each other's adapters without a word. A hub's copy and a local one are not told apart.
    Noise on an adapter that was trained without any is a copy of the two together, and no other base.

    Args:
        below: the adapters that are put on before it.
        noise: the noise on the weights, as a fingerprint has it.
    """
    record = Path(adapter.name) / TRAINING_RECORD
    if not record.is_file():
        return
    try:
        trained_on = json.loads(record.read_text(encoding="utf-8"))["base"]
        name, weights = str(trained_on["name"]), str(trained_on["weights"])
        noisy = str(trained_on["fingerprint_parts"].get("noise", ""))
        stated = [weights, *filter(None, str(trained_on["fingerprint_parts"].get("adapter", "")).split("+"))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{record}: names no base ({error!r}); take the adapter's folder whole") from error
    found = [weights_identity(place) for place in (base, *below)]
    if len(found) != len(stated) or not all(map(_may_be_same, found, stated)):
        what = "whose weights are others" if len(found) == len(stated) else "with the adapters that it names"
        raise ModelError(f"{spec}: the adapter was trained on {name}, {what}; write hf/{name}+…")
    if noisy not in ("", noise):
        scale, _, seed = noisy.partition(" seed ")
        options = f"weight_noise={scale}" + ("" if seed == "0" else f"&weight_noise_seed={seed}")
        raise ModelError(f"{spec}: the adapter was trained on {name} with noise on its weights; add ?{options}")


def _may_be_same(found: str, stated: str) -> bool:
    """Whether two identities can be of the same weights, whatever the commit; a hub's copy and a local one can."""
    return ("@" in found) != ("@" in stated) or found.partition("@")[0] == stated.partition("@")[0]


def tokenizer_identity(tokenizer: Any) -> str:
    """Hash of a tokenizer: its whole state where the library shows it, else its vocabulary."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return text_hash(backend.to_str())
    return content_hash(dict(tokenizer.get_vocab()))
