from __future__ import annotations

import json
from pathlib import Path

import pytest

from introbench.hashing import file_hash
from introbench.models.cache import cached, prune
from introbench.models.embedded import EMBEDDED_MODELS, conversion_folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with a sound conversion, a damaged one, an outdated one and the scratch of a killed one."""
    monkeypatch.setenv("INTROBENCH_CACHE", str(tmp_path / "own"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    sound, damaged = (conversion_folder(model) for model in EMBEDDED_MODELS.values())
    for folder in (sound, damaged, tmp_path / "own" / "smollm2-135m-q4_1-000000000000-0"):
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"weights" * 100)
        hashes = {"model.safetensors": file_hash(str(folder / "model.safetensors"))}
        (folder / "introbench.json").write_text(json.dumps(hashes))
    (damaged / "model.safetensors").write_bytes(b"weighty" * 100)
    (tmp_path / "own" / ".gemma3-270m-abc").mkdir()
    return tmp_path / "own"


def test_all_entries_are_listed_with_what_they_are(home: Path) -> None:
    found = {entry.name: (entry.kind, entry.current, entry.damaged()) for entry in cached()}
    assert found == {
        "smollm2-135m-q4_1": ("converted", True, False),
        "gemma3-270m": ("converted", True, True),
        "smollm2-135m-q4_1-000000000000-0": ("converted", False, False),
        "gemma3-270m-abc": ("scratch", False, False),
    }
    assert all(entry.size >= 700 for entry in cached() if entry.kind == "converted")


def test_pruning_leaves_what_a_run_would_use(home: Path) -> None:
    gone = prune()
    assert {entry.name for entry in gone} == {"gemma3-270m", "smollm2-135m-q4_1-000000000000-0", "gemma3-270m-abc"}
    assert [path.name for path in home.iterdir()] == [conversion_folder(EMBEDDED_MODELS["smollm2-135m-q4_1"]).name]
    assert prune() == []


def test_pruning_everything_leaves_an_empty_cache(home: Path) -> None:
    assert len(prune(everything=True)) == 4
    assert cached() == []


def test_no_cache_at_all_is_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTROBENCH_CACHE", str(tmp_path / "absent"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    assert cached() == prune() == []
