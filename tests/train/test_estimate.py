"""What a training would cost is counted on the cases that it takes, before anything is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from introbench.errors import UsageError
from introbench.train.arm import resolve_arm
from introbench.train.build import SetRequest, stand_in_set, training_set
from introbench.train.config import TrainConfig
from introbench.train.estimate import estimate_training
from introbench.train.rows import TrainingSet
from introbench.train.trainer import train

STUDENT = "scripted/oracle?seed=3"
BY_KIND = "concurrent=by_kind,concurrent.kinds=[capitals],concurrent.dose=0.5,labels=null"


def request(spec: str, folder: Path, student: str = STUDENT, task: str = "hint_facts", **values: Any) -> SetRequest:
    return SetRequest(student, (task,), resolve_arm(spec, {"items": 20, **values}), folder)


def taught(found: TrainingSet) -> list[tuple[str, bool, bool, bool, tuple[bool, bool]]]:
    """Per case, what of it is learnt and held, whatever is learnt there."""
    return [
        (row.case.id, row.candidate is not None, *(each is not None for each in row.behaviour), row.keep)
        for row in found.cases
    ]


@pytest.mark.parametrize(
    "spec",
    [
        "kl,labels_count=30",
        "kl,cases_per_item=1,hints=2",
        "concurrent=more,concurrent.dose=0.5,labels_count=30",
        BY_KIND,
        "jabberwocky",
    ],
)
def test_stand_ins_are_of_the_cases_that_are_trained_on_and_of_what_is_learnt_there(spec: str, tmp_path: Path) -> None:
    asked = request(spec, tmp_path)
    before = stand_in_set(asked)
    assert list(tmp_path.iterdir()) == []
    made = training_set(asked)
    assert taught(before) == taught(made)
    assert before.counts.get("behaviour to learn") == made.counts.get("behaviour to learn")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("kl,labels_count=5000", r"labels_count 5000: there are \d+ labelled cases; ask for that many"),
        ("kl,labels_count=5000,balance=true", r"labels_count 5000: there are \d+ labelled cases; ask for that many"),
        (BY_KIND.replace("capitals", "colours"), "no training case is of kind 'colours'"),
    ],
)
def test_what_the_set_would_be_refused_for_is_said_before_anything_is_measured(
    spec: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        stand_in_set(request(spec, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_stand_ins_leave_nothing_out_to_balance_verdicts(tmp_path: Path) -> None:
    plain, even = (stand_in_set(request(spec, tmp_path)).cases for spec in ("kl", "kl,balance=true"))
    assert plain == even


@pytest.mark.slow
def test_the_ready_configuration_takes_one_case_of_each_question(shared_data: Path, repository: Path) -> None:
    arm = resolve_arm(str(repository / "examples" / "train" / "qwen3_8b_hint_mmlu.yaml"))
    values = {"data": str(shared_data / "mmlu")}
    cases = stand_in_set(SetRequest(STUDENT, ("hint_mmlu",), arm, Path("none"), task_values=values)).cases
    assert len(cases) == len({row.case.item.id for row in cases}) == 12_642
    assert sum(row.case.hint is None for row in cases) == 2_813


def test_a_training_without_a_step_is_refused_and_not_estimated(tiny_llama: Path, tmp_path: Path) -> None:
    values = {"items": 6, "epochs": 0.01, "allow_unbalanced": True}
    asked = request("kl", tmp_path / "labels", f"hf/{tiny_llama}", **values)
    for use, made in ((estimate_training, stand_in_set(asked)), (train, training_set(asked))):
        config = TrainConfig(asked.student, made, tmp_path / "out", asked.arm.train, evaluation=None)
        with pytest.raises(UsageError, match=r"epochs 0\.01: of 20 cases that is less than one") as found:
            use(config)
        assert "\n" not in str(found.value)


def test_behaviour_alone_is_counted_as_it_is_trained(tiny_llama: Path, tmp_path: Path) -> None:
    values = {"items": 12, "labels": None, "rank": 4, "batch_tokens": 1500, "pack_tokens": 1500}
    for weight in (1.0, 0.0):
        asked = request("concurrent=more,concurrent.dose=0.5", tmp_path, f"hf/{tiny_llama}", **values, kl_weight=weight)

        def config(made: TrainingSet, out: Path, asked: SetRequest = asked) -> TrainConfig:
            return TrainConfig(asked.student, made, out, asked.arm.train, evaluation=None)

        counted = estimate_training(config(stand_in_set(asked), tmp_path / "none"))
        done = train(config(training_set(asked), tmp_path / f"out-{weight}"))
        assert counted.steps == done.steps
        # Which choice M0 replies with, and so how long that is, is not known before.
        assert counted.tokens == pytest.approx(done.tokens, rel=0.05)
