"""Whatever is done to a bundle, the check ends with a verdict, in words that act on nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bundles import RULES, Forged, gzipped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from introbench.texts import inert
from introbench_leaderboard.archive import LIMITS, ArchiveError, pack, unpack
from introbench_leaderboard.check import Verdict, check_bundle
from introbench_leaderboard.prepare import Prepared
from introbench_leaderboard.strict import JsonError, strict_json

BOUNDED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


def judged(data: bytes) -> Verdict:
    """The verdict, which has reasons if and only if the bundle is not taken."""
    verdict = check_bundle(data, RULES)
    assert verdict.accepted == (not verdict.reasons)
    assert all(str(reason) == inert(str(reason)) for reason in verdict.reasons)
    return verdict


@BOUNDED
@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_break_the_reader(data: bytes, compressed: bool) -> None:
    assert not judged(gzipped(data) if compressed else data).accepted


@BOUNDED
@given(data=st.data())
def test_a_changed_byte_of_an_archive_is_seen(sound: Prepared, data: st.DataObject) -> None:
    import gzip

    plain = bytearray(gzip.decompress(sound.data))
    place = data.draw(st.integers(0, len(plain) - 1))
    plain[place] ^= data.draw(st.integers(1, 255))
    try:
        found = unpack(gzipped(bytes(plain)))
    except ArchiveError:
        return
    assert found != unpack(sound.data), "what is read anew must not be the same from other bytes"


@BOUNDED
@given(st.dictionaries(st.text(min_size=1, max_size=30), st.binary(max_size=40), max_size=6))
def test_any_files_in_our_own_form_are_judged(members: dict[str, bytes]) -> None:
    try:
        data = pack(members)
    except (ValueError, UnicodeError):
        return  # a name that a plain archive cannot hold
    assert not judged(data).accepted


def _places(value: Any, where: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [where, *(place for name, entry in inner for place in _places(entry, (*where, name)))]


def _replaced(value: Any, where: tuple[Any, ...], new: Any) -> Any:
    if not where:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[where[0]] = _replaced(copy[where[0]], where[1:], new)
    return copy


@BOUNDED
@given(
    part=st.sampled_from(["header", "manifest", "case", "row"]),
    place=st.integers(0, 500),
    value=JSON,
    ensure_ascii=st.booleans(),
)
def test_any_value_anywhere_is_judged_without_a_crash(
    sound: Prepared, part: str, place: int, value: Any, ensure_ascii: bool
) -> None:
    forged = Forged.of(sound.data)
    found: Any = {
        "header": forged.header,
        "manifest": forged.manifest,
        "case": forged.cases[0],
        "row": forged.ledger[0],
    }[part]
    places = _places(found)[1:]
    new = _replaced(found, places[place % len(places)], value)
    text = json.dumps(new, sort_keys=True, separators=(",", ":"), ensure_ascii=ensure_ascii)
    members = forged.members()
    name = {"header": "bundle.json", "manifest": "manifest.json", "case": "cases.jsonl"}.get(part)
    name = name or sorted(forged.ledgers)[0]
    lines = members[name].splitlines(keepends=True)
    try:
        lines[0] = text.encode() + b"\n"
    except UnicodeEncodeError:
        return
    verdict = judged(pack({**members, name: b"".join(lines)}))
    if verdict.accepted and part in ("case", "row"):
        # A hash guards rows, and cases are compared: what is taken is what was there.
        assert json.loads(text) == found


@BOUNDED
@given(JSON)
def test_what_is_read_strictly_is_what_json_reads(value: Any) -> None:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        found = strict_json(text.encode(), LIMITS)
    except (JsonError, UnicodeEncodeError):
        return
    assert found == json.loads(text)


@pytest.mark.parametrize("text", ["[" * 20 + "]" * 20, '{"a":' * 20 + "1" + "}" * 20])
def test_depth_is_counted_outside_of_strings(text: str) -> None:
    with pytest.raises(JsonError, match="deeper than 16"):
        strict_json(text.encode(), LIMITS)
    inside = json.dumps(["\\" + text + '"'], separators=(",", ":"), ensure_ascii=False)
    assert strict_json(inside.encode(), LIMITS) == ["\\" + text + '"']
