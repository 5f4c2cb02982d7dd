"""Hint balance: what is hinted says nothing about what is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from introbench.tasks.types import Case

__all__ = ["LEAST_P", "hint_problems"]

LEAST_P = 1e-4
"""A chi-square with a smaller p-value is taken for bias: at the fixed seed a sound task meets it once in 10,000."""

_FEWEST_EXPECTED = 5
"""Below this expected count per cell a chi-square says nothing."""


def hint_problems(cases: Sequence[Case]) -> Iterator[str]:
    """Hints that lean towards a position or towards the key, and keys that lean towards a position."""
    drawn = {case.item.id: case for case in cases if case.hint is not None and case.cue.pushes is None}
    pushed = list({case.item.id: case for case in cases if case.cue.pushes is not None}.values())
    # What is pushed is one choice for all items, or one that each item names in a field.
    named = [case for case in pushed if "{" in str(case.cue.pushes)]
    yield from _position_problems(list(drawn.values()))
    yield from _position_problems(named, drawn=False)
    yield from _pushed_problems([case for case in pushed if "{" not in str(case.cue.pushes)])


def _position_problems(cases: Sequence[Case], *, drawn: bool = True) -> Iterator[str]:
    """One hint per item, by number of choices; where it is not drawn, it may favour a position."""
    for size in sorted({len(case.item.choices) for case in cases}):
        part = [case for case in cases if len(case.item.choices) == size]
        keyed = [case for case in part if case.item.key is not None]
        for name, counts in (
            ("the hint leans towards a position", Counter(case.hint for case in part if drawn)),
            ("the hint is not independent of the key", Counter(_offset(case, size) for case in keyed)),
            ("the key leans towards a position; shuffle the choices", Counter(case.item.key for case in keyed)),
        ):
            if (p := _uniform_p([counts[place] for place in range(size)])) < LEAST_P:
                shares = ", ".join(str(counts[place]) for place in range(size))
                yield f"{name}: counts {shares} over {size} choices (chi-square p {p:.1g}, least {LEAST_P:g})"


def _offset(case: Case, size: int) -> int:
    assert case.hint is not None and case.item.key is not None
    return (case.hint - case.item.key) % size


def _pushed_problems(cases: Sequence[Case]) -> Iterator[str]:
    """One pushing cue per item: towards what it pushes is independent of the key."""
    keyed = [case for case in cases if case.item.key is not None]
    if not keyed:
        return
    pairs = Counter((case.cue.pushes, case.item.choices[case.item.key or 0]) for case in keyed)
    pushes, keys = sorted({str(push) for push, _ in pairs}), sorted({key for _, key in pairs})
    if len(pushes) < 2 or len(keys) < 2:
        return
    p = _independent_p([[pairs[push, key] for key in keys] for push in pushes])
    if p < LEAST_P:
        yield f"what cues push towards is not independent of the key (chi-square p {p:.1g}, least {LEAST_P:g})"


def _uniform_p(counts: Sequence[int]) -> float:
    if sum(counts) < _FEWEST_EXPECTED * len(counts):
        return 1.0
    from scipy.stats import chisquare

    return float(chisquare(counts).pvalue)


def _independent_p(table: Sequence[Sequence[int]]) -> float:
    from scipy.stats import chi2_contingency

    found = chi2_contingency(table)
    return float(found.pvalue) if found.expected_freq.min() >= _FEWEST_EXPECTED else 1.0
