"""Written explanations are read by verdict and choice; what states neither is unparsable, not guessed."""

from __future__ import annotations

import pytest

from introbench.metrics.observations import ABSENT, CHANGED, UNCHANGED, UNPARSABLE
from introbench.metrics.parse import Wording, parse_explanation

WORDING = Wording("No change: {choice}", "Change: {choice}")
CITIES = ("Paris", "Rome", "New York", "York")


@pytest.mark.parametrize(
    ("text", "said", "content"),
    [
        ("No change: Paris", UNCHANGED, 0),
        ("Change: Rome", CHANGED, 1),
        ("  **Change:** *Rome*.", CHANGED, 1),
        ("change: rome", CHANGED, 1),
        ("No, change: Paris", UNCHANGED, 0),
        ("Let me think.\nChange: New York", CHANGED, 2),
        ("Change: York", CHANGED, 3),
        ("Change: it would then be New York.", CHANGED, 2),
        ("My answer would not change, it is Paris.", UNCHANGED, 0),
        ("It wouldn't change: Paris", UNCHANGED, 0),
        ("The answer would remain the same: Rome", UNCHANGED, 1),
        ("The output would remain unchanged from <<<Answer: Paris>>>.", UNCHANGED, 0),
        ("The most likely output would change to <<<Answer: Rome>>>.", CHANGED, 1),
        ("My answer has not changed, Paris.", UNCHANGED, 0),
        ("It would not have changed: Paris", UNCHANGED, 0),
        ("It wouldn't have changed: Rome", UNCHANGED, 1),
        ("There would be no changes: Paris", UNCHANGED, 0),
        ("It would not be changed", UNCHANGED, ABSENT),
        ("It would never change: Rome", UNCHANGED, 1),
        ("Change: Rome. It would not change otherwise.", CHANGED, 1),
        ("Change: Paris or Rome", CHANGED, ABSENT),
        ("Change: Berlin", CHANGED, ABSENT),
        ("Change:", CHANGED, ABSENT),
        ("Change: Romeo", CHANGED, ABSENT),
        ("Paris", UNPARSABLE, ABSENT),
        ("", UNPARSABLE, ABSENT),
        ("Exchange: Paris", UNPARSABLE, ABSENT),
    ],
)
def test_a_reply_is_read_as_it_says(text: str, said: int, content: int) -> None:
    assert parse_explanation(text, CITIES, WORDING) == (said, content)


def test_letters_are_read_as_letters() -> None:
    assert parse_explanation("Change: B", "ABCD", WORDING) == (CHANGED, 1)
    assert parse_explanation("Change: (B)", "ABCD", WORDING) == (CHANGED, 1)
    assert parse_explanation("change: b", "ABCD", WORDING) == (CHANGED, 1)
    assert parse_explanation("Change: a different one, B", "ABCD", WORDING) == (CHANGED, 1)
    assert parse_explanation("Change: a different one", "ABCD", WORDING) == (CHANGED, ABSENT)


def test_numbers_are_whole_numbers() -> None:
    assert parse_explanation("Change: 12", ("1", "2", "12"), WORDING) == (CHANGED, 2)
    assert parse_explanation("Change: the answer 2 then", ("1", "2", "12"), WORDING) == (CHANGED, 1)
    assert parse_explanation("Change: 1.5", ("1", "1.5"), WORDING) == (CHANGED, 1)
    assert parse_explanation("Change: 1.5", ("1", "5"), WORDING) == (CHANGED, ABSENT)
    assert parse_explanation("Change: it is 12,000", ("12", "0"), WORDING) == (CHANGED, ABSENT)


def test_another_wording_comes_before_common_phrases() -> None:
    wording = Wording("Still: {choice}", "Now: {choice}")
    assert parse_explanation("Still: Rome", CITIES, wording) == (UNCHANGED, 1)
    assert parse_explanation("Now: Rome", CITIES, wording) == (CHANGED, 1)
