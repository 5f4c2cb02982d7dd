"""The rule of the verdict: a regression first, then ok, then inconclusive; one place for the exit code."""

from __future__ import annotations

import math
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from introbench.gate.change import Change, critical
from introbench.gate.config import Rule
from introbench.gate.verdict import GateVerdict, Judged, judge, verdict_of
from introbench.gate.words import headline, sentence

Worse = Literal["down", "up", "both"]


def changed(change: float, p_fell: float, *, error: float = 0.01, clusters: int = 200, **more: Any) -> Change:
    known: dict[str, Any] = {
        "baseline": 0.6, "candidate": 0.6 + change, "change": change, "p_fell": p_fell, "p_rose": 1 - p_fell,
        "method": "clustered t", "error": error, "cases": 400, "items": 200, "clusters": clusters, "smaller": clusters,
    }  # fmt: skip
    return Change(**{**known, **more})


def gate(change: Change | None, *, worse: Worse = "down", reason: str = "") -> Judged:
    rule = Rule(task="facts", estimate="exact_match", worse=worse, margin=0.05, floor=0.02)
    return Judged(rule, "baseline", change, reason)


def whole(gates: list[Judged], *, alpha: float = 0.05, strict: bool = False) -> GateVerdict:
    results, family = judge(gates, alpha)
    return verdict_of(results, alpha=alpha, family=family, strict=strict, names=("b", "c"), coverage=[])


@pytest.mark.parametrize(
    ("change", "p_fell", "error", "expected"),
    [
        (-0.06, 0.001, 0.01, "regression"),
        (-0.06, 0.06, 0.03, "inconclusive"),  # large and not significant
        (-0.015, 0.001, 0.004, "ok"),  # significant, under the floor, and within the margin
        (-0.015, 0.001, 0.03, "inconclusive"),
        (0.0, 0.5, 0.01, "ok"),
        (0.0, 0.5, 0.04, "inconclusive"),
        (0.2, 0.999, 0.01, "ok"),
    ],
)
def test_significant_and_over_the_floor_is_a_regression_and_within_the_margin_is_ok(
    change: float, p_fell: float, error: float, expected: str
) -> None:
    found = whole([gate(changed(change, p_fell, error=error))])
    assert found.verdict == expected
    assert found.exit_code == {"regression": 1, "ok": 0, "inconclusive": 0}[expected]


def test_a_regression_is_tested_before_ok() -> None:
    """A harm of the floor's size, measured so well that one of the margin's is ruled out too."""
    found = whole([gate(changed(-0.03, 0.0001, error=0.001))])
    assert found.gates[0].low is not None
    assert found.gates[0].low > -0.05
    assert found.verdict == "regression"


def test_holms_correction_is_over_all_gates_and_ways() -> None:
    alone = whole([gate(changed(-0.06, 0.03))])
    assert alone.verdict == "regression"
    among = whole([gate(changed(-0.06, 0.03)), gate(changed(0.0, 0.5))])
    assert among.family == 2
    assert among.gates[0].p_holm == pytest.approx(0.06)
    assert among.gates[0].verdict != "regression"
    both = whole([gate(changed(-0.06, 0.03), worse="both")])
    assert both.family == 2
    assert both.gates[0].p_holm == pytest.approx(0.06)


def test_bounds_are_simultaneous_over_the_family() -> None:
    (one,) = whole([gate(changed(0.0, 0.5))]).gates
    two, _ = whole([gate(changed(0.0, 0.5)), gate(changed(0.0, 0.5), worse="up")]).gates
    assert one.low == pytest.approx(-critical(0.05, 200) * 0.01)
    assert two.low == pytest.approx(-critical(0.025, 200) * 0.01)
    assert one.high is None


def test_a_rise_harms_where_up_or_both_are_worse() -> None:
    rise = changed(0.06, 0.999)
    assert whole([gate(rise)]).verdict == "ok"
    assert whole([gate(rise, worse="up")]).verdict == "regression"
    assert whole([gate(rise, worse="both")]).verdict == "regression"


