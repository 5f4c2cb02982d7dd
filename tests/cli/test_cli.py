"""The command line as a user meets it: outcomes, exit codes, one clear line for every wrong input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest


def introbench(*arguments: str | int | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "introbench", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80", **environment},
        timeout=250,
        check=False,
    )


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stored") / "run"
    done = introbench(
        "run", "--model", "scripted/oracle", "--reference", "scripted/oracle?seed=1", "--limit", 60, "--out", out
    )
    assert done.returncode == 0, done.stderr
    return out


def test_run_ends_with_a_table_of_80_columns_that_holds_every_headline(tmp_path: Path) -> None:
    done = introbench(
        "run",
        "--model",
        "scripted/oracle",
        "--reference",
        "scripted/liar?seed=1",
        "--limit",
        60,
        "--out",
        tmp_path / "r",
    )
    assert done.returncode == 0
    *table, where = done.stdout.splitlines()
    assert max(map(len, table)) <= 80
    assert where == f"{tmp_path / 'r' / 'summary.json'} holds every estimate."
    for word in ("Self", "best floor", "Ref", "gap", "d:", "n_D", "s_D", "o_D", "centred coupling"):
        assert word in done.stdout


def test_score_rebuilds_the_summary_byte_for_byte_without_torch(stored: Path, tmp_path: Path) -> None:
    before = (stored / "summary.json").read_bytes()
    (stored / "summary.json").unlink()
    (tmp_path / "torch.py").write_text("raise ImportError('this machine has no torch')")
    (tmp_path / "transformers.py").write_text("raise ImportError('this machine has no transformers')")
    done = introbench("score", stored, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (stored / "summary.json").read_bytes() == before


def test_score_json_prints_the_summary(stored: Path) -> None:
    done = introbench("score", stored, "--json")
    assert done.stdout.encode() == (stored / "summary.json").read_bytes()
    assert json.loads(done.stdout)["schema_version"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--model", "scripted/oracle", "--tasks", "hint_fact"], "did you mean 'hint_facts'"),
        (["run", "--model", "smolm2-135m-q4_1"], "did you mean 'smollm2-135m-q4_1'"),
        (["run", "--model", "scripted/orcle"], "did you mean 'oracle'"),
        (["run", "--model", "hf/./no/such/folder"], "no folder or GGUF file './no/such/folder'"),
        (["run", "--model", "scripted/oracle", "--limit", "0"], "--limit 0: must be 1 or more"),
        (["run", "--model", "scripted/oracle", "--tasks", ","], "--tasks: names no task"),
        (["run", "--model", "scripted/oracle", "--tasks", "aita,dilemmas,aita"], "--tasks: names aita twice"),
        (["run", "--tasks", "hint_facts"], "Missing option '--model'"),
        (["run", "--model", "scripted/oracle", "--no-such-option"], "No such option"),
        (["score", "no/such/run"], "no/such/run"),
        (["run", "--model", "scripted/oracle", "--tasks", "noisy:hint_facts?k=3"], "k=3 must be 0, 4 or 8"),
        (["show", "hint_facts", "--item", "none-such"], "no item 'none-such' in the split 'test'"),
    ],
)
def test_wrong_input_is_one_line_exit_code_2_and_nothing_written(
    arguments: Sequence[str], message: str, tmp_path: Path
) -> None:
    out = ["--out", str(tmp_path / "r")] if arguments[0] == "run" else []
    done = introbench(*arguments, *out)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert message in line
    assert not list(tmp_path.iterdir())


def test_run_without_out_says_so() -> None:
    done = introbench("run", "--model", "scripted/oracle")
    assert done.returncode == 2
    assert "--out DIR is missing" in done.stderr


@pytest.mark.parametrize("file", ["cases.jsonl", "hint_facts.jsonl"])
def test_a_full_disk_is_one_line_that_names_the_file_and_leaves_a_run_to_go_on_with(file: str, tmp_path: Path) -> None:
    command = ["run", "--model", "scripted/oracle", "--limit", "100", "--out"]
    whole = introbench(*command, tmp_path / "whole")
    assert whole.returncode == 0
    # A size limit on files is what a full disk is to a process: a write that is refused midway.
    # The ledger is the larger file: with room for exactly the cases, it is the ledger that does not fit.
    limit = (tmp_path / "whole" / "cases.jsonl").stat().st_size - (file == "cases.jsonl")
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));"
        "from introbench.cli.main import main; main()"
    )
    arguments = [sys.executable, "-c", code, *command, str(tmp_path / "r")]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 2
    assert file in done.stderr.splitlines()[-1]
    assert (tmp_path / "r").exists() == (file != "cases.jsonl")
    again = introbench(*command, tmp_path / "r")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "r" / "summary.json").read_bytes() == (tmp_path / "whole" / "summary.json").read_bytes()


def test_show_prints_prompts_and_token_ids_with_boundaries(tiny_llama: Path) -> None:
    plain = introbench("show", "hint_facts")
    assert plain.returncode == 0
    assert plain.stdout.count("explanation") == 4
    ids = introbench("show", "hint_facts", "--ids", "--model", f"hf/{tiny_llama}")
    assert ids.returncode == 0, ids.stderr
    assert "<|assistant|>" in ids.stdout
    assert "<|end|>" in ids.stdout


def test_plan_counts_and_writes_nothing(tiny_llama: Path, tmp_path: Path) -> None:
    done = introbench("plan", "--model", f"hf/{tiny_llama}", "--limit", 5, "--out", tmp_path / "r")
    assert done.returncode == 0, done.stderr
    assert "hint_facts" in done.stdout
    assert f" {(5 + 1) * 9} " in done.stdout  # one item in ten is asked twice
    dry = introbench("run", "--dry-run", "--model", f"hf/{tiny_llama}", "--limit", 5, "--out", tmp_path / "r")
    assert dry.stdout == done.stdout
    assert not list(tmp_path.iterdir())


def test_labels_of_a_run_can_be_frozen_without_what_is_held_out(stored: Path, tmp_path: Path) -> None:
    run, file = tmp_path / "run", tmp_path / "labels.json"
    introbench("run", "--model", "scripted/oracle", "--split", "train", "--limit", 60, "--out", run)
    done = introbench("labels", run, "--task", "hint_facts", "--out", file)
    assert done.returncode == 0, done.stderr
    labels = json.loads(file.read_text())["labels"]
    assert {label["verdict"] for label in labels} == {"changed", "unchanged"}
    assert not any(label["cue"].startswith(("crowd", "metadata")) for label in labels)
    assert f"{len(labels)} labels, {240 - len(labels)} held-out ones left out" in done.stdout
    whole = introbench("labels", run, "--task", "hint_facts", "--held-out", "--out", file)
    assert "240 labels, 0 held-out ones left out" in whole.stdout
    for arguments, message in (
        ([stored, "--task", "hint_facts"], "has no answered training case"),
        ([run, "--task", "hint_fact"], "no task 'hint_fact'"),
        ([run, "--task", "hint_facts", "--model", "other"], "no model 'other'"),
    ):
        wrong = introbench("labels", *arguments, "--out", tmp_path / "other.json")
        assert wrong.returncode == 2
        assert message in wrong.stderr
    assert not (tmp_path / "other.json").exists()


def test_help_and_version() -> None:
    assert introbench("--version").stdout.startswith("introbench ")
    done = introbench("--help")
    assert introbench().stdout == done.stdout
    for verb in ("run", "plan", "list", "show", "score", "labels", "export"):
        assert f"  {verb}" in done.stdout


def test_a_file_of_ones_own_is_asked_and_the_rows_that_are_left_out_stand_in_the_table(tmp_path: Path) -> None:
    rows = [f"Which letter is number {number}?;{number};x{number};y{number};B" for number in range(30)]
    (tmp_path / "mine.csv").write_text("\n".join(["q;one;two;three;k", *rows, "no key?;1;2;3;", "too;few"]) + "\n")
    own = ["--data", tmp_path / "mine.csv", "--columns", "question=q,choices=one|two|three,answer=k"]
    shown = introbench("show", "hint_mcq", *own)
    assert shown.returncode == 0, shown.stderr
    assert "hint_mcq?data=mine.csv/question-" in shown.stdout
    done = introbench("run", "--model", "scripted/oracle", "--tasks", "hint_mcq", *own, "--out", tmp_path / "r")
    assert done.returncode == 0, done.stderr
    table = " ".join(done.stdout.split())
    assert "30 items" in table
    assert "Left out: 1 2 fields where the header has 5, 1 no key." in table
    assert "mine.csv:32" in "".join(table.split())  # a long path is broken over lines
    (entry,) = json.loads((tmp_path / "r" / "manifest.json").read_text())["tasks"]
    assert sum(entry["skipped"].values()) == 2
    again = introbench("run", "--model", "scripted/oracle", "--tasks", "hint_mcq", *own, "--out", tmp_path / "r")
    assert again.returncode == 0, again.stderr
    wrong = introbench("run", "--model", "scripted/oracle", *own, "--out", tmp_path / "other")
    assert wrong.returncode == 2
    assert "taken by none of the tasks hint_facts" in wrong.stderr
    assert not (tmp_path / "other").exists()
