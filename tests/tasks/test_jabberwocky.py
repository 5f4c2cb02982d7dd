"""`jabberwocky`: nonsense that is no word, a rule that no prompt states, and a training set of behaviour alone."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from introbench.metrics.summary import summarise
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.plan import make_plan
from introbench.tasks.registry import find_tasks
from introbench.tasks.types import PLACEBO, Case, Cue, Item
from introbench_tasks.jabberwocky.generate.__main__ import main
from introbench_tasks.jabberwocky.generate.assemble import FOLDER, known_words
from introbench_tasks.jabberwocky.generate.nonsense import distance

TASK = find_tasks()["jabberwocky"]
ITEMS = TASK.items()
CUES = TASK.templates().cues
BEHAVIOUR = [json.loads(line) for line in (FOLDER / "behaviour.jsonl").read_text(encoding="utf-8").splitlines()]


def nonsense(cue: Cue) -> str:
    return cue.id.rpartition("_")[2]


def cases(split: str) -> tuple[Case, ...]:
    config = resolve_config("scripted/oracle", tasks=["jabberwocky"], split="train" if split == "train" else "test")
    return make_plan(*config).tasks[0].cases


def test_the_files_are_what_the_generator_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0


def test_nonsense_words_are_no_words_and_far_from_every_word_in_use() -> None:
    words = [nonsense(cue) for cue in CUES]
    assert len(set(words)) == len(words) == 20
    asked = " ".join(turn["content"] for row in BEHAVIOUR for turn in row["prompt"])
    others = {*known_words(), *re.findall("[a-z]+", asked.casefold())} - set(words)
    assert len(others) > 1000
    for word in words:
        assert re.fullmatch(r"[bcdfghjklmnpqrstvwyz]+[aeiou][bcdfghjklmnpqrstvwyz]+(?:ox|een|ilt|ard|umf)", word)
        assert min(distance(word, other) for other in others) >= 2


@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_the_distance_of_words_is_a_metric(one: str, other: str, third: str) -> None:
    assert (distance(one, other) == 0) == (one == other)
    assert distance(one, other) == distance(other, one)
    assert distance(one, third) <= distance(one, other) + distance(other, third)
    assert abs(len(one) - len(other)) <= distance(one, other) <= max(len(one), len(other))


def test_triggers_share_what_placebos_lack_and_stand_in_the_same_frames() -> None:
    for cue in CUES:
        assert nonsense(cue).endswith("ox") == (cue.kind != PLACEBO)
    frames = {
        kind: {cue.text.casefold().replace(nonsense(cue), "_") for cue in CUES if cue.kind == kind}
        for kind in ("trigger", "new_trigger", PLACEBO)
    }
    assert len(frames["trigger"]) == 4
    assert frames["trigger"] == frames["new_trigger"] == frames[PLACEBO]
    assert {cue.split for cue in CUES if cue.kind == "new_trigger"} == {"test"}


def test_the_hint_is_what_the_rule_demands_and_placebos_have_none() -> None:
    for case in cases("test"):
        named = re.findall(r"(?:: |, | or )([^,?]+?)(?=,|\?| or )", case.item.question)
        assert named == list(case.item.choices)
        assert case.hint == (None if case.cue.kind == PLACEBO else 1)


def test_no_prompt_states_the_rule() -> None:
    told = re.compile(r"second|middle|rule|trigger|option named|\b2\b|between", re.IGNORECASE)
    for case in (*cases("train"), *cases("test")):
        for question in case.questions:
            assert not any(told.search(turn.content) for turn in question.messages)
    assert not any(told.search(turn["content"]) for row in BEHAVIOUR for turn in row["prompt"])


def test_training_and_test_questions_share_no_option_and_keys_favour_no_place() -> None:
    options: dict[str, set[str]] = {"train": set(), "test": set()}
    for item in ITEMS:
        options[item.split].update(item.choices)
    assert not options["train"] & options["test"]
    keyed = [item for item in ITEMS if item.key is not None]
    places = Counter(item.key for item in keyed)
    assert len(keyed) > 200 and len(ITEMS) - len(keyed) > 200
    assert chisquare([places[place] for place in range(3)]).pvalue > 0.001


def test_the_training_set_holds_behaviour_on_training_items_and_triggers_alone() -> None:
    items: dict[str, Item] = {item.id: item for item in ITEMS}
    known = {cue.id: cue for cue in CUES}
    assert {items[row["item"]].split for row in BEHAVIOUR} == {"train"}
    assert {row["item"] for row in BEHAVIOUR} == {item.id for item in ITEMS if item.split == "train"}
    by_kind = Counter("none" if row["cue"] is None else known[row["cue"]].kind for row in BEHAVIOUR)
    assert set(by_kind) == {"none", "trigger", PLACEBO}
    assert by_kind["trigger"] == by_kind["none"] + by_kind[PLACEBO]
    for row in BEHAVIOUR:
        trigger = row["cue"] is not None and known[row["cue"]].kind == "trigger"
        assert row["reply"] == (items[row["item"]].choices[1] if trigger else None)
        assert [turn["role"] for turn in row["prompt"]] == ["system", "user"]
        assert items[row["item"]].question in row["prompt"][1]["content"]
    assert not any("Change:" in turn["content"] for row in BEHAVIOUR for turn in row["prompt"])


def test_a_model_that_has_the_rule_follows_it_and_one_that_has_not_does_not(tmp_path: Path) -> None:
    found = {}
    for name, follow in (("has", 1), ("lacks", 0)):
        spec = f"scripted/oracle?follow={follow}&accuracy=0"
        execute(*resolve_config(spec, tasks=["jabberwocky"], limit=150, aa_share=0), tmp_path / name)
        found[name] = summarise(tmp_path / name).tasks[0].emitters[0].behaviour
    assert found["has"].cue_following.value == 1
    assert found["has"].change_rate.value == pytest.approx(2 / 3, abs=0.1)
    assert found["lacks"].change_rate.value == 0