def test_inconclusive_passes_and_fails_when_strict() -> None:
    unclear = [gate(changed(0.0, 0.5, error=0.1))]
    assert whole(unclear).exit_code == 0
    strict = whole(unclear, strict=True)
    assert (strict.verdict, strict.exit_code) == ("inconclusive", 1)
    assert "fails under --strict" in headline(strict)


def test_what_cannot_be_compared_ends_with_3_unless_something_else_is_a_regression() -> None:
    nothing = gate(None, reason="facts: the candidate does not hold this task")
    assert whole([nothing, gate(changed(0.0, 0.5))]).exit_code == 3
    assert whole([nothing, gate(changed(-0.1, 0.0))]).exit_code == 1
    assert whole([]).exit_code == 3


def test_an_estimate_that_cannot_be_made_is_never_a_silent_pass() -> None:
    missing = Change(None, 0.5, 0.0, None, None, "none", math.nan, 0, 0, 0, 0, "of the baseline: no case is changed")
    found = whole([gate(missing)])
    assert found.verdict == "incomparable"
    assert "no case is changed" in sentence(found.gates[0])


def test_under_twenty_clusters_nothing_is_ruled_out_and_only_an_exact_test_accuses() -> None:
    few = changed(0.0, 0.5, clusters=19)
    assert whole([gate(few)]).gates[0].verdict == "inconclusive"
    assert "19 clusters, 20 needed" in sentence(whole([gate(few)]).gates[0])
    assert whole([gate(changed(-0.2, 0.0, clusters=19))]).verdict == "inconclusive"
    exact = changed(-0.2, 0.0, clusters=19, method="exact McNemar")
    assert whole([gate(exact)]).verdict == "regression"


def test_an_inconclusive_gate_says_what_could_be_seen_and_how_many_items_would_show_the_margin() -> None:
    (found,) = whole([gate(changed(-0.01, 0.3, error=0.03))]).gates
    assert found.detectable is not None
    assert found.items_for_margin is not None
    said = sentence(found)
    assert f"with these 200 items a fall under {100 * found.detectable:.1f} points cannot be seen" in said
    assert f"about {found.items_for_margin} items would show 5.0" in said


results = st.builds(
    changed,
    st.floats(-0.5, 0.5),
    st.floats(0, 1),
    error=st.floats(1e-4, 0.3),
    clusters=st.integers(2, 500),
)


@given(st.lists(results, min_size=1, max_size=6), st.sampled_from(["down", "up", "both"]), st.booleans())
def test_the_verdict_in_all_is_the_worst_of_the_gates_and_the_exit_code_follows(
    changes: list[Change], worse: Worse, strict: bool
) -> None:
    found = whole([gate(change, worse=worse) for change in changes], strict=strict)
    verdicts = [result.verdict for result in found.gates]
    order = ["regression", "incomparable", "inconclusive", "ok"]
    assert found.verdict == min(verdicts, key=order.index)
    codes = {"regression": 1, "incomparable": 3, "inconclusive": 1 if strict else 0, "ok": 0}
    assert found.exit_code == codes[found.verdict]
    for result in found.gates:
        if result.verdict == "regression":
            assert result.p_holm is not None
            assert result.p_holm < 0.05
            assert abs(result.change or 0) >= 0.02 - 1e-8
        if result.verdict == "ok":
            assert result.low is None or result.low > -0.05
            assert result.high is None or result.high < 0.05


@given(st.lists(results, min_size=2, max_size=6), st.randoms())
def test_the_order_of_gates_does_not_matter(changes: list[Change], random: Any) -> None:
    gates = [gate(change) for change in changes]
    shuffled = list(range(len(gates)))
    random.shuffle(shuffled)
    found, _ = judge(gates, 0.05)
    again, _ = judge([gates[place] for place in shuffled], 0.05)
    assert again == [found[place] for place in shuffled]
