"""The ledger survives what happens to files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from introbench.errors import RunDirectoryError
from introbench.runs.ledger import Ledger, LedgerRow, as_row, canonical_ledger, read_ledger, request_key


def row(number: int, time: float = 0.0) -> LedgerRow:
    ask = f"ask {number}"
    return LedgerRow(request_key(ask, "f"), ask, 0, None, (-0.5, -1.25), None, "t#0", time, "host")


@given(st.integers(0, 400))
def test_a_ledger_torn_anywhere_goes_on_to_the_same_canonical_bytes(cut: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        whole, torn = Path(folder) / "whole.jsonl", Path(folder) / "torn.jsonl"
        Ledger(whole).append([row(number) for number in range(3)])
        torn.write_bytes(whole.read_bytes()[:cut])
        Ledger(torn).append([row(number, time=9.0) for number in (2, 0, 1)])
        assert canonical_ledger(torn) == canonical_ledger(whole)


def test_a_row_is_written_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.jsonl")
    ledger.append([row(1)])
    ledger.append([row(1), row(2)])
    assert [found["ask"] for found in read_ledger(tmp_path / "l.jsonl")] == ["ask 1", "ask 2"]
    assert Ledger(tmp_path / "l.jsonl").holds(row(1).key, None)
    assert not Ledger(tmp_path / "l.jsonl").holds(row(3).key, None)
    with pytest.raises(RunDirectoryError, match="other token ids for the same question"):
        ledger.holds(row(1).key, "other tokens")


def test_how_explanations_begin_is_kept_where_it_was_scored(tmp_path: Path) -> None:
    plain, scored = row(1), replace(row(2), deciding=(-0.25, -1.75))
    path, copy = tmp_path / "l.jsonl", tmp_path / "copy.jsonl"
    Ledger(path).append([plain, scored])
    found = read_ledger(path)
    assert "deciding" not in found[0]
    assert [as_row(each) for each in found] == [plain, scored]
    Ledger(copy).append(map(as_row, found))
    assert canonical_ledger(copy) == canonical_ledger(path)


def test_a_bad_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    Ledger(path).append([row(1)])
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(RunDirectoryError, match=r"l\.jsonl:2: not a ledger row"):
        Ledger(path)


def test_keys_differ_by_question_model_and_replicate() -> None:
    keys = {request_key("a", "f"), request_key("b", "f"), request_key("a", "g"), request_key("a", "f", 1)}
    assert len(keys) == 4
