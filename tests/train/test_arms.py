"""Arms: what they say is what is trained, and what cannot be meant is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from introbench.errors import SpecError, UsageError
from introbench.train.arm import Arm, arm_names, read_value, resolve_arm
from introbench.train.study.config import read_study, units_of
from introbench.train.study.results import read_results

VALUES = {"noise": "0.2", "labels": "scripted/random", "mix": "0.6", "stale": "hf/./ckpt", "concurrent": "less"}


def spec_of(name: str) -> str:
    return f"{name}={VALUES[name]}" if name in VALUES else name


@pytest.mark.parametrize("name", arm_names())
def test_every_arm_that_comes_along_is_whole_and_says_what_it_does(name: str) -> None:
    arm = resolve_arm(spec_of(name))
    assert arm.name == spec_of(name)
    assert len(arm.summary) > 20
    again = Arm.model_validate(yaml.safe_load(arm.yaml()))
    assert again == arm


@pytest.mark.parametrize("name", VALUES)
def test_an_arm_whose_value_must_be_given_is_refused_without_it(name: str) -> None:
    with pytest.raises(SpecError, match=rf"write {name}="):
        resolve_arm(name)


def test_arms_differ_in_what_their_names_say() -> None:
    assert (resolve_arm("kl").train.kl_weight, resolve_arm("no_kl").train.kl_weight) == (1.0, 0.0)
    assert resolve_arm("shuffled").shuffle and not resolve_arm("kl").shuffle
    noise = resolve_arm("noise=0.2,noise.kind=verdict").noise
    assert noise is not None and (noise.rate, noise.kind) == (0.2, "verdict")
    assert resolve_arm("stale=hf/./early").labels == "hf/./early"
    controls = resolve_arm("jabberwocky_behaviour"), resolve_arm("jabberwocky_explanations")
    assert [arm.labels for arm in controls] == [None, "M0"]
    assert [arm.beside and arm.beside.learn for arm in controls] == [True, False]


def test_a_spec_wins_over_options_and_options_over_the_file() -> None:
    arm = resolve_arm("kl,rank=32,learning_rate=1e-4,targets=q_proj+v_proj", {"rank": 8, "items": 10})
    assert (arm.train.rank, arm.train.learning_rate, arm.train.targets) == (32, 1e-4, ("q_proj", "v_proj"))
    assert (arm.items, arm.name) == (10, "kl,rank=32,learning_rate=1e-4,targets=q_proj+v_proj")


def test_what_holds_for_every_arm_of_a_study_does_not_undo_what_one_is() -> None:
    arm = resolve_arm("no_kl,rank=8", defaults={"kl_weight": 2.0, "rank": 16, "items": 5})
    assert (arm.train.kl_weight, arm.train.rank, arm.items) == (0.0, 8, 5)
    assert resolve_arm("kl", defaults={"kl_weight": 2.0}).train.kl_weight == 2.0
    assert resolve_arm("fresh", defaults={"fresh_every": 7}).fresh_every == 100
    noise = resolve_arm("noise=0.1", defaults={"noise.kind": "verdict"}).noise
    assert noise is not None and noise.kind == "symmetric"


@given(st.floats(0, 1), st.integers(1, 512), st.integers(0, 9))
def test_what_is_written_in_a_spec_is_what_the_arm_holds(rate: float, rank: int, seed: int) -> None:
    arm = resolve_arm(f"noise={rate!r},rank={rank},seed={seed}")
    assert arm.noise is not None
    assert (arm.noise.rate, arm.train.rank, arm.train.seed) == (rate, rank, seed)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("kll", "did you mean 'kl'"),
        ("kl=3", "kl takes no value"),
        ("kl,rank", "'rank' is no change"),
        ("kl,rnak=3", "did you mean 'rank'"),
        ("kl,mix.shares=1", "mix.shares"),
        ("kl,name=x", "no value 'name'"),
        ("noise=1.5", "noise.rate"),
        ("noise=lots", "noise.rate"),
        ("noise=0.1,noise.kind=loud", "noise.kind"),
        ("concurrent=sideways", "concurrent.towards"),
        ("concurrent=by_kind", "concurrent.kinds names the kinds of items"),
        ("concurrent=less,concurrent.kinds=[capitals]", "with concurrent.towards=by_kind"),
        ("kl,labels=null", "neither explanations nor behaviour"),
        ("jabberwocky_behaviour,shuffle=true", "nothing for shuffle"),
        ("fresh=10,shuffle=true", "fresh labels take no shuffle"),
        ("kl,hints=0", "hints"),
        ("kl,cases_per_item=0", "cases_per_item"),
        ("kl,rank=many", "rank: many is no whole number"),
        ("kl,rank=true", "rank: true is no number"),
        ("kl,items=true", "items: true is no number"),
        ("noise=true", r"noise\.rate: true is no number"),
        ("kl,evaluate_at=[true]", "evaluate_at: true is no number"),
        ("kl,evaluate_at=3", r"evaluate_at: 3 is no list; write evaluate_at=\[3\]"),
        ("labels=", r"whose labels\? write labels=SPEC, a model"),
        ("jabberwocky_behaviour,items=3", "prompts of jabberwocky alone, all of them, so there is nothing for items"),
        ("jabberwocky_behaviour,labels_count=5", "nothing for labels_count; leave it out"),
        ("jabberwocky_behaviour,hints=2", "nothing for hints"),
        ("jabberwocky_behaviour,cases_per_item=1", "nothing for cases_per_item"),
        ("kl,rank=8,rank=16", "changes rank twice"),
        ("kl,rank=8,train.rank=16", r"changes train\.rank twice"),
        ("noise=0.2,noise.rate=0.3", r"changes noise\.rate twice"),
        ("kl,balance=3", "balance: 3 is neither true nor false"),
        ("kl,noise=3", "noise: 3 is no mapping of keys to values"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused_with_the_reason(spec: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as found:
        resolve_arm(spec)
    assert "\n" not in str(found.value)


def test_cases_are_chosen_where_there_are_any_to_choose_and_a_study_may_say_so_for_all_of_its_arms() -> None:
    with pytest.raises(SpecError, match="nothing for items"):
        resolve_arm("jabberwocky_behaviour", {"items": 3})
    arm = resolve_arm("jabberwocky_behaviour", defaults={"items": 3, "hints": 2, "labels_count": 5})
    assert (arm.items, arm.hints, arm.labels_count) == (3, 2, 5)
    assert resolve_arm("jabberwocky", {"items": 3}).items == 3
    assert resolve_arm("concurrent=less,labels=null,items=3").items == 3
    assert Arm.model_validate(yaml.safe_load(arm.yaml())) == arm


def test_values_that_arms_gained_change_no_arm_that_leaves_them_alone(repository: Path) -> None:
    left, used = resolve_arm("concurrent=less"), resolve_arm("concurrent=by_kind,concurrent.kinds=[capitals]")
    assert "kinds" not in left.identity and "content_weight" not in left.identity
    assert "- capitals" in used.identity and "content_weight: 2.0" in resolve_arm("kl,content_weight=2").identity
    assert resolve_arm("kl,content_weight=2").identity != resolve_arm("kl").identity
    assert "cases_per_item" not in left.identity + resolve_arm("kl").identity
    assert "cases_per_item: 1" in resolve_arm("kl,cases_per_item=1").identity
    # Units that were run before arms had these values are still theirs.
    for name in ("axes", "prereg", "warm"):
        study = read_study(repository / "studies" / f"{name}.yaml")
        assert len(read_results(repository / "studies" / "results" / name, units_of(study))) > 5


def test_what_is_no_yaml_is_a_text() -> None:
    assert [read_value(text) for text in ("[q_proj", "[q_proj]", "1e-3", "0.5")] == ["[q_proj", ["q_proj"], "1e-3", 0.5]


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(UsageError, match="kl_weight -1: must be 0 or more"):
        resolve_arm("kl,kl_weight=-1")


def test_an_arm_of_ones_own_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("summary: less of everything\nhints: 2\ntrain:\n  rank: 4\n")
    arm = resolve_arm(f"{path},epochs=2")
    assert (arm.name, arm.hints, arm.train.rank, arm.train.epochs) == ("mine,epochs=2", 2, 4, 2.0)
    path.write_text("summary: x\ntrain:\n  rnak: 4\n")
    with pytest.raises(SpecError, match="did you mean 'rank'"):
        resolve_arm(str(path))
    path.write_text("summary: x\nunheard_of: 4\n")
    with pytest.raises(SpecError, match="unheard_of"):
        resolve_arm(str(path))
    path.write_text("summary: x\nhints: 2\nhints: 3\n")
    with pytest.raises(UsageError, match=r"mine\.yaml: line 3: 'hints' stands there twice"):
        resolve_arm(str(path))
    path.write_text("summary: x\ntrain: {rank: yes}\n")
    with pytest.raises(SpecError, match="rank: true is no number"):
        resolve_arm(str(path))
    path.write_text("- a list")
    with pytest.raises(SpecError, match="an arm is a mapping"):
        resolve_arm(str(path))
