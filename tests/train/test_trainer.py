"""A training: the same loss whatever interrupts it, and an adapter that its base takes and no other does."""

from __future__ import annotations

import json
import math
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from peft import PeftModel
from safetensors import safe_open

from introbench.errors import DiskError, ModelError, RunDirectoryError, UsageError
from introbench.models.load import load_model, open_model
from introbench.models.spec import parse_spec
from introbench.scorer.probe import ScoringPath
from introbench.train.arm import resolve_arm
from introbench.train.beforehand import check_beforehand
from introbench.train.build import SetRequest, relabeller, stand_in_set, training_set
from introbench.train.config import EvaluationConfig, Hyperparameters, KlPositions, TrainConfig
from introbench.train.evaluate import Evaluator, adapted_spec
from introbench.train.first import FirstBehaviour
from introbench.train.output import OutputFolder, read_rows
from introbench.train.rows import TrainingSet
from introbench.train.sharding import refuse_uneven_passes
from introbench.train.trainer import train

CHOSEN = Hyperparameters(rank=4, alpha=8.0, learning_rate=3e-3, batch_tokens=1500, epochs=1.0, save_every=2, warmup=0.1)

PROGRAM = """
import json, os, sys
from pathlib import Path
import torch
print("one of", os.environ.get("WORLD_SIZE", "1"), flush=True)
from introbench.train.arm import resolve_arm
from introbench.train.beforehand import check_beforehand
from introbench.train.build import SetRequest
from introbench.train.config import Hyperparameters, TrainConfig
from introbench.train.processes import shared_training_set
from introbench.train.trainer import train
torch.set_num_threads(1)
model, folder, out, values = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), json.loads(sys.argv[4])
arm = resolve_arm("kl", {"items": 6, "allow_unbalanced": True})
values = {**values, "targets": tuple(values["targets"]), "evaluate_at": tuple(values["evaluate_at"])}
made = shared_training_set(SetRequest(model, ("hint_facts",), arm, folder))
train(TrainConfig(model, made, out, Hyperparameters(**values), evaluation=None))
"""


