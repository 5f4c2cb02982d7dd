"""The board's own answers of a base model: a bundle whose base says something else is not taken."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from bundles import RULES, Forged, bundle_of, run_for_board

from introbench.cli.leaderboard import pin_base as command
from introbench_leaderboard.bases import BASES, pin_base
from introbench_leaderboard.check import Submission, check_bundle
from introbench_leaderboard.entry import read_entries
from introbench_leaderboard.prepare import Prepared
from introbench_leaderboard.rules import Rules
from introbench_leaderboard.store import accept, conflicts, rescore

pytestmark = pytest.mark.slow


def save_adapter(base: Path, folder: Path, seed: int = 1) -> Path:
    """Write an adapter with random weights; returns its folder."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    model: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def adapted(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A bundle of an adapter on the tiny model, whose base came along by itself."""
    folder = save_adapter(tiny_llama, tmp_path_factory.mktemp("adapter") / "adapter")
    run = run_for_board(tmp_path_factory.mktemp("adapted") / "run", f"hf/{tiny_llama}+{folder}")
    return bundle_of(run, "acme/adapted", rules=RULES)


@pytest.fixture(scope="module")
def pinned(tiny_spec: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the board's own answers of the tiny model."""
    store = tmp_path_factory.mktemp("store")
    file, different = pin_base(store, tiny_spec, "hint_facts", RULES)
    assert file.is_relative_to(store / BASES) and different == []
    return store


def of_a_store(pinned: Path, tmp_path: Path) -> Path:
    shutil.copytree(pinned, tmp_path / "store")
    return tmp_path / "store"


def forged_base(adapted: Prepared, change: float) -> Submission:
    """The same with other answers of the base, sealed again."""
    forged = Forged.of(adapted.data)
    (name,) = (name for name in forged.ledgers if name.startswith("records/1-"))
    for row in forged.ledgers[name]:
        row["logprobs"] = [round(value - change, 6) for value in row["logprobs"]]
    verdict = check_bundle(forged.data(), RULES)
    assert verdict.submission is not None, verdict.reasons
    return verdict.submission


def test_a_base_comes_along_and_is_not_pinned_until_the_board_has_asked_it(adapted: Prepared, tmp_path: Path) -> None:
    assert [model.role for model in adapted.submission.manifest.models] == ["target", "base"]
    entry = accept(tmp_path, adapted.data, adapted.submission)
    assert entry.base is not None and entry.base.state == "not pinned"
    assert entry.summary.tasks[0].pairs, "the coupling is there; whether it is shown hangs on the state"


def test_the_base_of_an_adapter_on_an_adapter_has_the_first_one(tiny_llama: Path, tmp_path: Path) -> None:
    first, second = (save_adapter(tiny_llama, tmp_path / name, seed) for seed, name in enumerate(("first", "second")))
    run = run_for_board(tmp_path / "run", f"hf/{tiny_llama}+{first}+{second}")
    target, base = bundle_of(run, "acme/adapted", rules=RULES).submission.manifest.models
    assert target.spec.startswith(f"{base.spec.partition('?')[0]}+./second") and base.spec.count("+") == 1
    assert target.fingerprint_parts["adapter"].startswith(f"{base.fingerprint_parts['adapter']}+")
    assert str(tmp_path) not in target.spec + base.spec


def test_a_base_that_answers_as_the_boards_own_matches(adapted: Prepared, pinned: Path, tmp_path: Path) -> None:
    entry = accept(of_a_store(pinned, tmp_path), adapted.data, adapted.submission)
    assert entry.base is not None and entry.base.state == "matches"


def test_rescoring_holds_earlier_entries_against_a_base_that_was_pinned_later(
    adapted: Prepared, pinned: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    accept(store, adapted.data, adapted.submission)
    shutil.copytree(pinned / BASES, store / BASES)
    assert rescore(store) == ([], [])
    ((_, entry),) = read_entries(store)
    assert entry.base is not None and entry.base.state == "matches"


def test_a_base_that_answers_otherwise_is_rejected(adapted: Prepared, pinned: Path) -> None:
    (found,) = conflicts(pinned, forged_base(adapted, 0.05))
    assert found.code == "base-differs" and "not the board's own" in found.text


def test_rounding_of_another_machine_is_no_difference(adapted: Prepared, pinned: Path) -> None:
    assert list(conflicts(pinned, forged_base(adapted, 1e-5))) == []


def test_pinning_again_shows_what_changed(pinned: Path, tiny_spec: str, tmp_path: Path) -> None:
    store = of_a_store(pinned, tmp_path)
    assert pin_base(store, tiny_spec, "hint_facts", RULES)[1] == []
    fewer = Rules(limit=2, engines=RULES.engines)
    assert len(pin_base(store, tiny_spec, "hint_facts", fewer)[1]) > 0


def test_the_command_asks_the_model_again_and_tells_what_it_answers_otherwise(
    pinned: Path, tiny_spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pinned answers of a base that has changed under the same identity give way to what it answers now."""
    store = of_a_store(pinned, tmp_path)
    (store / "board.json").write_text(RULES.model_dump_json())
    (file,) = store.rglob("bundle.tar.gz")
    true, forged = file.read_bytes(), Forged.of(file.read_bytes())
    for row in forged.ledger[:3]:
        row["logprobs"] = [round(value - 0.05, 6) for value in row["logprobs"]]
    file.write_bytes(forged.data())
    for differing in (3, 0):
        command(tiny_spec, store)
        assert capsys.readouterr().out.count("differs from what was pinned") == differing
    assert Forged.of(file.read_bytes()).ledger == Forged.of(true).ledger
