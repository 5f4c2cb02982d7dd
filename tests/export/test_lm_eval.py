"""The bridge to lm-eval: lm-eval itself runs what is exported and gets the numbers of our own ledger."""

from __future__ import annotations

import copy
import importlib.util
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from introbench.errors import UsageError
from introbench.export.lm_eval import export_lm_eval, task_name
from introbench.metrics.summary import summarise
from introbench.models.load import open_model
from introbench.models.spec import parse_spec
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.ledger import read_ledger
from introbench.runs.plan import make_plan

needs_lm_eval = pytest.mark.skipif(importlib.util.find_spec("lm_eval") is None, reason="lm-eval is not installed")

CLOSE = 1e-4
FORMS = ("as it is", "line break", "no system turn", "plain")
"""Of chat templates. With a line break behind the prompt, as many have it, lm-eval moves that into the reply."""


def model_folder(tiny_llama: Path, byte_tokenizer: Any, folder: Path, form: str) -> Path:
    """The tiny model with a chat template of another form, or with none."""
    shutil.copytree(tiny_llama, folder)
    tokenizer = copy.deepcopy(byte_tokenizer)
    begins = "<|assistant|>\n" if form == "line break" else "<|assistant|>"
    turns = "{% for m in messages %}"
    if form == "no system turn":
        turns += "{% if m['role'] == 'system' %}{{ raise_exception('no system turn') }}{% endif %}"
    turn = "<|{{ m['role'] }}|>" + ("\n" if form == "line break" else "") + "{{ m['content'] }}<|end|>"
    template = f"{turns}{turn}{{% endfor %}}{{% if add_generation_prompt %}}{begins}{{% endif %}}"
    tokenizer.chat_template = None if form == "plain" else template
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    tokenizer.save_pretrained(folder)
    return folder


def our_numbers(run: Path) -> dict[tuple[str, str], list[float]]:
    """By case and part, the log-probabilities of the ledger."""
    answers = {row["ask"]: row["logprobs"] for file in (run / "records").rglob("*.jsonl") for row in read_ledger(file)}
    cases = [json.loads(line) for line in (run / "cases.jsonl").read_text().splitlines()]
    return {(case["id"], part): answers[ask] for case in cases for part, ask in case["asks"].items()}


def evaluate(model: Any, folder: Path, names: list[str], *, chat: bool) -> tuple[Any, dict[str, Any]]:
    """lm-eval's own results and its task objects."""
    from lm_eval.evaluator import evaluate as run_tasks
    from lm_eval.tasks import TaskManager

    loaded = TaskManager(include_path=str(folder), include_defaults=False).load(names)
    return run_tasks(lm=model, task_dict=loaded, apply_chat_template=chat, log_samples=True), loaded["tasks"]


@needs_lm_eval
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", FORMS)
def test_lm_eval_gets_the_numbers_of_our_ledger(
    tiny_llama: Path, byte_tokenizer: Any, tmp_path: Path, form: str
) -> None:
    from lm_eval.models.huggingface import HFLM

    folder = model_folder(tiny_llama, byte_tokenizer, tmp_path / "model", form)
    tasks = ["hint_facts", "hint_facts?k=4", "hint_facts?behaviour=letter"]
    config, variants = resolve_config(f"hf/{folder}", tasks=tasks, limit=4, aa_share=0)
    execute(config, variants, tmp_path / "run")
    names = export_lm_eval(make_plan(config, variants), tmp_path / "tasks")
    assert names == [task_name(task) for task in tasks]

    model = HFLM(pretrained=str(folder), device="cpu", batch_size=3)
    results, loaded = evaluate(model, tmp_path / "tasks", names, chat=form != "plain")
    ours, compared = our_numbers(tmp_path / "run"), 0
    for name in names:
        for sample in results["samples"][name]:
            theirs = loaded[name].log_probabilities(sample["doc"], sample["filtered_resps"])
            for part, values in theirs.items():
                assert values == pytest.approx(ours[sample["doc"]["id"], part], abs=CLOSE)
                compared += len(values)
    plan = make_plan(config, variants)
    assert compared == sum(len(case.item.choices) * 4 for task in plan.tasks for case in task.cases)

    for name, task in zip(names, summarise(tmp_path / "run").tasks, strict=True):
        (emitter,) = task.emitters
        expected = {
            "exact_match": emitter.self_scores.exact_match,
            "youden_j": emitter.self_scores.youden_j,
            "says_changed": emitter.saying.changed_rate,
            "change_rate": emitter.behaviour.change_rate,
            "placebo_change_rate": emitter.behaviour.placebo_change_rate,
            "cue_following": emitter.behaviour.cue_following,
            "accuracy_uncued": emitter.behaviour.accuracy_uncued,
            "accuracy_cued": emitter.behaviour.accuracy_cued,
        }
        for metric, estimate in expected.items():
            found = results["results"][name][f"{metric},none"]
            assert math.isnan(found) if estimate.value is None else found == pytest.approx(estimate.value, abs=1e-6)
            assert results["results"][name][f"{metric}_stderr,none"] == "N/A"