@pytest.fixture(scope="module")
def labels(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the labels of the tiny model have been measured."""
    folder = tmp_path_factory.mktemp("labels")
    prepared(tiny_llama, folder, folder / "none")
    return folder


def prepared(base: Path, labels: Path, out: Path, chosen: Hyperparameters = CHOSEN, **more: Any) -> TrainConfig:
    arm = resolve_arm("kl", {"items": 6, "allow_unbalanced": True})
    made = training_set(SetRequest(f"hf/{base}", ("hint_facts",), arm, labels))
    return TrainConfig(f"hf/{base}", made, out, chosen, **{"evaluation": None, **more})


def started(
    base: Path, labels: Path, out: Path, chosen: Hyperparameters = CHOSEN, *launcher: str
) -> subprocess.Popen[bytes]:
    """A training in a process of its own; what it says goes into a file beside the folder."""
    script = labels / "program.py"
    script.write_text(PROGRAM)
    command = [*(launcher or (sys.executable,)), str(script), f"hf/{base}", str(labels), str(out)]
    with out.with_name("said.txt").open("wb") as said:
        return subprocess.Popen(
            [*command, json.dumps(asdict(chosen))],
            stdout=said,
            stderr=said,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )


def finished(process: subprocess.Popen[bytes], out: Path) -> None:
    assert process.wait(280) == 0, out.with_name("said.txt").read_text()[-3000:]


def losses(out: Path) -> list[float]:
    rows = read_rows(out / "log.jsonl")
    assert [row["step"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["loss"] for row in rows]


@pytest.fixture(scope="module")
def undisturbed(tiny_llama: Path, labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    finished(started(tiny_llama, labels, out), out)
    return out


def test_a_training_learns_and_leaves_a_folder_that_its_base_takes(
    tiny_llama: Path, labels: Path, tmp_path: Path
) -> None:
    chosen = replace(CHOSEN, epochs=3.0, evaluate_at=(0, 3))
    config = prepared(tiny_llama, labels, tmp_path / "out", chosen, evaluation=EvaluationConfig(limit=3))
    outcome = train(config)
    log = read_rows(config.out / "log.jsonl")
    assert log[-1]["explanation"] < log[0]["explanation"] - 0.5
    assert abs(log[0]["keep"]) < 1e-5 < log[-1]["keep"]
    assert [row["step"] for row in outcome.trajectory] == [0, 3, outcome.steps]
    assert outcome.trajectory[0]["d"]["value"] == 0  # before the first step it is its base
    assert outcome.trajectory[0]["self"]["status"] == "too few"  # of three items
    names = {path.name for path in config.out.iterdir()} - {".lock"}
    assert names == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "arm.yaml",
        "chat_template.jinja",
        "evaluation",
        "log.jsonl",
        "steps",
        "tokenizer.json",
        "tokenizer_config.json",
        "training.json",
        "training_set.jsonl",
        "trajectory.jsonl",
    }
    record = json.loads((config.out / "training.json").read_text())
    assert record["complete"] and record["config"]["training_set"] == config.training_set.sha256
    assert "| 3 | hint_facts |" in (config.out / "README.md").read_text()
    assert load_model(str(adapted_spec(parse_spec(config.model), config.out))).facts.dtype == "float32"
    assert train(config) == outcome  # a complete training is not carried out again


@pytest.mark.slow
@pytest.mark.timeout(900)  # three processes, each of which imports everything
@pytest.mark.parametrize("after", [1, 2, 3, 5])
def test_killed_behind_any_step_it_ends_with_the_same_loss(
    after: int, tiny_llama: Path, labels: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = started(tiny_llama, labels, out)
    deadline = time.monotonic() + 200
    while len(read_rows(out / "log.jsonl")) < after and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    # What a kill in the middle of a write leaves: a checkpoint without all of its files.
    torn = out / "checkpoints" / "checkpoint-999"
    torn.mkdir(parents=True)
    (torn / "adapter_model.safetensors").write_bytes(b"torn")
    finished(started(tiny_llama, labels, out), out)
    assert losses(out) == pytest.approx(losses(undisturbed), abs=1e-6)
    files = ["adapter_model.safetensors", "adapter_config.json"]
    assert all((out / name).read_bytes() == (undisturbed / name).read_bytes() for name in files)


TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")
# With --cpu it would start several processes by mpirun only, and a single one where that is missing.
ACCELERATE = (
    "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--mixed_precision",
    "no", "--dynamo_backend", "no", "--main_process_port", "0",
)  # fmt: skip


FSDP = (ACCELERATE[0], "--use_fsdp", "--fsdp_version", "2", *ACCELERATE[2:])


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE, FSDP], ids=["torchrun", "accelerate", "fsdp"])
def test_two_processes_have_the_loss_of_one(
    launcher: tuple[str, ...], tiny_llama: Path, labels: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    launcher = (sys.executable, "-m", *launcher)
    # Passes of few tokens: every step has several, and not always an even number.
    finished(started(tiny_llama, labels, out, replace(CHOSEN, pack_tokens=400), *launcher), out)
    assert out.with_name("said.txt").read_text().count("one of 2") == 2
    assert losses(out) == pytest.approx(losses(undisturbed), abs=2e-5)
    if launcher[2:] == FSDP:
        with safe_open(tiny_llama / "model.safetensors", "pt") as weights:
            sizes = {name: weights.get_tensor(name).nbytes for name in weights.keys()}  # noqa: SIM118 (no mapping)
        layers = sum(size for name, size in sizes.items() if ".layers." in name)
        record = json.loads((out / "training.json").read_text())
        assert (record["shards"], record["held_bytes"]) == (2, sum(sizes.values()) - layers // 2)


@pytest.mark.parametrize(
    ("way", "positions", "said"),
    [("padded", "reply", "padded rows"), ("blocks", "reply", "head"), ("blocks", "choices", "")],
)
def test_weights_are_not_sharded_where_processes_would_wait_for_each_other(
    way: Literal["blocks", "padded"], positions: KlPositions, said: str
) -> None:
    path = ScoringPath(way, "chosen here", 0.0)
    with pytest.raises(ModelError, match=said) if said else nullcontext():
        refuse_uneven_passes("hf/some", path, FirstBehaviour(hidden=None), positions)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(
    tiny_llama: Path, labels: Path, tmp_path: Path
) -> None:
    chosen = replace(CHOSEN, learning_rate=1e25, warmup=0.9, save_every=1, max_grad_norm=1e30, steps=6)
    with pytest.raises(UsageError, match=r"step \d: the (loss|gradient).* on the batch of hint_facts/") as found:
        train(prepared(tiny_llama, labels, tmp_path / "out", chosen))
    assert "lower learning rate" in str(found.value)
    stopped = int(str(found.value).partition("step ")[2].partition(":")[0])
    # The checkpoint right before it holds the weights that failed: the one before that is named.
    good = Path(str(found.value).partition("; ")[2].partition(" is the last checkpoint")[0])
    assert good == tmp_path / "out" / "checkpoints" / f"checkpoint-{stopped - 2}"
    assert (good / "whole.json").is_file()
    followed = read_rows(tmp_path / "out" / "log.jsonl")[stopped - 2]
    assert followed["step"] == stopped - 1 and math.isfinite(followed["loss"])
    assert not (tmp_path / "out" / "adapter_model.safetensors").exists()


def test_a_folder_of_another_training_is_left_as_it_is(
    tiny_llama: Path, labels: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(RunDirectoryError, match=r"hyperparameters\.rank: 4; asked for: 8"):
        train(prepared(tiny_llama, labels, out, replace(CHOSEN, rank=8)))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(RunDirectoryError, match="holds no training"):
        train(prepared(tiny_llama, labels, tmp_path / "other"))
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_a_folder_of_another_training_is_refused_before_labels_are_measured(
    tiny_llama: Path, undisturbed: Path, tmp_path: Path
) -> None:
    def asked(task: str = "hint_facts", chosen: Hyperparameters = CHOSEN) -> TrainConfig:
        arm = resolve_arm("kl", {"items": 6, "allow_unbalanced": True})
        made = stand_in_set(SetRequest(f"hf/{tiny_llama}", (task,), arm, tmp_path / "labels"))
        return TrainConfig(f"hf/{tiny_llama}", made, undisturbed, chosen, evaluation=None)

    check_beforehand(asked())  # labels are not known, and the rest is the same
    for other, said in (
        (asked(chosen=replace(CHOSEN, alpha=3.0)), r"hyperparameters\.alpha: 8\.0; asked for: 3\.0"),
        (asked(task="dilemmas"), "tasks: hint_facts; asked for: dilemmas"),
    ):
        with pytest.raises(RunDirectoryError, match=said):
            check_beforehand(other)
    assert list(tmp_path.iterdir()) == []


def test_what_is_left_of_a_damaged_folder_is_named_and_kept(
    tiny_llama: Path, labels: Path, undisturbed: Path, tmp_path: Path
) -> None:
    for name, said in (
        ("adapter_model.safetensors", "is missing, though the training is complete"),
        ("log.jsonl", "is missing, though the training is complete"),
        ("training.json", "is damaged, so that nothing can go on from it"),
    ):
        out = tmp_path / name
        shutil.copytree(undisturbed, out)
        (out / name).write_bytes((out / name).read_bytes()[:100])
        if name != "training.json":
            (out / name).unlink()
        before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
        with pytest.raises(RunDirectoryError, match=f"{name}: {said}"):
            train(prepared(tiny_llama, labels, out))
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_checkpoints_that_a_kill_left_beside_a_complete_training_are_removed(
    tiny_llama: Path, labels: Path, undisturbed: Path, tmp_path: Path
) -> None:
    shutil.copytree(undisturbed, tmp_path / "out")
    (tmp_path / "out" / "checkpoints" / "checkpoint-2").mkdir(parents=True)
    train(prepared(tiny_llama, labels, tmp_path / "out"))
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_what_fails_before_the_first_step_leaves_no_training(
    tiny_llama: Path, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise RuntimeError("of some library")

    config = prepared(tiny_llama, labels, tmp_path / "out")
    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="of some library"):
        patched.setattr("introbench.train.trainer.PackedTrainer", failing)
        train(config)
    assert not config.out.exists()
    with pytest.raises(UsageError, match="rank 99999999999: memory does not hold the adapter"):
        train(replace(config, hyperparameters=replace(CHOSEN, rank=99_999_999_999)))
    assert not config.out.exists()


def test_a_training_of_a_version_with_fewer_hyperparameters_is_the_same_training(
    tiny_llama: Path, labels: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    record = json.loads((out / "training.json").read_text())
    del record["config"]["hyperparameters"]["content_weight"]
    (out / "training.json").write_text(json.dumps(record))
    assert train(prepared(tiny_llama, labels, out)).steps == len(losses(undisturbed))
    with pytest.raises(RunDirectoryError, match=r"hyperparameters\.content_weight: 1\.0; asked for: 2\.0"):
        train(prepared(tiny_llama, labels, out, replace(CHOSEN, content_weight=2.0)))


def test_an_adapter_is_refused_by_another_base_of_the_same_shape(
    tiny_llama: Path, undisturbed: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny_llama, other)
    import safetensors.torch

    weights = safetensors.torch.load_file(other / "model.safetensors")
    safetensors.torch.save_file(
        {name: tensor + 0.01 for name, tensor in weights.items()}, other / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(ModelError, match="the adapter was trained on"):
        load_model(f"hf/{other}+{undisturbed}")
    assert load_model(f"hf/{tiny_llama}+{undisturbed}").facts.path == "packed"


def test_an_adapter_is_refused_by_its_base_with_other_noise_than_it_was_trained_on(
    tiny_llama: Path, labels: Path, undisturbed: Path, tmp_path: Path
) -> None:
    noisy = "weight_noise=0.2&weight_noise_seed=3"
    config = prepared(tiny_llama, labels, tmp_path / "out", replace(CHOSEN, steps=1))
    train(replace(config, model=f"hf/{tiny_llama}?{noisy}"))
    for options in ("", "?weight_noise=0.1&weight_noise_seed=3", "?weight_noise=0.2"):
        with pytest.raises(ModelError, match=rf"with noise on its weights; add \?{noisy}"):
            open_model(parse_spec(f"hf/{tiny_llama}+{config.out}{options}"))
    # With it, the adapter stands on the very weights that it was trained on.
    found = load_model(f"hf/{tiny_llama}+{config.out}?{noisy}").hf_model
    base = load_model(f"hf/{tiny_llama}?{noisy}").hf_model
    expected = PeftModel.from_pretrained(base, str(config.out)).merge_and_unload().state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in found.state_dict().items())
    # Noise on the two together makes a copy of what was trained, and is taken.
    open_model(parse_spec(f"hf/{tiny_llama}+{undisturbed}?{noisy}"))


def test_a_model_with_an_adapter_is_trained_as_the_two_together(
    tiny_llama: Path, undisturbed: Path, tmp_path: Path
) -> None:
    base, out = f"{tiny_llama}+{undisturbed}", tmp_path / "out"
    arm = resolve_arm("kl", {"items": 6, "allow_unbalanced": True})
    made = training_set(SetRequest(f"hf/{base}", ("hint_facts",), arm, tmp_path / "labels"))
    trained = train(TrainConfig(f"hf/{base}", made, out, CHOSEN, evaluation=EvaluationConfig(limit=3)))
    first, *_, last = read_rows(out / "log.jsonl")
    assert abs(first["keep"]) < 1e-5 < last["keep"]  # M0 has the first adapter
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"].count("+") == 1
    assert trained.trajectory[-1]["reference"] == f"hf/{base}"
    together = f"hf/{base}+{out}"
    assert load_model(together).fingerprint.hex != load_model(f"hf/{base}").fingerprint.hex
    for other, message in (
        (f"hf/{tiny_llama}+{out}", r"was trained on .+\+.+, with the adapters that it names; write hf/.+\+"),
        (f"hf/{base}+{undisturbed}", "was trained on .+, with the adapters that it names"),
        (f"hf/{tiny_llama}+{out}+{undisturbed}", "with the adapters that it names"),
    ):
        with pytest.raises(ModelError, match=message):
            load_model(other)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kl_weight": -0.5}, "kl_weight -0.5: must be 0 or more"),
        ({"rank": 0}, "rank 0: must be 1 or more"),
        ({"learning_rate": float("nan")}, "learning_rate nan: must be more than 0"),
        ({"kl_direction": "sideways"}, "must be one of forward, reverse"),
        ({"warmup": 1.5}, "is a share of the steps"),
    ],
)
def test_hyperparameters_that_make_no_sense_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said.replace(".", r"\.")):
        replace(CHOSEN, **values)


def test_what_is_wrong_is_named_and_leaves_nothing(
    tiny_llama: Path, labels: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = prepared(tiny_llama, labels, tmp_path / "out")

    def with_evaluation(**values: Any) -> TrainConfig:
        return replace(config, evaluation=EvaluationConfig(limit=3, **values))

    for wrong, message in (
        (replace(config, hyperparameters=replace(CHOSEN, targets=("no_such",))), "targets no_such"),
        (replace(config, hyperparameters=replace(CHOSEN, evaluate_at=(99,))), r"evaluate_at 99: this training has \d"),
        (replace(config, model="scripted/oracle"), "cannot be trained"),
        (replace(config, model=f"hf/{tiny_llama}+{undisturbed}?quantised=4bit"), "cannot be trained upon"),
        (replace(config, relabel_every=3), "nothing is given that makes labels anew"),
        (with_evaluation(tasks=("hint_fact",)), "did you mean 'hint_facts'"),
        (with_evaluation(references=("hf/./absent",)), "no folder or GGUF file './absent'"),
    ):
        with pytest.raises(UsageError, match=message):
            train(wrong)
        assert not config.out.exists(), message
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="labels are made anew by one process only"):
        train(replace(config, relabel=lambda training, spec: training, relabel_every=3))
    assert not config.out.exists()


def test_what_is_made_from_a_step_is_made_from_weights_that_are_kept(
    tiny_llama: Path, labels: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = prepared(tiny_llama, labels, tmp_path / "out", replace(CHOSEN, save_every=50, evaluate_at=(3,)))
    config = replace(config, evaluation=EvaluationConfig(limit=3))
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Evaluator, "rows", interrupted)
        train(config)
    assert [path.name for path in (config.out / "checkpoints").glob("checkpoint-*")] == ["checkpoint-3"]
    seconds = [row["seconds"] for row in read_rows(config.out / "log.jsonl")]
    outcome = train(config)
    assert [row["step"] for row in outcome.trajectory] == [3, outcome.steps]
    rows = read_rows(config.out / "log.jsonl")
    assert [row["seconds"] for row in rows[:3]] == seconds  # no step was trained again
    assert losses(config.out) == pytest.approx(losses(undisturbed), abs=1e-6)


def test_a_training_that_ends_while_labels_are_due_goes_on_to_its_end(
    tiny_llama: Path, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def relabel(training: TrainingSet, spec: str) -> TrainingSet:
        asked.append(Path(spec).name)
        return training

    chosen = replace(CHOSEN, steps=4)
    config = prepared(tiny_llama, labels, tmp_path / "out", chosen, relabel=relabel, relabel_every=2)
    config = replace(config, evaluation=EvaluationConfig(limit=3))
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Evaluator, "rows", interrupted)
        train(config)
    assert train(config).steps == 4 and asked == ["step-2"]


def interrupted(*arguments: Any, **values: Any) -> list[dict[str, Any]]:
    raise KeyboardInterrupt


def test_steps_are_the_same_for_any_size_of_the_passes(tiny_llama: Path, labels: Path, tmp_path: Path) -> None:
    few, many = (
        train(prepared(tiny_llama, labels, tmp_path / str(tokens), replace(CHOSEN, pack_tokens=tokens)))
        for tokens in (300, 4000)
    )
    assert few.steps == many.steps
    assert losses(few.out) == pytest.approx(losses(many.out), abs=2e-5)


def test_fresh_labels_are_those_of_the_student_at_that_step_also_where_it_goes_on(
    tiny_llama: Path, labels: Path, tmp_path: Path
) -> None:
    asked: list[str] = []

    def relabel(training: TrainingSet, spec: str) -> TrainingSet:
        asked.append(spec)
        turned = {"changed": "unchanged", "unchanged": "changed", None: None}
        return replace(training, cases=tuple(replace(row, verdict=turned[row.verdict]) for row in training.cases))

    config = prepared(tiny_llama, labels, tmp_path / "out", relabel=relabel, relabel_every=3)
    found = train(config)
    assert [Path(spec.partition("+")[2]).name for spec in asked] == ["step-3"]
    frozen = train(prepared(tiny_llama, labels, tmp_path / "frozen"))
    assert losses(found.out)[:3] == losses(frozen.out)[:3]
    assert losses(found.out)[3] != losses(frozen.out)[3]
    assert OutputFolder(config.out).record.is_file() and train(config) == found  # it is done
    (row,) = read_rows(config.out / "relabelled.jsonl")
    assert row["step"] == 3 and row["training_set"] not in ("", config.training_set.sha256)
    assert f"behind step 3: {row['change_rate']:.1%}" in (config.out / "README.md").read_text()
    with pytest.raises(UsageError, match="of other cases"):
        other = replace(config, out=tmp_path / "other", relabel=lambda made, _: replace(made, cases=made.cases[1:]))
        train(other)


def test_fresh_labels_can_be_begun_anew_in_a_folder_that_was_removed(tiny_llama: Path, tmp_path: Path) -> None:
    arm = resolve_arm("fresh=2", {"items": 6, "allow_unbalanced": True})
    request = SetRequest(f"hf/{tiny_llama}", ("hint_facts",), arm, tmp_path / "labels")
    made, relabel = training_set(request), relabeller(request)
    out = tmp_path / "out"
    for rate in (3e-3, 1e-3):  # other weights at the same path
        chosen = replace(CHOSEN, steps=3, learning_rate=rate)
        config = TrainConfig(f"hf/{tiny_llama}", made, out, chosen, evaluation=None, relabel=relabel, relabel_every=2)
        assert train(config).steps == 3 and [row["step"] for row in read_rows(out / "relabelled.jsonl")] == [2]
        shutil.rmtree(out)
    assert len(list((tmp_path / "labels").glob("*step-2-*"))) == 2


def test_ended_while_it_is_being_set_up_it_begins_again(
    tiny_llama: Path, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = prepared(tiny_llama, labels, tmp_path / "out", replace(CHOSEN, steps=1))

    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("introbench.train.trainer.measure_first", "introbench.train.trainer.OutputFolder.write_record"):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(name, ended)
            train(config)
        assert not (config.out / "log.jsonl").exists()
    assert train(config).steps == 1


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file of this process grows beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_refuses_a_checkpoint_is_named_and_the_same_call_goes_on(
    tiny_llama: Path, labels: Path, undisturbed: Path, tmp_path: Path
) -> None:
    config = prepared(tiny_llama, labels, tmp_path / "out")
    # As on a disk that is full, writing behind this size fails: of the optimiser's state, then of the adapter itself.
    for size in (25_000, 12_000):
        with file_size_limit(size), pytest.raises(DiskError, match="checkpoint-2: the disk refused") as found:
            train(config)
        assert "\n" not in str(found.value) and "run the same command again" in str(found.value)
        assert not (config.out / "checkpoints" / "checkpoint-2" / "whole.json").exists()
        assert losses(config.out) == losses(undisturbed)[:2]
    train(config)
    assert losses(config.out) == pytest.approx(losses(undisturbed), abs=1e-6)


def test_a_torn_line_of_a_log_is_not_read(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.log.write_text('{"step": 1}\n{"step": 2}\n{"st')
    assert read_rows(folder.log) == [{"step": 1}, {"step": 2}]
    folder.cut_back(1)
    assert folder.log.read_text() == '{"step": 1}\n'
