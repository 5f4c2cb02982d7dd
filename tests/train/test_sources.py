"""Labels of noisy tasks from a first stage, a stored run or a file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from introbench.errors import SpecError, UsageError
from introbench.metrics.summary import dump, summarise
from introbench.runs.config import RunConfig, resolve_config
from introbench.runs.execute import execute
from introbench.runs.plan import make_plan
from introbench.tasks.labels import read_labels
from introbench.tasks.registry import TaskVariant
from introbench.train.labels import label_file
from introbench.train.measured import is_stored
from introbench.train.sources import first_stage_folder, with_labels


def resolved(task: str, *references: str, limit: int = 5) -> tuple[RunConfig, list[TaskVariant]]:
    return resolve_config("scripted/oracle?seed=3", references, [task], limit=limit, aa_share=0)


def replies(config: RunConfig, variants: list[TaskVariant]) -> list[list[str]]:
    cases = [task.cases[0] for task in make_plan(config, variants).tasks]
    return [[turn.content for turn in case.explanation.messages if turn.role == "assistant"] for case in cases]


def test_own_labels_are_the_targets_and_every_model_sees_them(tmp_path: Path) -> None:
    out = tmp_path / "run"
    config, variants = with_labels(
        *resolved("noisy:hint_facts?rate=0&labels=own", "scripted/oracle?seed=4"), out, measure=execute
    )
    stage = json.loads((first_stage_folder(out) / "manifest.json").read_text())
    assert [model["spec"] for model in stage["models"]] == ["scripted/oracle?seed=3"]
    assert stage["config"]["split"] == "train"
    assert config.tasks == tuple(f"noisy:hint_facts?k=4&rate=0&labels=own&draw={draw}" for draw in range(3))
    execute(config, variants, out)
    manifest = json.loads((out / "manifest.json").read_text())
    assert {task["noise"]["labels_of"] for task in manifest["tasks"]} == {"scripted/oracle?seed=3"}
    data, _ = label_file(first_stage_folder(out), "hint_facts")
    measured = json.loads(data)["labels"]
    stated = {f"{'Change' if each['verdict'] == 'changed' else 'No change'}: {each['content']}" for each in measured}
    assert all(reply in stated for shown in replies(config, variants) for reply in shown)
    # Another target's labels are others: the demonstrations are not the bundled ones.
    assert replies(config, variants) != replies(*resolved("noisy:hint_facts?rate=0"))


def test_a_run_and_the_file_that_is_made_of_it_are_the_same_labels(tmp_path: Path) -> None:
    stored = tmp_path / "stored"
    training = resolve_config("scripted/oracle?seed=5", tasks=["hint_facts"], split="train", limit=60, aa_share=0)
    execute(*training, stored)
    file = tmp_path / "labels.json"
    file.write_bytes(label_file(stored, "hint_facts")[0])
    found = [
        with_labels(*resolved(f"noisy:hint_facts?rate=0.4&kind=verdict&labels={path}"), None) for path in (stored, file)
    ]
    assert found[0][0] == found[1][0]
    assert str(tmp_path) not in str(found[0][0].tasks)
    assert replies(*found[0]) == replies(*found[1])


def test_letters_are_demonstrated_by_labels_that_were_read_by_letter(tmp_path: Path) -> None:
    task = "noisy:hint_facts?behaviour=letter&rate=0.5&labels=own"
    ready = with_labels(*resolved(task), tmp_path / "run", measure=execute)
    for shown in replies(*ready):
        assert all(reply.removeprefix("No change: ").removeprefix("Change: ") in "ABCD" for reply in shown)
    prompts = [turn.content for turn in make_plan(*ready).tasks[0].cases[0].explanation.messages if turn.role == "user"]
    assert all("\nA. " in prompt for prompt in prompts)


@pytest.mark.parametrize("base", ["hint_facts?behaviour=letter", "dilemmas", "dilemmas?behaviour=letter", "refusal"])
def test_a_demonstration_is_what_its_own_case_asks_and_a_label_that_was_measured_on_it(
    base: str, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    query = f"{base}{'&' if '?' in base else '?'}rate=0&labels=own&k=8"
    ready = with_labels(*resolved(f"noisy:{query}"), out, measure=execute)
    training = resolve_config("scripted/oracle", (), [base], split="train", aa_share=0)
    asked = {
        (case.explanation.messages[-1].content, reply)
        for case in make_plan(*training).tasks[0].cases
        for reply in case.explanation.choices
    }
    for task in make_plan(*ready).tasks:
        assert len(task.shown.demonstrations) == 8
        assert {(shown.prompt, shown.reply) for shown in task.shown.demonstrations} <= asked


def test_labels_that_cannot_be_had_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`introbench run` does that first"):
        with_labels(*resolved("noisy:hint_facts?labels=own"), tmp_path / "run")
    with pytest.raises(UsageError, match=r"none\.json: cannot be read"):
        with_labels(*resolved(f"noisy:hint_facts?labels={tmp_path}/none.json"), None)


LABEL = {"item": "i", "cue": "c", "hint": "x", "verdict": "changed", "content": "y"}
FILE = {"task": "hint_facts", "version": 1, "model": "m", "fingerprint": "f", "seed": 0, "labels": [LABEL]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no label file (not JSON); `introbench labels RUN --task NAME --out FILE` makes one"),
        ("name: small\n", "is no label file (not JSON)"),
        ("[]", "is no label file ("),
        ("{}", "is no label file (task: "),
        (json.dumps({**FILE, "labels": [{**LABEL, "verdict": "maybe"}]}), "labels / 0 / verdict: "),
        (
            json.dumps({**FILE, "labels": [LABEL, {**LABEL, "hint": None}, {**LABEL, "verdict": "unchanged"}]}),
            "two labels for item 'i' under cue 'c' with the hint 'x'; keep the one that holds",
        ),
        (json.dumps({**FILE, "labels": [{**LABEL, "hint": None}] * 2}), "two labels for item 'i' under cue 'c'; keep"),
    ],
)
def test_a_file_that_holds_no_labels_or_two_for_one_case_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=re.escape(f"{path}: {said}")) as found:
        read_labels(path)
    assert "\n" not in str(found.value)


def test_a_source_of_labels_that_is_none_is_said_to_be_no_run_file_or_model(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    for text, said in (
        (str(tmp_path), f"labels '{tmp_path}': the folder holds no run (no manifest.json); name a run"),
        (f"{tmp_path}#kl", "the folder holds no run"),
        (f"{tmp_path}/model", f"the folder of a model; write hf/{tmp_path}/model"),
        ("nope", "no run, label file or model 'nope'; write M0, a run directory, a label file, or a model as hf/"),
        ("smolm2-135m-q4_1", "did you mean 'smollm2-135m-q4_1'"),
    ):
        with pytest.raises(SpecError, match=re.escape(said)):
            is_stored(text)
    assert not any(map(is_stored, ("hf/org/name", "smollm2-135m-q4_1?weight_noise=0.1", "openai/gone")))


def test_a_run_without_a_training_case_is_told_only_of_options_that_there_are(tmp_path: Path) -> None:
    run = tmp_path / "run"
    execute(*resolved("hint_facts"), run)
    with pytest.raises(UsageError, match=r"of hint_facts; name a run that was made with --split train$"):
        label_file(run, "hint_facts")
    done = introbench("labels", run, "--task", "hint_facts", "--out", tmp_path / "labels.json")
    assert done.returncode == 2 and "--split train, or add --held-out" in " ".join(done.stderr.split())


def introbench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "introbench", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80"},
        timeout=250,
        check=False,
    )


def test_the_summary_holds_the_flips_and_the_spread_over_draws(tmp_path: Path) -> None:
    config, variants = resolved("noisy:hint_facts?rate=0.4", "scripted/random", limit=30)
    execute(config, variants, tmp_path / "run")
    summary: Any = json.loads(dump(summarise(tmp_path / "run")))
    plans = make_plan(config, variants).tasks
    assert [task["noise"]["flipped"] for task in summary["tasks"]] == [task.shown.flipped for task in plans]
    oracle, random = summary["draws"]
    assert oracle["draws"] == random["draws"] == [0, 1, 2]
    assert oracle["family"] == "noisy:hint_facts?k=4&rate=0.4"
    # A script does not read its prompt: demonstrations cannot move it.
    assert oracle["exact_match"] == {"values": [1.0, 1.0, 1.0], "mean": 1.0, "deviation": 0.0}
    assert random["exact_match"]["deviation"] == 0
    assert sum(oracle["flipped"]) > 0


def test_the_command_runs_both_stages_goes_on_and_shows_the_flips(tmp_path: Path) -> None:
    command = ("run", "--model", "scripted/oracle", "--tasks", "noisy:hint_facts?labels=own&rate=0.4", "--limit", "40")
    plan = introbench("plan", *command[1:], "--out", tmp_path / "r")
    assert plan.returncode == 2 and "does that first" in plan.stderr
    done = introbench(*command, "--out", tmp_path / "r")
    assert done.returncode == 0, done.stderr
    again = introbench(*command, "--out", tmp_path / "r")
    assert again.stdout == done.stdout
    text = " ".join(done.stdout.split())
    assert "4 demonstrations, draw 2, with labels of scripted/oracle, of which" in text
    assert "over draws of demonstrations" in done.stdout
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 80
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r", "r-own-labels"]
    plan = introbench("plan", *command[1:], "--out", tmp_path / "r")
    assert plan.returncode == 0, plan.stderr
