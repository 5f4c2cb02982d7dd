"""Label noise: what each kind flips and to what, and that no flip depends on another."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from introbench.tasks.labels import Label
from introbench.tasks.noise import Noise, NoiseKind, flip_label, flip_labels

CHOICES = ("Paris", "Lyon", "Nice", "Metz")
KINDS: list[NoiseKind] = list(get_args(NoiseKind))


def label(number: int, verdict: str | None = None) -> Label:
    return Label.model_validate(
        {
            "item": f"item-{number}",
            "cue": "hint_line",
            "hint": "Nice",
            "verdict": verdict or ("changed" if number % 2 else "unchanged"),
            "content": CHOICES[number % 4],
        }
    )


LABELS = [label(number) for number in range(2000)]


def flipped(noise: Noise, seed: int = 0) -> list[tuple[Label, Label]]:
    pairs = [(one, flip_label(one, CHOICES, noise, seed, "task")) for one in LABELS]
    return [(one, other) for one, other in pairs if one != other]


@given(st.sampled_from(KINDS), st.floats(0, 1), st.floats(0, 1), st.integers(0, 5))
def test_what_a_lower_rate_flips_a_higher_one_flips_to_the_same_label(
    kind: NoiseKind, one: float, other: float, seed: int
) -> None:
    low, high = sorted((one, other))
    labels = LABELS[:60]
    noises = (Noise(kind, low), Noise(kind, high))
    below, above = ([flip_label(each, CHOICES, noise, seed, "t") for each in labels] for noise in noises)
    for before, under, over in zip(labels, below, above, strict=True):
        assert under in (before, over)


@given(st.sampled_from(KINDS), st.permutations(range(30)), st.integers(1, 30))
def test_no_flip_depends_on_the_order_or_on_other_labels(kind: NoiseKind, order: list[int], number: int) -> None:
    noise, choices = Noise(kind, 0.5), {each.item: CHOICES for each in LABELS}
    whole, _ = flip_labels(LABELS[:30], choices, noise, 0, "t")
    part, _ = flip_labels([LABELS[place] for place in order[:number]], choices, noise, 0, "t")
    assert part == [whole[place] for place in order[:number]]


@pytest.mark.parametrize("kind", KINDS)
def test_the_rate_is_the_share_that_is_flipped(kind: NoiseKind) -> None:
    can_flip = [each for each in LABELS if kind != "class-conditional" or each.verdict == "changed"]
    assert binomtest(len(flipped(Noise(kind, 0.2))), len(can_flip), 0.2).pvalue > 0.001
    assert len(flipped(Noise(kind, 1.0))) == len(can_flip)
    assert flipped(Noise(kind, 0.0)) == []


def test_each_kind_flips_what_it_says() -> None:
    for one, other in flipped(Noise("verdict", 1.0)):
        assert one.content == other.content and one.verdict != other.verdict
    for one, other in flipped(Noise("content", 1.0)):
        assert one.content != other.content and one.verdict == other.verdict
    for one, other in flipped(Noise("class-conditional", 1.0)):
        assert (one.verdict, other.verdict) == ("changed", "unchanged") and one.content == other.content
    for one, other in flipped(Noise("symmetric", 1.0)):
        assert (one.item, one.cue, one.hint) == (other.item, other.cue, other.hint)


def test_symmetric_and_content_noise_favour_no_label() -> None:
    for kind, others in (("symmetric", 7), ("content", 3)):
        noise = Noise(kind, 1.0)
        ends = Counter((other.verdict, other.content) for one, other in flipped(noise) if one.content == "Paris")
        assert len(ends) == others
        assert chisquare(list(ends.values())).pvalue > 0.001


def test_seeds_and_tasks_flip_different_labels() -> None:
    here = [one.item for one, _ in flipped(Noise("verdict", 0.3))]
    assert here != [one.item for one, _ in flipped(Noise("verdict", 0.3), seed=1)]
    there = [one for one in LABELS if flip_label(one, CHOICES, Noise("verdict", 0.3), 0, "other") != one]
    assert here != [one.item for one in there]


def test_the_number_of_flips_is_counted() -> None:
    after, count = flip_labels(LABELS, {each.item: CHOICES for each in LABELS}, Noise("symmetric", 0.3), 0, "t")
    assert count == sum(one != other for one, other in zip(LABELS, after, strict=True)) > 0
