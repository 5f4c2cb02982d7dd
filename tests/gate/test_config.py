"""gate.toml: what is wrong is refused in one line, and what is left out has a sane default."""

from __future__ import annotations

from pathlib import Path

import pytest

from introbench.errors import UsageError
from introbench.gate.config import EVERY_TASK, GateConfig, Rule, changed_thresholds, read_config


def written(folder: Path, text: str) -> Path:
    file = folder / "gate.toml"
    file.write_text(text)
    return file


def test_without_a_file_the_defaults_hold() -> None:
    config = read_config(None)
    assert (config.alpha, config.margin, config.floor, config.gates) == (0.05, 0.05, 0.02, [])


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    text = (
        'alpha = 0.01\nstrict = true\n[[gate]]\nestimate = "youden_j"\ntask = "refusal"\nworse = "both"\nmargin = 0.1\n'
    )
    config = read_config(written(tmp_path, text))
    (gate,) = config.gates
    assert (config.alpha, config.strict) == (0.01, True)
    assert (gate.estimate, gate.task, gate.worse, gate.margin, gate.floor) == ("youden_j", "refusal", "both", 0.1, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alpha = ", "no TOML"),
        ("alpha = 2", "alpha: Input should be less than 0.5"),
        ("alpha = nan", "alpha"),
        ("alhpa = 0.05", "alhpa: Extra inputs are not permitted"),
        ('[[gate]]\nestimate = "exact_mach"', "did you mean 'exact_match'"),
        ('[[gate]]\nestimate = "exact_match"\nmargin = nan', "gate.0.margin"),
        ('[[gate]]\nestimate = "exact_match"\nmargin = -0.1', "gate.0.margin"),
        ('[[gate]]\nestimate = "exact_match"\nworse = "sideways"', "gate.0.worse"),
        ('[[gate]]\nestimate = "exact_match"\nfloor = 0.1', "floor 0.1 is over margin 0.05"),
        ("floor = 0.2\n" + '[[gate]]\nestimate = "exact_match"', "floor 0.2 is over margin 0.05"),
        ("[[gate]]\nmargin = 0.1", "gate.0.estimate: Field required"),
    ],
)
def test_what_is_wrong_is_named_on_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        read_config(written(tmp_path, text))
    assert message in str(error.value)
    assert "gate.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_contradiction_at_the_top_is_refused_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"floor 0\.2 is over margin"):
        read_config(written(tmp_path, "floor = 0.2"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gate\.toml"):
        read_config(tmp_path / "gate.toml")


def rule(**changes: object) -> Rule:
    known: dict[str, object] = {
        "task": "facts",
        "estimate": "exact_match",
        "worse": "down",
        "margin": 0.05,
        "floor": 0.02,
    }
    return Rule.model_validate(known | changes)


def test_every_changed_threshold_is_put_into_words() -> None:
    assert changed_thresholds([rule()], [rule()]) == []
    (words,) = changed_thresholds([rule()], [rule(margin=0.1)])
    assert words == "exact_match on facts: margin 0.05 when the baseline was made, 0.1 now"
    (gone,) = changed_thresholds([rule()], [])
    assert "is not now" in gone
    (new,) = changed_thresholds([], [rule()])
    assert "was not gated" in new
    assert len(changed_thresholds([rule()], [rule(margin=0.1, floor=0.1, worse="both")])) == 3


def test_a_configuration_can_be_made_in_python() -> None:
    config = GateConfig.model_validate({"gate": [{"estimate": "exact_match"}]})
    assert config.gates[0].task == EVERY_TASK
