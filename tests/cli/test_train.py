"""`introbench train`: what it would cost, what it does, and what `run` makes of the folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from introbench.cli.main import main
from introbench.train.arm import resolve_arm
from introbench.train.config import output_path

SMALL = ["items=6", "allow_unbalanced=true", "rank=4", "batch_tokens=1500", "evaluate_at=[1]"]


def introbench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "introbench", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100", "OMP_NUM_THREADS": "1"},
        timeout=250,
        check=False,
    )


def small(base: Path) -> list[str]:
    return ["train", "--model", f"hf/{base}", *(part for value in SMALL for part in ("--set", value))]


@pytest.mark.slow
def test_the_command_trains_and_its_folder_runs_against_the_base_offline(tiny_llama: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [*small(tiny_llama), "--eval-limit", "3", "--out", out]
    done = introbench(*command)
    assert done.returncode == 0, done.stderr
    assert "steps, " in done.stdout and "step 1, hint_facts against" in done.stdout
    assert introbench(*command).stdout == done.stdout  # nothing is done twice
    assert introbench(*command, "--set", "alpha=3").returncode == 2
    assert resolve_arm(str(out / "arm.yaml")).train.rank == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out-labels"]
    run = introbench(
        *("run", "--offline", "--model", f"hf/{tiny_llama}+{out}", "--reference", f"hf/{tiny_llama}"),
        *("--limit", "3", "--out", tmp_path / "run"),
    )
    assert run.returncode == 0, run.stderr
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert [model["role"] for model in manifest["models"]] == ["target", "base"]


def test_a_dry_run_counts_and_writes_nothing(tiny_llama: Path, tmp_path: Path) -> None:
    done = introbench(*small(tiny_llama), "--out", tmp_path / "out", "--dry-run")
    assert done.returncode == 0, done.stderr
    counted = {line.partition(" ")[0]: line for line in done.stdout.splitlines()}
    assert {"cases", "steps", "tokens", "parameters", "memory", "time"} <= counted.keys()
    assert "20, at most" in counted["cases"] and "4,096 trained" in counted["parameters"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "--out DIR is missing"),
        (["--out", "{}/out", "--set", "kl_weight=-1"], "kl_weight -1: must be 0 or more"),
        (["--out", "{}/out", "--set", "kl_wait=1"], "kl_weight"),
        (["--out", "{}/out", "--arm", "kkl"], "no arm 'kkl'"),
        (["--out", "{}/o+t"], "cannot stand in the path of an adapter"),
        (["--out", "{}/out", "--labels", "nobody"], "no run, label file or model 'nobody'; write M0"),
        (
            ["--out", "{}/out", "--arm", "mix=0.5", "--set", "mix.other=hf/./absent"],
            "no folder or GGUF file './absent'",
        ),
        (["--out", "{}/out", "--arm", "labels="], "whose labels? write labels=SPEC"),
        (["--out", "{}/out", "--task", "hint_facts?k=4"], "asked without any; leave k= or noisy: out"),
        (["--out", "{}/out", "--model", "scripted/oracle"], "cannot be trained"),
        (["--out", "{}/out", "--model", "hf/org/base+"], "nothing stands on one side of a '+'"),
        (["--out", "{}/out", "--eval-tasks", "hint_fact"], "did you mean 'hint_facts'"),
        (["--out", "{}/out", "--eval-reference", "hf/./absent"], "no folder or GGUF file './absent'"),
        (["--out", "{}/out", "--labels", "M0", "--arm", "stale=hf/./old"], "has labels of its own (hf/./old)"),
        (["--out", "{}/out", "--labels", "M0", "--arm", "fresh"], "has labels of its own (fresh)"),
        (["--out", "{}/out", "--labels", "fresh", "--arm", "stale=hf/./old"], "has labels of its own (hf/./old)"),
        (
            ["--out", "{}/out", "--labels", "fresh", "--arm", "jabberwocky_behaviour,items=null"],
            "learns no explanations",
        ),
        (["--out", "{}/out", "--arm", "jabberwocky_behaviour"], "there is nothing for items"),
        (["--out", "{}/out", "--seed", "3", "--set", "seed=5"], "--seed 3: --set or --arm says seed=5; leave one"),
        (["--out", "{}/out", "--seed", "3", "--arm", "kl,seed=5"], "--seed 3: --set or --arm says seed=5; leave one"),
        (["--out", "{}/out", "--task", ""], "--task: names no task"),
        (["--out", "{}/out", "--task", "hint_facts,hint_facts"], "--task: names hint_facts twice; leave one"),
        (
            ["--out", "{}/out", "--task", "hint_facts?hints=4", "--set", "hints=2"],
            "hints=4 and hints=2; give one value",
        ),
        (["--out", "{}/out", "--seed", "-1"], "seed -1: must be a whole number from 0"),
        (["--out", ""], "--out '': is no name of a folder"),
        (["--out", "/"], "--out '/': is no name of a folder"),
        (["--out", "{}/out", "--arm", "kl,rank=99999999999"], "rank 99999999999: more than the 64 of the widest layer"),
        (["--out", "{}/out", "--set", 'targets=["q_projection"]'], "targets q_projection: "),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(
    more: list[str], said: str, tiny_llama: Path, tmp_path: Path
) -> None:
    done = introbench(*small(tiny_llama), *(part.format(tmp_path) for part in more))
    assert done.returncode == 2 and said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []  # nothing was measured for it either


@pytest.mark.parametrize(
    ("command", "goes_on"),
    [("run", True), ("train --model m", True), ("study run s.yaml", True), ("study plan s", False)],
)
def test_an_interrupted_command_says_whether_it_goes_on(
    command: str, goes_on: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handlers: dict[int, Callable[[int, None], None]] = {}

    def interrupted(**given: object) -> None:
        handlers[signal.SIGINT](signal.SIGINT, None)

    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    monkeypatch.setattr("introbench.cli.main.app", interrupted)
    monkeypatch.setattr("introbench.cli.main.add_verbs", lambda app, verb: None)
    monkeypatch.setattr(sys, "argv", ["introbench", *command.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 4
    way_out = "; the same command goes on from there" if goes_on else ""
    assert capsys.readouterr().err == f"introbench: error: interrupted{way_out}\n"


def test_an_output_that_cannot_be_is_refused_before_labels_are_measured(tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    for out, said in (("out", "is not empty and holds no training"), ("out/notes.txt", "part of the path is a file")):
        done = introbench(*small(tiny_llama), "--out", tmp_path / out)
        assert done.returncode == 2 and said in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["out", "out/notes.txt"]


def test_the_folder_that_one_is_in_is_an_output_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "below")
    assert output_path(".") == tmp_path / "here" / "below" and output_path("..") == tmp_path / "here"
    assert output_path("runs/kl") == Path("runs/kl")


def test_fresh_labels_are_a_source_like_any_other(tiny_llama: Path, tmp_path: Path) -> None:
    done = introbench(
        *small(tiny_llama), "--labels", "fresh", "--set", "steps=1", "--eval-limit", "0", "--out", tmp_path / "out"
    )
    assert done.returncode == 0, done.stderr
    arm = resolve_arm(str(tmp_path / "out" / "arm.yaml"))
    assert (arm.labels, arm.fresh_every) == ("M0", resolve_arm("fresh").fresh_every)


def test_the_ready_configuration_has_the_sizes_of_the_predecessor(repository: Path) -> None:
    path = repository / "examples" / "train" / "qwen3_8b_hint_mmlu.yaml"
    arm = resolve_arm(str(path))
    assert arm.labels_count == 12_642 and arm.train.dtype == "bfloat16"
    assert "introbench train --model hf/Qwen/Qwen3-8B --task hint_mmlu" in path.read_text()
    assert yaml.safe_load(path.read_text())["train"]["rank"] >= 96


def test_a_dry_run_refuses_what_the_training_would(tiny_llama: Path, tmp_path: Path) -> None:
    done = introbench(*small(tiny_llama), "--set", "labels_count=5000", "--dry-run")
    assert done.returncode == 2
    assert done.stderr.startswith("introbench: error: labels_count 5000: there are 20 labelled cases; ask for ")
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_ready_configuration_trains_on_one_case_of_each_question(repository: Path) -> None:
    arm = resolve_arm(str(repository / "examples" / "train" / "qwen3_8b_hint_mmlu.yaml"))
    assert arm.cases_per_item == 1 and arm.items is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ("kl,labels_count=5000", "labels_count 5000: there are 20 labelled cases"),
        ("labels=scripted/oracle?follow=0", '0.0% of 20 labels are "changed"'),
    ],
)
def test_of_two_processes_one_says_what_is_wrong_with_the_labels(
    arm: str, said: str, tiny_llama: Path, tmp_path: Path
) -> None:
    launcher = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "introbench")
    command = ("train", "--model", f"hf/{tiny_llama}", "--arm", f"{arm},items=6", "--out", str(tmp_path / "out"))
    done = subprocess.run(
        [sys.executable, "-m", *launcher, *command],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100", "OMP_NUM_THREADS": "1"},
        timeout=250,
        check=False,
    )
    assert done.stderr.count("introbench: error:") == 1 and said in done.stderr
    assert "internal error" not in done.stderr
    assert "exitcode  : 2 " in done.stderr  # as the launcher reports it
    assert not (tmp_path / "out").exists()
