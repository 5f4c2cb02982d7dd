"""The baseline file: small, whole, versioned, with its history; and the anchor that small steps cannot move."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gates import as_candidate

from introbench.errors import NotComparableError, UsageError
from introbench.gate.baseline import read_baseline
from introbench.gate.config import read_config
from introbench.gate.decide import decide
from introbench.gate.keep import accept_baseline, described, save_baseline
from introbench.gate.outcomes import outcomes_of, packed, read_outcomes, unpacked
from introbench.metrics.read import read_run
from introbench.runs.directory import read_manifest

Runner = Callable[..., Path]


@pytest.fixture
def saved(scripted_run: Runner, tmp_path: Path) -> tuple[Path, Path]:
    """A run, and the baseline file of it."""
    run = scripted_run("scripted/reporter?of=0", "scripted/oracle?seed=3")
    file = tmp_path / "baseline.jsonl"
    save_baseline(run, file, None, None, "first", "Ada")
    return run, file


def test_a_baseline_gives_back_what_every_case_came_to(saved: tuple[Path, Path]) -> None:
    run, file = saved
    outcomes, _ = read_outcomes(run)
    held = read_baseline(file)
    assert held.anchor is None
    assert held.rolling.facts == outcomes.facts
    for name in ("ids", "hashes", "target", "again"):
        assert np.array_equal(getattr(held.rolling, name), getattr(outcomes, name)), name
    assert np.array_equal(
        held.rolling.references["scripted/oracle?seed=3"], outcomes.references["scripted/oracle?seed=3"]
    )
    assert (held.rolling.again[:, 0] >= 0).any()
    assert [entry.who for entry in held.history] == ["Ada"]


def test_packed_answers_are_the_same_answers(scripted_run: Runner) -> None:
    answers = read_run(scripted_run("scripted/random")).answers["scripted/random"]
    again = unpacked(packed(answers))
    for name in ("behaved", "explained", "uncued", "cued", "said", "content"):
        assert np.array_equal(getattr(again, name), getattr(answers, name)), name
    assert np.nanmax(np.abs(again.p_changed - answers.p_changed)) <= 0.0005


def test_a_case_takes_about_a_hundred_bytes(saved: tuple[Path, Path]) -> None:
    _, file = saved
    header, *rows = file.read_bytes().splitlines(keepends=True)
    assert len(header) < 4000
    assert sum(map(len, rows)) / len(rows) < 105


def test_the_outcomes_do_not_depend_on_the_order_of_cases_or_answers(scripted_run: Runner) -> None:
    run = scripted_run("scripted/random", "scripted/oracle?seed=3", fresh=True)
    before, _ = read_outcomes(run)
    for file in [run / "cases.jsonl", *(run / "records").glob("*/*.jsonl")]:
        file.write_bytes(b"".join(sorted(file.read_bytes().splitlines(keepends=True))))
    after, _ = read_outcomes(run)
    assert before.facts == after.facts
    for name in ("ids", "hashes", "target", "again"):
        assert np.array_equal(getattr(before, name), getattr(after, name))


def test_small_steps_add_up_before_the_anchor_and_only_there(scripted_run: Runner, tmp_path: Path) -> None:
    """Every step is too small for a regression against the last release; the third is one against the anchor."""
    runs = [scripted_run(f"scripted/oracle?follow={follow}", limit=120) for follow in (0.5, 0.54, 0.58, 0.62)]
    config = tmp_path / "gate.toml"
    config.write_text('margin = 0.12\nfloor = 0.05\n[[gate]]\nestimate = "cue_following"\n')
    file = tmp_path / "baseline.jsonl"
    save_baseline(runs[0], file, None, config, "first", "Ada")
    seen = []
    for run in runs[1:]:
        verdict = decide(read_baseline(file), as_candidate(run), read_config(config), "gate.toml")
        seen.append({result.against: result.verdict for result in verdict.gates})
        accept_baseline(file, run, None, config, "a small step", "Ada", pin=False)
    assert all(each["baseline"] != "regression" for each in seen)
    assert seen[-1]["anchor"] == "regression"
    assert [entry.action for entry in read_baseline(file).history] == ["save", "accept", "accept", "accept"]


def test_accepting_with_pin_moves_the_anchor(saved: tuple[Path, Path], scripted_run: Runner) -> None:
    _, file = saved
    other = scripted_run("scripted/echo", "scripted/oracle?seed=3")
    said = accept_baseline(file, other, None, None, "a new family", "Grace", pin=False)
    assert "the anchor stays" in said
    held = read_baseline(file)
    assert held.anchor is not None
    assert held.anchor.facts.target.spec == "scripted/reporter?of=0"
    assert "a new family" in described(file)
    accept_baseline(file, other, None, None, "for good", "Grace", pin=True)
    assert read_baseline(file).anchor is None
    assert [entry.action for entry in read_baseline(file).history] == ["save", "accept", "pin"]


def test_a_run_with_other_questions_is_accepted_only_with_the_anchor(
    saved: tuple[Path, Path], scripted_run: Runner
) -> None:
    _, file = saved
    before = file.read_bytes()
    other = scripted_run("scripted/oracle", seed=1)
    with pytest.raises(NotComparableError, match="--pin moves the anchor too"):
        accept_baseline(file, other, None, None, "seed", "Ada", pin=False)
    assert file.read_bytes() == before
    accept_baseline(file, other, None, None, "seed", "Ada", pin=True)


def test_a_reason_is_not_left_empty(saved: tuple[Path, Path]) -> None:
    run, file = saved
    with pytest.raises(UsageError, match="--reason is empty"):
        accept_baseline(file, run, None, None, "  ", "Ada", pin=False)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def edited(data: bytes) -> bytes:
    return data.replace(b"[2,", b"[1,", 1)


def another_schema(data: bytes) -> bytes:
    return data.replace(b'"introbench_baseline":1', b'"introbench_baseline":2', 1)


def older_schema(data: bytes) -> bytes:
    return data.replace(b'"introbench_baseline":1', b'"introbench_baseline":0', 1)


def with_nan(data: bytes) -> bytes:
    header, _, rows = data.partition(b"\n")
    text = rows.decode()
    first, _, rest = text.partition("\n")
    row = json.loads(first)
    changed = f'["{row[0]}","{row[1]}",[NaN,0,0,0,0,0,0]]\n{rest}'
    from introbench.hashing import canonical_json, text_hash

    facts = {**json.loads(header), "rows_hash": text_hash(changed)}
    return (canonical_json(facts) + "\n" + changed).encode()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, "is not as it was written"),
        (edited, "is not as it was written"),
        (another_schema, "has schema 2, and this version reads 1; update introbench"),
        (older_schema, "has schema 0, and this version reads 1; make it again with `introbench baseline save`"),
        (with_nan, "is no row of a case"),
        (lambda data: b"", "is no baseline file"),
        (lambda data: b"{}\n", "is no baseline file"),
        (lambda data: b"\xff\xfe", "is no baseline file"),
        (lambda data: data.replace(b'"history"', b'"hystory"', 1), "header: "),
    ],
)
def test_a_damaged_file_is_refused_on_one_line(
    saved: tuple[Path, Path], damage: Callable[[bytes], bytes], message: str
) -> None:
    _, file = saved
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(UsageError) as error:
        read_baseline(file)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_no_baseline_yet_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no baseline yet; make one with `introbench baseline save"):
        read_baseline(tmp_path / "none")


def test_an_unfinished_run_becomes_no_baseline(scripted_run: Runner, tmp_path: Path) -> None:
    run = scripted_run("scripted/oracle", fresh=True)
    (ledger,) = (run / "records").glob("*/*.jsonl")
    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[50:]))
    with pytest.raises(UsageError, match="finish the run before"):
        save_baseline(run, tmp_path / "b", None, None, "x", "Ada")
    assert not (tmp_path / "b").exists()


def test_a_model_of_the_run_other_than_its_target_can_be_the_baseline(scripted_run: Runner) -> None:
    path = scripted_run("scripted/reporter?of=0", "scripted/oracle?seed=3")
    run = read_run(path)
    outcomes, _ = outcomes_of(run, read_manifest(path), str(path), "scripted/oracle?seed=3")
    assert outcomes.facts.target.name == "scripted/oracle?seed=3"
    assert list(outcomes.references) == ["scripted/reporter?of=0"]
