"""Model specs: what they mean, and what a wrong one is answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from introbench.errors import SpecError
from introbench.models.spec import parse_spec

name = st.text("abcXYZ01-_.", min_size=1, max_size=8)


@given(st.sampled_from(["hf/a/b@main", "hf/./x", "scripted/oracle", "smollm2-135m-q4_1"]), st.dictionaries(name, name))
def test_a_spec_survives_being_written_and_read(head: str, options: dict[str, str]) -> None:
    text = head + "?" * bool(options) + "&".join(f"{key}={value}" for key, value in options.items())
    spec = parse_spec(text)
    assert parse_spec(str(spec)) == spec
    assert dict(spec.options) == options


def test_options_in_the_spec_win() -> None:
    spec = parse_spec("hf/a/b?dtype=bfloat16").with_options({"dtype": "float32", "device": "cpu"})
    assert str(spec) == "hf/a/b?device=cpu&dtype=bfloat16"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smolm2-135m-q4_1", "did you mean 'smollm2-135m-q4_1'"),
        ("org/name", "did you mean 'hf/org/name'"),
        ("hf/", "needs a name behind it"),
        ("hf/a/b?dtype", "'dtype' is no option"),
        ("hf/a/b?x=1&x=2", "each once"),
    ],
)
def test_a_wrong_spec_is_answered_with_the_way_out(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message.replace("?", r"\?")):
        parse_spec(text)
