"""Whatever a text holds, it is seen and does nothing."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from introbench.hashing import canonical_json
from introbench.texts import inert, inert_json, shortened

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_no_control_or_direction_mark_is_left(text: str) -> None:
    safe = inert(text)
    assert not [letter for letter in safe if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [letter for letter in safe if unicodedata.bidirectional(letter) in BIDI]
    safe.encode()


BIDI = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


@given(ANY_TEXT)
def test_it_is_done_after_once(text: str) -> None:
    assert inert(inert(text)) == inert(text)
    assert inert(inert(text, lines=True), lines=True) == inert(text, lines=True)


@given(st.text())
def test_ordinary_text_stays_and_lines_stay_where_asked_for(text: str) -> None:
    printable = "".join(letter for letter in text if letter.isprintable() and unicodedata.category(letter) != "Mn")
    assert inert(printable) == printable
    assert inert(f"{printable}\n\t", lines=True) == f"{printable}\n\t"


@given(st.text())
def test_json_keeps_its_meaning(text: str) -> None:
    assert json.loads(inert(canonical_json({"text": text}))) == {"text": text}


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[2J", r"\u001b[2J"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\u202eexe", r"\u202eexe"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\udb40\udc41"),
        ("\x9b1m\x7f\0", r"\u009b1m\u007f\u0000"),
        ("naïve 👩‍🔬 שלום 你好", "naïve 👩‍🔬 שלום 你好"),
    ],
)
def test_what_acts_is_shown_as_json_escapes_it(text: str, safe: str) -> None:
    assert inert(text) == safe


def test_every_text_of_a_value_is_made_inert() -> None:
    assert inert_json({"a\x1b": ["\x1b", 1, None, {"b": "\x07"}]}) == {
        r"a\u001b": [r"\u001b", 1, None, {"b": r"\u0007"}]
    }


def test_what_is_cut_is_counted() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "abc… (1 more characters)"
