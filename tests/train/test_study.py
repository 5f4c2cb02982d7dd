"""Studies: units follow from the file, are carried out and resumed, and the page says what is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from introbench.errors import DiskError, FolderInUseError, SpecError, TaskError, UsageError
from introbench.metrics.intervals import Estimate
from introbench.models.types import Fingerprint
from introbench.report.sentences import number
from introbench.runs.config import resolve_config
from introbench.runs.directory import RunDirectory
from introbench.runs.execute import Progress
from introbench.runs.plan import make_plan
from introbench.train.arm import resolve_arm
from introbench.train.rows import TrainingSet
from introbench.train.study.across import Across, kept_across, units_in_matrix
from introbench.train.study.check import check_study
from introbench.train.study.config import Study, Unit, read_study, units_of
from introbench.train.study.page import study_page
from introbench.train.study.results import LARGEST, Cost, UnitResult, read_results
from introbench.train.study.runner import chosen_units, plan_study, run_units, unfinished
from introbench.train.study.task_tables import detectable_gap, task_section
from introbench.train.study.unit import name_of_origin, run_unit, unit_folder
from introbench.train.trainer import open_base

NOTHING = Across(matrix=None, contrasts=())

SETTINGS = {
    "items": 16,
    "hints": 2,
    "steps": 3,
    "rank": 4,
    "batch_tokens": 3000,
    "save_every": 1,
    "allow_unbalanced": True,
}


def written(folder: Path, **changes: Any) -> Path:
    study = {
        "name": "small",
        "summary": "Whether a study can be carried out at all.",
        "student": "hf/nowhere",
        "tasks": ["hint_facts"],
        "arms": ["kl", "no_kl", "noise=0.2"],
        "seeds": [0, 1],
        "settings": SETTINGS,
        "evaluation": {"limit": 12, "along_the_way": 6},
        "written_down": {"tests": ["kl against no_kl"]},
        **changes,
    }
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(study, sort_keys=False))
    return path


def introbench(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "introbench", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"},
        timeout=280,
        cwd=cwd,
        check=False,
    )


def test_units_are_every_seed_of_every_arm_in_order(tmp_path: Path) -> None:
    arms = ["kl", {"arm": "noise=0.2", "seeds": [5]}, {"arm": "kl", "tasks": ["dilemmas"], "settings": {"rank": 8}}]
    units = units_of(read_study(written(tmp_path, arms=arms)))
    assert [unit.id for unit in units] == ["kl-s0", "kl-s1", "noise-0.2-s5", "kl-on-dilemmas-s0", "kl-on-dilemmas-s1"]
    assert [unit.arm.train.seed for unit in units] == [0, 1, 5, 0, 1]
    assert [unit.arm.train.rank for unit in units] == [4, 4, 4, 8, 8]
    assert {unit.test for unit in units} == {("hint_facts",)}
    assert len({unit.hash for unit in units}) == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": ["kll"]}, "did you mean 'kl'"),
        ({"arms": []}, "arms"),
        ({"arms": ["kl", "kl"]}, "two units are called kl-s0"),
        ({"tasks": ["hint_facts", "hint_facts"]}, "names the task hint_facts twice"),
        ({"seeds": []}, "seeds"),
        ({"settings": {"rnak": 3}}, "did you mean 'rank'"),
        ({"settings": {"kl_weight": -1}}, "kl_weight -1: must be 0 or more"),
        ({"unheard": 1}, "unheard"),
        ({"evaluation": {"limit": 0}}, "evaluation.limit"),
    ],
)
def test_a_study_that_cannot_be_meant_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as found:
        read_study(written(tmp_path, **changes))
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", ["embedded", "prereg", "warm"])
def test_the_studies_that_come_along_can_be_meant(repository: Path, name: str) -> None:
    units = units_of(read_study(repository / "studies" / f"{name}.yaml"))
    first = [(unit.arm.name, unit.seed) for unit in units[:9]]
    seeds = units[0].study.seeds
    assert first == [(arm, seed) for arm in ("kl", "no_kl", "shuffled") for seed in seeds]
    # The arms that are compared differ in what their names say, and in nothing else.
    one, other = (unit.arm.train.as_json() for unit in (units[0], units[3]))
    assert {key for key in one if one[key] != other[key]} == {"kl_weight"}
    assert [unit.id for unit in units_in_matrix(units[0].study)] == [unit.id for unit in units[:9]]


@pytest.mark.model
def test_the_warm_up_that_comes_along_is_of_the_embedded_model(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    study = read_study(Path("studies/warm.yaml"))
    _, head = open_base(study.student, "bfloat16")
    results = read_results(Path("studies/results/warm"), units_of(study))
    assert results["kl-s31"].student_parts["adapter"] == head.fingerprint.parts["adapter"]
    arm = resolve_arm("studies/warm_up.yaml")
    kept = resolve_arm("studies/adapters/warm_up/arm.yaml").model_copy(update={"name": arm.name})
    assert kept.identity == arm.identity


def test_items_on_which_a_regime_was_chosen_are_passed_over(tmp_path: Path) -> None:
    def items(**asked: int) -> list[str]:
        config, variants = resolve_config("scripted/oracle", tasks=["hint_facts"], **asked)  # type: ignore[arg-type]
        return list(dict.fromkeys(case.item.id for case in make_plan(config, variants).tasks[0].cases))

    assert items(limit=30) == items(limit=10) + items(limit=20, skip=10)
    assert set(items(skip=30)).isdisjoint(items(limit=30))
    plain, _ = resolve_config("scripted/oracle", tasks=["hint_facts"])
    assert "skip" not in plain.as_json()
    with pytest.raises(TaskError, match="all of them passed over"):
        items(skip=10**6)


def test_items_are_passed_over_by_task_and_a_number_for_all_tasks_is_one_of_each(tmp_path: Path) -> None:
    arms = ["kl", {"arm": "kl", "name": "both", "test": ["dilemmas", "hint_facts?k=4"]}]

    def units(skip: Any) -> list[Unit]:
        return units_of(read_study(written(tmp_path, arms=arms, seeds=[0], evaluation={"limit": 2, "skip": skip})))

    (alone, both), (usual, usual_both) = units({"hint_facts": 30}), units(30)
    assert alone.hash == usual.hash and both.hash != usual_both.hash
    assert both.evaluation.skip == {"dilemmas": 0, "hint_facts": 30} and usual_both.evaluation.skip == 30
    asked = [
        resolve_config("scripted/oracle", tasks=both.test, limit=2, skip=skip) for skip in (both.evaluation.skip, 0, 30)
    ]
    assert [config.as_json().get("skip") for config, _ in asked] == [{"dilemmas": 0, "hint_facts": 30}, None, 30]
    each, first, behind = ([{case.item.id for case in task.cases} for task in make_plan(*one).tasks] for one in asked)
    assert each == [first[0], behind[1]] != [behind[0], first[1]]
    with pytest.raises(UsageError, match=r"evaluation\.skip: no unit is run on 'aita'; there are dilemmas, hint_facts"):
        units({"aita": 3})
    with pytest.raises(UsageError, match="skip: 'aita' is none of the tasks that are asked: hint_facts"):
        resolve_config("scripted/oracle", skip={"aita": 3})
    noisy = {"arm": "kl", "test": ["noisy:hint_facts?rate=0.2", "dilemmas"]}
    (unit,) = units_of(read_study(written(tmp_path, arms=[noisy], seeds=[0], evaluation={"skip": {"hint_facts": 30}})))
    assert unit.evaluation.skip == {"hint_facts": 30, "dilemmas": 0}
    with pytest.raises(UsageError, match="name them in place of 'all'"):
        read_study(written(tmp_path, arms=["kl"], test=["all"], evaluation={"skip": {"hint_facts": 30}}))


def test_units_are_chosen_by_name(tmp_path: Path) -> None:
    study = read_study(written(tmp_path))
    assert [unit.id for unit in chosen_units(study, ["*-s1"])] == ["kl-s1", "no_kl-s1", "noise-0.2-s1"]
    assert len(chosen_units(study, [])) == 6
    with pytest.raises(UsageError, match="--unit kl-s9: fits none of kl-s0"):
        chosen_units(study, ["kl-s9"])


@pytest.mark.parametrize(
    ("changes", "out", "message"),
    [
        ({"student": "hf/./nowhere"}, "out", "no folder or GGUF file './nowhere'"),
        ({"student": "scripted/oracle"}, "out", "cannot be trained"),
        ({"tasks": ["hint_fact"]}, "out", "hint_fact"),
        ({"test": ["hint_fact"]}, "out", "hint_fact"),
        ({"arms": ["kl", {"arm": "no_kl", "test": ["hint_fact"]}]}, "out", "hint_fact"),
        ({"evaluation": {"references": ["other=scripted/oracel"]}}, "out", "oracel"),
        ({"evaluation": {"references": ["hf/./gone"]}}, "out", "no folder or GGUF file './gone'"),
        ({"evaluation": {"skip": 10**6}}, "out", "all of them passed over"),
        ({}, "o+t", "'+' cannot stand in the path of an adapter"),
        ({}, "small.yaml", "small.yaml: is a file; name a folder"),
    ],
)
def test_what_is_wrong_with_a_whole_study_is_found_before_its_first_unit(
    tiny_llama: Path, tmp_path: Path, changes: dict[str, Any], out: str, message: str
) -> None:
    study = read_study(written(tmp_path, **{"student": f"hf/{tiny_llama}", **changes}))
    with pytest.raises(UsageError, match=re.escape(message)) as found:
        check_study(units_of(study), tmp_path / out, tmp_path / "results")
    assert "\n" not in str(found.value)
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_a_wrong_study_is_no_failure_of_its_units(tmp_path: Path) -> None:
    path = written(tmp_path, student="hf/./nowhere")
    done = introbench("study", "run", path, "--out", tmp_path / "out", "--offline")
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "hf/./nowhere" in line
    assert [file.name for file in tmp_path.iterdir()] == ["small.yaml"]


def test_labels_that_cannot_be_had_fail_their_unit_and_no_other(tiny_llama: Path, tmp_path: Path) -> None:
    arms = [{"arm": "labels=hf/./gone", "name": "gone"}, "kl"]
    study = read_study(written(tmp_path, student=f"hf/{tiny_llama}", arms=arms, seeds=[0]))
    units, results = units_of(study), tmp_path / "results"
    check_study(units, tmp_path / "out", results)

    def carry_out(unit: Unit) -> UnitResult:
        return run_unit(unit, tmp_path / "out") if unit.id == "gone-s0" else result_of(unit)

    assert [(unit.id, found.status) for unit, found in run_units(units, results, carry_out)] == [
        ("gone-s0", "failed"),
        ("kl-s0", "done"),
    ]
    assert unfinished(units, results) == units[:1]


def result_of(unit: Unit, seconds: float = 60.0) -> UnitResult:
    cost = {
        "label_seconds": 0,
        "training_seconds": seconds,
        "evaluation_seconds": 0,
        "step_seconds": 1,
        "steps": 1,
        "training_tokens": 9,
    }
    return UnitResult.model_validate(
        {
            "study": "small",
            "unit": unit.id,
            "unit_hash": unit.hash,
            "arm": {},
            "seed": unit.seed,
            "student": "x",
            "status": "done",
            "cost": cost,
        }
    )


def test_the_plan_knows_what_is_done_and_expects_of_others_what_their_own_arm_took(tmp_path: Path) -> None:
    study, results = read_study(written(tmp_path)), tmp_path / "results"
    assert {each.expected for each in plan_study(study, results)} == {None}
    units = units_of(study)
    result_of(units[0], 100).write(results)
    result_of(units[2], 200).write(results)
    (tmp_path / "out" / "units" / units[1].id).mkdir(parents=True)
    planned = {each.unit.id: each for each in plan_study(study, results, tmp_path / "out")}
    assert [each.state for each in planned.values()] == ["done", "begun", "done", "pending", "pending", "pending"]
    assert [each.expected for each in planned.values()] == [None, 100, None, 200, 150, 150]


def test_one_arm_with_other_settings_is_expected_to_take_another_time(tmp_path: Path) -> None:
    arms = [
        "kl",
        {"arm": "kl", "name": "long", "settings": {"steps": 9}},
        {"arm": "kl", "name": "far", "tasks": ["dilemmas"]},
    ]
    study, results = read_study(written(tmp_path, arms=arms)), tmp_path / "results"
    units = units_of(study)
    for unit, seconds in ((units[0], 100), (units[2], 900)):
        result_of(unit, seconds).write(results)
    assert [each.expected for each in plan_study(study, results)] == [None, 100, None, 900, 500, 500]


@pytest.mark.slow
def test_an_estimate_is_of_the_settings_of_its_units(tiny_llama: Path, tmp_path: Path) -> None:
    arms = ["kl", {"arm": "kl", "name": "long", "settings": {"steps": 30_000}}]
    path = written(tmp_path, student=f"hf/{tiny_llama}", arms=arms, settings={**SETTINGS, "targets": "q_proj"})
    done = introbench("study", "plan", path, "--estimate")
    assert done.returncode == 0, done.stderr
    expected = {line.split()[0]: float(line.split()[3]) for line in done.stdout.splitlines() if " pending " in line}
    assert expected["kl-s0"] == expected["kl-s1"] < expected["long-s0"] == expected["long-s1"]


def test_a_result_of_another_unit_or_of_no_unit_is_refused(tmp_path: Path) -> None:
    study, results = read_study(written(tmp_path)), tmp_path / "results"
    result_of(units_of(study)[0]).write(results)
    other = read_study(written(tmp_path, settings={**SETTINGS, "rank": 5}))
    with pytest.raises(UsageError, match="the unit has changed since it ran"):
        read_results(results, units_of(other))
    (results / "kl-s0.json").write_text("{}")
    with pytest.raises(UsageError, match="no result of a unit"):
        read_results(results, units_of(study))


def test_results_of_two_students_are_not_put_on_one_page(tmp_path: Path) -> None:
    path = written(tmp_path)
    (first, second, third, *_), results = units_of(read_study(path)), tmp_path / "results" / "small"
    parts = {"weights": "aa", "tokenizer": "cc", "dtype": "float32", "engine": "torch 1"}
    elsewhere = {**parts, "dtype": "bfloat16", "engine": "torch 2"}
    for unit, known in ((first, {}), (second, parts), (third, elsewhere)):
        result_of(unit).model_copy(update={"student_parts": known}).write(results)
    assert list(read_results(results, [first, second, third])) == [first.id, second.id, third.id]
    result_of(third).model_copy(update={"student_parts": {**parts, "weights": "bb"}}).write(results)
    done = introbench("study", "report", path, "--page", tmp_path / "page.md")
    assert done.returncode == 2 and not (tmp_path / "page.md").exists()
    (line,) = done.stderr.splitlines()
    assert f"{third.id}.json: another student than that of {second.id} (other weights)" in line


def test_a_study_does_not_go_on_with_another_student_at_the_same_path(tiny_llama: Path, tmp_path: Path) -> None:
    student = tmp_path / "student"
    shutil.copytree(tiny_llama, student)
    arms = ["kl", {"arm": "no_kl", "settings": {"dtype": "bfloat16"}}]
    study = read_study(written(tmp_path, student=f"hf/{student}", arms=arms, seeds=[0]))
    (kl, no_kl), results = units_of(study), tmp_path / "results"
    parts = dict(open_base(study.student, None)[1].fingerprint.parts)
    result_of(kl).model_copy(update={"student_parts": parts}).write(results)
    check_study([no_kl], tmp_path / "out", results)
    weights = student / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    with pytest.raises(UsageError, match=r"kl-s0\.json: ran on another student than .* is now \(other weights\)"):
        check_study([no_kl], tmp_path / "out", results)
    result_of(kl).write(results)  # as older versions did, which did not keep what the student was
    check_study([no_kl], tmp_path / "out", results)


def test_a_result_too_large_to_be_committed_is_refused(tmp_path: Path) -> None:
    unit = units_of(read_study(written(tmp_path)))[0]
    large = result_of(unit).model_copy(update={"error": "x" * LARGEST})
    with pytest.raises(UsageError, match="evaluate at fewer steps"):
        large.write(tmp_path)
    assert not (tmp_path / "kl-s0.json").exists()


def test_a_unit_that_cannot_be_carried_out_is_written_down_and_tried_again(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, seeds=[0]))
    tried: list[str] = []

    def carry_out(unit: Unit) -> UnitResult:
        tried.append(unit.id)
        if unit.id == "kl-s0" and tried.count("kl-s0") == 1:
            raise SpecError("no such thing")
        return result_of(unit)

    found = list(run_units(units_of(study), tmp_path / "results", carry_out))
    assert [result.status for _, result in found] == ["failed", "done", "done"]
    page = study_page(
        study, plan_study(study, tmp_path / "results"), {u.id: r for u, r in found}, NOTHING, "small.yaml"
    )
    assert "1 of 3 units could not be carried out: kl-s0" in page and "kl-s0: no such thing" in page
    assert [unit.id for unit, _ in run_units(units_of(study), tmp_path / "results", carry_out)] == ["kl-s0"]
    assert tried == ["kl-s0", "no_kl-s0", "noise-0.2-s0", "kl-s0"]


def test_a_full_disk_is_no_finding_about_a_unit(tmp_path: Path) -> None:
    units, results = units_of(read_study(written(tmp_path, seeds=[0]))), tmp_path / "results"

    def carry_out(unit: Unit) -> UnitResult:
        if unit.id == "no_kl-s0":
            raise DiskError("out: No space left on device")
        return result_of(unit)

    with pytest.raises(DiskError, match="No space left"):
        list(run_units(units, results, carry_out))
    assert [file.name for file in results.iterdir()] == ["kl-s0.json"]


def test_a_result_too_large_to_be_committed_fails_its_unit_and_no_other(tmp_path: Path) -> None:
    units, results = units_of(read_study(written(tmp_path, seeds=[0]))), tmp_path / "results"

    def carry_out(unit: Unit) -> UnitResult:
        return result_of(unit).model_copy(update={"git": {"x": "x" * LARGEST} if unit.id == "kl-s0" else None})

    for tried in (["kl-s0", "no_kl-s0", "noise-0.2-s0"], ["kl-s0"]):
        assert [unit.id for unit, _ in run_units(units, results, carry_out)] == tried
        kept = read_results(results, units)
        assert [result.status for result in kept.values()] == ["failed", "done", "done"]
        assert "evaluate at fewer steps" in kept["kl-s0"].error


def test_the_page_says_which_units_are_run_on_or_explain_other_tasks(tmp_path: Path) -> None:
    def fixed(arms: list[Any]) -> list[str]:
        study = read_study(written(tmp_path, arms=arms, seeds=[0]))
        return study_page(study, plan_study(study, tmp_path), {}, NOTHING, "small.yaml").splitlines()

    both = {"test": ["hint_facts", "dilemmas"]}
    page = fixed(["kl", {"arm": "no_kl", **both}, {"arm": "shuffled", **both}, {"arm": "kl", "tasks": ["dilemmas"]}])
    assert "- units are run on 12 held-out items of hint_facts, cases of seed 0" in page
    assert "- run likewise on hint_facts, dilemmas instead: no_kl-s0, shuffled-s0" in page
    assert "- explained in training by kl-on-dilemmas-s0: dilemmas" in page
    assert "- every unit is run on 12 held-out items of hint_facts, cases of seed 0" in fixed(["kl", "no_kl"])


def test_a_unit_waits_for_labels_that_another_one_is_measuring(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = read_study(written(tmp_path, student=f"hf/{tiny_llama}", arms=["kl"], seeds=[0]))
    folder, seen = tmp_path / "labels", list[str]()
    held = RunDirectory(folder)
    monkeypatch.setattr("introbench.train.study.unit._PATIENCE", 0.0)
    with ExitStack() as other:
        other.enter_context(held.locked())

        def measure(request: Any, by: Any) -> TrainingSet:
            with held.locked():
                raise UsageError("now it is free")

        def on_progress(progress: Progress) -> None:
            seen.append(progress.step)
            if len(seen) == 3:
                other.close()

        monkeypatch.setattr("introbench.train.study.unit.training_set", measure)
        with pytest.raises(UsageError, match="now it is free"):
            run_unit(units_of(study)[0], tmp_path / "out", on_progress)
    assert seen == ["waiting"] * 3


def test_what_a_unit_takes_is_written_down_while_it_works(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = read_study(written(tmp_path, student=f"hf/{tiny_llama}", arms=["kl"], seeds=[0]))
    unit = units_of(study)[0]
    kept = unit_folder(tmp_path / "out", unit) / "seconds.json"
    monkeypatch.setattr("introbench.train.study.unit._PATIENCE", 2.0)
    monkeypatch.setattr("introbench.train.study.unit._SECONDS_PER_TICK", 0.0)
    seen = list[float]()

    def measure(request: Any, by: Any) -> TrainingSet:
        for _ in range(3):
            by.keywords["on_progress"](Progress("M0", "scoring"))
            seen.append(json.loads(kept.read_text())["labels"])
        if len(seen) == 3:
            raise FolderInUseError("waits for longer than all of this takes")
        raise UsageError("enough")

    monkeypatch.setattr("introbench.train.study.unit.training_set", measure)
    with pytest.raises(UsageError, match="enough"):
        run_unit(unit, tmp_path / "out")
    assert 0 < seen[0] < seen[1] < seen[2] < seen[3] < seen[5] < 2
    ended = json.loads(kept.read_text())["labels"]
    with pytest.raises(UsageError, match="enough"):
        run_unit(unit, tmp_path / "out")
    assert seen[-1] > ended >= seen[5]


def test_a_cost_counts_steps_that_a_killed_process_did_not_write_down() -> None:
    cost = Cost(
        label_seconds=8, training_seconds=29, evaluation_seconds=192, step_seconds=1070, steps=9, training_tokens=5
    )
    assert (cost.training, cost.seconds) == (1070, 1270)


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("prereg", "study.md"),
        ("axes", "study-axes.md"),
        ("warm", "study-warm.md"),
        ("again", "study-again.md"),
    ],
)
def test_the_committed_page_is_what_the_results_say(name: str, page: str, repository: Path, tmp_path: Path) -> None:
    file = f"studies/{name}.yaml"
    (tmp_path / "docs").mkdir()
    (tmp_path / "studies").symlink_to(repository / "studies")
    done = introbench("study", "report", file, "--page", f"docs/{page}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "docs" / page).read_text("utf-8") == (repository / "docs" / page).read_text("utf-8"), (
        f"introbench study report {file} --page docs/{page}"
    )


@pytest.mark.parametrize(
    ("study", "page", "results", "file", "asked"),
    [
        ("small.yaml", "docs/study.md", "results/small", "small.yaml", ""),
        ("HERE/small.yaml", "HERE/docs/other.md", "", "small.yaml", " --page docs/other.md"),
        ("../elsewhere/small.yaml", "ABOVE/other.md", "", "../elsewhere/small.yaml", " --page other.md"),
        ("small.yaml", "docs/study.md", "HERE/of mine", "small.yaml --results 'of mine'", ""),
    ],
)
def test_the_commands_of_a_page_write_this_page_and_name_no_folder_of_the_machine(
    study: str, page: str, results: str, file: str, asked: str, tmp_path: Path
) -> None:
    here = tmp_path / "elsewhere"
    (here / "docs").mkdir(parents=True)
    written(here)
    study, page, results = (
        text.replace("HERE", str(here)).replace("ABOVE", str(tmp_path)) for text in (study, page, results)
    )
    options = ["--results", results] if results else []
    (here / (results or "none")).mkdir(parents=True)
    done = introbench("study", "report", study, "--page", page, *options, cwd=here)
    assert done.returncode == 0, done.stderr
    text = (here / page).read_text("utf-8")
    assert f"Written by `introbench study report {file}{asked}` from" in text
    assert f"\nintrobench study plan {file}\nintrobench study run {file} --out small\n" in text
    assert f"\nintrobench study report {file}{asked} --out small\n" in text
    assert str(tmp_path) not in text


def test_a_page_of_another_study_is_not_overwritten(tmp_path: Path) -> None:
    path = written(tmp_path)
    page = tmp_path / "page.md"
    page.write_text("# Study `other`\n\nnumbers\n", "utf-8")
    done = introbench("study", "report", path, "--page", page)
    assert done.returncode == 2 and "holds the page of the study `other`" in done.stderr
    assert page.read_text("utf-8") == "# Study `other`\n\nnumbers\n"
    page.write_text("# The readme of another project\n", "utf-8")
    done = introbench("study", "report", path, "--page", page)
    assert done.returncode == 2 and "holds something else than a page of a study; name another" in done.stderr
    assert page.read_text("utf-8") == "# The readme of another project\n"
    for text in ("", "# Study `small`\n\nof an earlier day\n"):
        page.write_text(text, "utf-8")
        assert introbench("study", "report", path, "--page", page).returncode == 0
        assert page.read_text("utf-8").startswith("# Study `small`\n") and "earlier day" not in page.read_text("utf-8")


@pytest.mark.parametrize("option", ["--results", "--out"])
def test_a_folder_that_is_not_there_makes_no_empty_page(option: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    done = introbench("study", "report", written(tmp_path), option, tmp_path / "typo", "--page", page)
    assert done.returncode == 2 and f"{tmp_path / 'typo'}: no such folder" in done.stderr
    assert not page.exists()


def test_units_in_the_matrix_are_named_as_they_are_called_or_by_their_spec(tmp_path: Path) -> None:
    arms = [{"arm": "kl", "name": "first"}, {"arm": "kl,rank=8", "name": "second"}, "shuffled", "no_kl"]

    def chosen(*names: str) -> list[str]:
        return [unit.id for unit in units_in_matrix(read_study(written(tmp_path, arms=arms, in_matrix=list(names))))]

    assert chosen("first", "shuffled") == ["first-s0", "first-s1", "shuffled-s0", "shuffled-s1"]
    assert chosen("kl,rank=8") == ["second-s0", "second-s1"]
    assert chosen() == [f"{name}-s{seed}" for name in ("first", "second", "shuffled") for seed in (0, 1)]
    wrong = read_study(written(tmp_path, arms=arms, in_matrix=["first", "shufled"]))
    with pytest.raises(UsageError, match="'shufled' is no arm of the study; it has first, second, shuffled, no_kl"):
        check_study(units_of(wrong), tmp_path / "out", tmp_path / "results")
    assert not (tmp_path / "out").exists()
    plan = introbench("study", "plan", tmp_path / "small.yaml")
    assert plan.returncode == 2 and "shufled" in plan.stderr


def test_a_plan_fits_a_terminal(repository: Path) -> None:
    plan = introbench("study", "plan", repository / "studies" / "axes.yaml")
    assert plan.returncode == 0 and max(map(len, plan.stdout.splitlines())) <= 80
    text = " ".join(plan.stdout.split())
    assert "mix-0.63, mix-0.7, mix-0.85: the student's own labels on a share" in text
    assert text.count("labels on a share of the cases") == 1


def test_the_source_of_labels_is_found_in_a_run_however_its_options_are_ordered(tmp_path: Path) -> None:
    labels = "hf/x?weight_noise_seed=1&weight_noise=0.05"
    study = read_study(written(tmp_path, arms=[{"arm": f"labels={labels}", "name": "x"}, "kl", "mix=0.5"], seeds=[0]))
    config, _ = resolve_config("scripted/oracle", [labels])
    names = [name_of_origin(unit) for unit in units_of(study)]
    assert names == [config.models[1].name, None, None] and names[0] != labels


def test_where_labels_came_from_a_model_that_was_not_asked_the_page_says_so(repository: Path) -> None:
    study = read_study(repository / "studies" / "axes.yaml")
    stored = read_results(repository / "studies" / "results" / "axes", units_of(study))
    own, mixed, foreign = (stored[name] for name in ("kl-s21", "mix-0.1-s21", "stale-s21"))
    unasked = foreign.model_copy(update={"tasks": [foreign.tasks[0].model_copy(update={"origin": None})]})
    parts = {"weights": "ab"}
    of_m0 = unasked.model_dump(mode="json") | {"student_parts": parts}
    of_m0["trained_on"]["origins"][0]["fingerprint"] = Fingerprint(parts).hex
    for units, expected in (
        ([own, mixed, foreign], ["–", "–", ".22 [.15, .30]"]),
        ([own, mixed, unasked], ["–", "–", "not run"]),
        ([own, mixed, UnitResult.model_validate(of_m0)], None),
    ):
        section = list(task_section(study, "hint_facts", units))
        shown = next(part for part in section if part.startswith("|"))
        heads, _, *rows = ([cell.strip() for cell in line.split("|")] for line in shown.splitlines())
        found = [row[heads.index("Orig")] for row in rows if "M0" not in row] if "Orig" in heads else None
        assert found == expected
        said = [line for line in section if line.startswith("not run: labels came from another model")]
        assert len(said) == (units[-1] is unasked)


def test_the_detectable_gap_is_what_the_width_of_the_interval_says() -> None:
    gap = Estimate(value=0.1, low=0.0, high=0.2, method="clustered t", n=5000, clusters=5000, status="ok")
    # For many clusters: (1.96 + 0.84) standard errors, of which the interval is 2 × 1.96 wide.
    assert detectable_gap(gap) == pytest.approx(0.1 * 2.8016 / 1.96, rel=1e-3)
    assert detectable_gap(gap.model_copy(update={"low": None})) is None


@pytest.mark.parametrize(
    ("coupling", "said"),
    [
        (0.1, "a gap of .20 and a centred coupling of .10 would be found with 80 % power."),
        (0.0, "a gap of .20 would be found with 80 % power; no centred coupling could be found, however large."),
    ],
)
def test_where_no_exchange_changes_anything_no_coupling_could_be_found(
    coupling: float, said: str, repository: Path
) -> None:
    study = read_study(repository / "studies" / "axes.yaml")
    result = UnitResult.model_validate_json((repository / "studies" / "results" / "axes" / "kl-s21.json").read_bytes())
    (task,) = result.tasks
    assert task.base is not None
    view = task.base.exact
    gap = view.gap.model_copy(update={"low": -0.143, "high": 0.143, "clusters": 5000})
    pair = task.base.model_copy(
        update={"exact": view.model_copy(update={"gap": gap, "detectable_coupling": coupling, "disagreements": 1})}
    )
    told = result.model_copy(update={"tasks": [task.model_copy(update={"base": pair})]})
    (line,) = [line for line in task_section(study, "hint_facts", [told]) if line.startswith("- kl-s21: d = ")]
    assert line.endswith(f"on 1 case that differs; {said}")


@pytest.fixture(scope="module")
def carried_out(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study]:
    """A study of a random model, all of whose units are done; the first one was killed and went on."""
    folder = tmp_path_factory.mktemp("study")
    other = f"hf/{tiny_llama}?weight_noise_seed=1&weight_noise=0.3"  # runs sort these options
    settings = {**SETTINGS, "evaluate_at": [0, 2], "targets": "q_proj+v_proj"}
    arms = ["kl", "shuffled", {"arm": f"labels={other}", "name": "other", "settings": {"evaluate_at": []}}]
    path = written(folder, student=f"hf/{tiny_llama}", settings=settings, arms=arms, seeds=[0])
    command = [sys.executable, "-m", "introbench", "study", "run", str(path), "--out", str(folder / "out"), "--offline"]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
    log, until = folder / "out" / "units" / "kl-s0" / "training" / "log.jsonl", time.monotonic() + 200
    while process.poll() is None and not log.exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the study ended before it could be killed"
    assert not list(folder.glob("results/*/*.json"))
    done = introbench("study", "run", path, "--out", folder / "out", "--offline")
    assert done.returncode == 0, done.stderr
    return path, read_study(path)


@pytest.mark.slow
def test_every_unit_leaves_an_adapter_a_run_and_a_result(carried_out: tuple[Path, Study]) -> None:
    path, study = carried_out
    results = read_results(path.parent / "results" / "small", units_of(study))
    assert len(results) == 3
    for name, result in results.items():
        folder = path.parent / "out" / "units" / name
        assert (folder / "training" / "adapter_model.safetensors").is_file()
        assert result.status == "done" and result.adapter_sha256
        assert result.student_parts == open_base(study.student, None)[1].fingerprint.parts
        (task,) = result.tasks
        assert task.base is not None and task.before is not None
        # The trained model is another one than M0, on the cases of an ordinary run.
        run = json.loads((folder / "run" / "manifest.json").read_text())
        assert run["complete"] and [model["role"] for model in run["models"]][:2] == ["target", "base"]
        assert run["models"][0]["fingerprint"] != run["models"][1]["fingerprint"]
        assert result.cost is not None and result.cost.steps == 3 and (result.cost.training_tokens or 0) > 0
    assert {row["step"] for row in results["kl-s0"].trajectory} == {0, 2, 3}
    assert results["shuffled-s0"].trained_on is not None
    other = results["other-s0"]
    assert other.tasks[0].origin is not None and other.trained_on is not None
    assert other.trained_on.origins[0].model == study.arms[2].arm.removeprefix("labels=")


@pytest.mark.slow
def test_the_numbers_of_a_unit_are_those_of_its_run(carried_out: tuple[Path, Study]) -> None:
    path, study = carried_out
    (result, *_) = read_results(path.parent / "results" / "small", units_of(study)).values()
    summary = json.loads((path.parent / "out" / "units" / "kl-s0" / "run" / "summary.json").read_text())
    emitter = next(each for each in summary["tasks"][0]["emitters"] if each["role"] == "target")
    assert result.tasks[0].own.model_dump(mode="json") == emitter
    (pair,) = [each for each in summary["tasks"][0]["pairs"] if each["emitter"] == emitter["model"]]
    assert result.tasks[0].base is not None
    assert result.tasks[0].base.model_dump(mode="json") == pair


@pytest.mark.slow
def test_a_study_that_is_done_runs_nothing_again_and_its_page_is_whole(carried_out: tuple[Path, Study]) -> None:
    path, study = carried_out
    before = {file: file.stat().st_mtime_ns for file in path.parent.rglob("*") if file.is_file()}
    again = introbench("study", "run", path, "--out", path.parent / "out", "--offline")
    assert again.returncode == 0 and "done" not in again.stdout, again.stderr
    assert {file: file.stat().st_mtime_ns for file in path.parent.rglob("*") if file.is_file()} == before
    plan = introbench("study", "plan", path)
    assert "3 of 3 units done; the others: none" in plan.stdout
    page = path.parent / "study.md"
    made = introbench("study", "report", path, "--out", path.parent / "out", "--page", page)
    assert made.returncode == 0, made.stderr
    text = page.read_text()
    for word in (
        "kl-s0",
        "shuffled-s0",
        "Emitter × teacher",
        "too little drift to tell",
        "kl against no_kl",
        "J by deciding token",
        "The first arm against M0 and the others",
    ):
        assert word in text
    summary = json.loads((path.parent / "out" / "units" / "kl-s0" / "run" / "summary.json").read_text())
    (before,) = [each for each in summary["tasks"][0]["emitters"] if each["role"] == "base"]
    row = next(line for line in text.splitlines() if line.startswith("| M0 "))
    assert number(before["self_scores"]["exact_match"]["value"]) in row
    results = read_results(path.parent / "results" / "small", units_of(study))
    contrasts = kept_across(path.parent / "results" / "small").contrasts
    assert [(each.first, each.second) for each in contrasts] == [
        ("kl-s0", other) for other in ("M0", "shuffled-s0", "other-s0")
    ]
    for each in contrasts:
        (one,) = results[each.first].tasks
        assert one.base is not None and one.before is not None
        own, gap = one.before, 0.0
        if each.second != "M0":
            (other,) = results[each.second].tasks
            assert other.base is not None and other.base.exact.gap.value is not None
            own, gap = other.own, other.base.exact.gap.value
        for found, first, second in (
            (each.exact_match, one.own.self_scores.exact_match.value, own.self_scores.exact_match.value),
            (each.verdict_j, one.own.self_scores.youden_j.value, own.self_scores.youden_j.value),
            (each.gap, one.base.exact.gap.value, gap),
        ):
            assert first is not None and second is not None
            assert found.estimate.value == pytest.approx(first - second, abs=3e-6)
        gaps = [other.gap.test.p for other in contrasts if other.gap.test.p is not None]
        assert each.gap.test.family == max(len(gaps), 1)
    assert "Not made yet" not in text and "None" not in text and "nan" not in text
    # Without the runs, the page is made of the results alone and is the same.
    page.unlink()
    alone = introbench("study", "report", path, "--page", page)
    assert alone.returncode == 0 and page.read_text() == text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": []}, "small.yaml: seeds: holds nothing; write at least one"),
        ({"seeds": 3}, "small.yaml: seeds: 3 is no list; write seeds: [3]"),
        ({"nam": "x", "name": None}, "small.yaml: no key 'nam'; did you mean 'name'?; known: name, summary"),
        ({"evaluation": {"limt": 3}}, "small.yaml: evaluation: no key 'limt'; did you mean 'limit'?; known: limit, "),
        ({"arms": [{"arm": "kl", "sed": 1}]}, "small.yaml: arms.0: no key 'sed'; did you mean 'seeds'?"),
        ({"settings": {"evaluate_at": 3}}, "small.yaml: arm 'kl': evaluate_at: 3 is no list; write evaluate_at=[3]"),
        ({"evaluation": {"skip": {"hint_facts": -1}}}, "evaluation.skip.hint_facts: -1 must be 0 or more"),
        ({"evaluation": 3}, "evaluation: 3 is no mapping of keys to values"),
        ({"seeds": [99999999999]}, "small.yaml: arm 'kl': seed 99999999999: must be a whole number"),
        ({"settings": {"rank": "x"}}, "small.yaml: arm 'kl': rank: x is no whole number"),
        ({"settings": {"rank": True}}, "rank: true is no number"),
        ({"arms": ["kl,rank=yes"]}, "rank: true is no number"),
        ({"seeds": [True]}, "seeds: true is no number"),
        ({"minutes_per_unit": True}, "minutes_per_unit: true is no number"),
        ({"minutes_per_unit": float("inf")}, "minutes_per_unit: inf must be a finite number"),
        ({"minutes_per_unit": float("nan")}, "minutes_per_unit: nan must be"),
        ({"minutes_per_unit": 0}, "minutes_per_unit: 0 must be more than 0"),
        ({"name": ""}, "name: '' cannot name a folder"),
        ({"name": "../../x"}, "name: '../../x' cannot name a folder"),
        ({"name": "a b/c"}, "name: 'a b/c' cannot name a folder"),
        ({"name": ".a"}, "name: '.a' cannot name a folder"),
        ({"drift": [0.5, 0.1]}, "drift: [0.5, 0.1] is no range; write two shares"),
        ({"drift": [0.5, 1.1]}, "drift: [0.5, 1.1] is no range"),
        ({"drift": [0.5]}, "drift: [0.5] is no range"),
        ({"drift": [False, True]}, "drift: false is no number"),
        ({"arms": ["no_kl", "kl,seed=7"]}, "arm 'kl,seed=7': sets seed; leave it out and write seeds: [N]"),
        ({"arms": ["kl,train.seed=7"]}, "arm 'kl,train.seed=7': sets seed"),
        ({"arms": [{"arm": "no_kl", "settings": {"seed": 9}}]}, "arm 'no_kl': sets seed"),
        ({"arms": [{"arm": "no_kl", "settings": {"train": {"seed": 9}}}]}, "arm 'no_kl': sets seed"),
        ({"settings": {"seed": 9}}, "settings: seed is no setting of a study; write seeds: [N]"),
    ],
)
def test_what_is_wrong_in_a_study_is_said_with_its_file_the_key_and_the_way_out(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = written(tmp_path, **changes)
    if changes.get("name", "") is None:
        path.write_text(path.read_text().replace("name: null\n", ""))
    with pytest.raises(UsageError, match=re.escape(message)) as found:
        read_study(path)
    assert str(found.value).startswith(f"{path}: ") and "\n" not in str(found.value)
    assert "Input" not in str(found.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; a study has at least name, summary, student, tasks, arms, seeds"),
        ("- a", "holds no mapping of keys to values"),
        ("name: a\nsummary: x\nname: b\n", "line 3: 'name' stands there twice; leave one of them out"),
        ("settings:\n  rank: 1\n  rank: 2\n", "line 3: 'rank' stands there twice"),
        ("name: [", "not valid YAML"),
        ("summary: x\nlabels: M0\n", "is an arm and no study; carry it out with introbench train --arm "),
    ],
)
def test_a_file_that_is_no_study_is_refused_with_what_it_is(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=re.escape(f"{path}: {message}")) as found:
        read_study(path)
    assert "\n" not in str(found.value)


def test_a_study_as_an_arm_is_refused_with_the_command_that_carries_it_out(tmp_path: Path) -> None:
    path = written(tmp_path)
    with pytest.raises(SpecError, match=f"is a study and no arm; carry it out with introbench study run {path}"):
        resolve_arm(f"{path},rank=8")