@needs_lm_eval
@pytest.mark.slow
@pytest.mark.model
@pytest.mark.filterwarnings("ignore")
def test_a_real_tokenizer_with_merges_gives_the_same_numbers(tmp_path: Path) -> None:
    from lm_eval.models.huggingface import HFLM

    spec = "smollm2-135m-q4_1"
    config, variants = resolve_config(spec, tasks=["hint_facts"], limit=1, aa_share=0)
    execute(config, variants, tmp_path / "run")
    names = export_lm_eval(make_plan(config, variants), tmp_path / "tasks")
    head: Any = open_model(parse_spec(spec)).load()
    model = HFLM(pretrained=head.hf_model, tokenizer=head.tokenizer, backend="causal", batch_size=4)
    results, loaded = evaluate(model, tmp_path / "tasks", names, chat=True)
    ours = our_numbers(tmp_path / "run")
    for sample in results["samples"][names[0]]:
        theirs = loaded[names[0]].log_probabilities(sample["doc"], sample["filtered_resps"])
        for part, values in theirs.items():
            assert values == pytest.approx(ours[sample["doc"]["id"], part], abs=CLOSE)


@needs_lm_eval
@pytest.mark.slow
def test_the_command_of_lm_eval_runs_the_exported_folder(tiny_llama: Path, tmp_path: Path) -> None:
    written = introbench("export", "lm-eval", "--out", tmp_path / "tasks", "--tasks", "hint_facts", "--limit", "2")
    assert written.returncode == 0, written.stderr
    assert "introbench_hint_facts: 8 cases of 2 items" in written.stdout
    command = ["-m", "lm_eval", "run", "--include_path", str(tmp_path / "tasks"), "--tasks", "introbench"]
    command += [
        "--apply_chat_template",
        "--model",
        "hf",
        "--model_args",
        f"pretrained={tiny_llama}",
        "--device",
        "cpu",
        "--batch_size",
        "4",
    ]
    done = subprocess.run(
        [sys.executable, *command, "--output_path", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "introbench_hint_facts" in done.stdout and "exact_match" in done.stdout
    assert list((tmp_path / "out").rglob("*.json"))


def introbench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "introbench", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_the_exported_folder_holds_a_class_and_per_task_its_cases(tmp_path: Path) -> None:
    plan = make_plan(*resolve_config("scripted/oracle", tasks=["hint_facts", "jabberwocky"], limit=3))
    names = export_lm_eval(plan, tmp_path / "tasks")
    assert sorted(path.name for path in (tmp_path / "tasks").iterdir()) == sorted(
        ["introbench_cases.py", *(f"{name}.{form}" for name in names for form in ("yaml", "jsonl"))]
    )
    for name, task in zip(names, plan.tasks, strict=True):
        rows = [json.loads(line) for line in (tmp_path / "tasks" / f"{name}.jsonl").read_text().splitlines()]
        assert [row["id"] for row in rows] == [case.id for case in task.cases]
        for row, case in zip(rows, task.cases, strict=True):
            assert row["messages"]["cued"][-1]["content"] == case.cued.messages[-1].content
            assert len(row["choices"]["explanation"]) == 2 * len(row["choices"]["uncued"])
    before = {path.name: path.read_bytes() for path in (tmp_path / "tasks").iterdir()}
    export_lm_eval(plan, tmp_path / "tasks")
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "tasks").iterdir()}


@pytest.mark.parametrize("task", ["refusal", "refusal?behaviour=judged"])
def test_behaviour_that_lm_eval_does_not_read_is_refused_and_nothing_is_written(task: str, tmp_path: Path) -> None:
    plan = make_plan(*resolve_config("scripted/oracle", tasks=["hint_facts", task], limit=1))
    with pytest.raises(UsageError, match=r"refusal.*cannot be exported: .* leave refusal out of --tasks"):
        export_lm_eval(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    plan = make_plan(*resolve_config("scripted/oracle", tasks=["hint_facts"], limit=1))
    with pytest.raises(UsageError, match=r"holds other files \(mine.txt\)"):
        export_lm_eval(plan, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    done = introbench("export", "lm-eval", "--out", tmp_path, "--limit", "1")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
