"""Training sets: whose labels they hold, what is done to them, and what is refused."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from introbench.errors import TaskError, UsageError
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.plan import make_plan
from introbench.tasks.registry import find_tasks
from introbench.tasks.types import PLACEBO
from introbench.train.arm import resolve_arm
from introbench.train.build import SetRequest, relabeller, training_set
from introbench.train.labels import label_file
from introbench.train.rows import TrainingCase, TrainingSet

pytestmark = pytest.mark.slow

STUDENT = "scripted/oracle?seed=3"
ITEMS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all: what was measured for one set is not measured again for another."""
    return tmp_path_factory.mktemp("labels")


def made(folder: Path, spec: str, *, student: str = STUDENT, seed: int = 0, **overrides: Any) -> TrainingSet:
    arm = resolve_arm(spec, {"items": ITEMS, **overrides})
    return training_set(SetRequest(student, ("hint_facts",), arm, folder, seed=seed))


def learnt(found: TrainingSet) -> dict[str, tuple[str | None, int | None]]:
    return {row.case.id: (row.verdict, row.content) for row in found.cases if row.candidate is not None}


def stored_run(out: Path, model: str = STUDENT, *, seed: int = 0, limit: int = 30) -> Path:
    asked = resolve_config(model, ["scripted/random"], ["hint_facts"], split="train", limit=limit, seed=seed)
    return execute(*asked, out)


def test_the_students_own_labels_are_what_an_ordinary_run_finds(folder: Path, tmp_path: Path) -> None:
    found = made(folder, "kl")
    file = json.loads(label_file(stored_run(tmp_path / "run", limit=ITEMS), "hint_facts")[0])
    expected = {(label["item"], label["cue"]): (label["verdict"], label["content"]) for label in file["labels"]}
    mine = {
        (row.case.item.id, row.case.cue.id): (row.verdict, row.case.item.choices[row.content or 0])
        for row in found.cases
    }
    assert mine == expected
    assert (found.agreement, found.warnings, found.tasks) == (1.0, (), ("hint_facts",))
    assert found.change_rate == sum(label["verdict"] == "changed" for label in file["labels"]) / len(file["labels"])


def test_labels_are_measured_without_asking_for_explanations(tmp_path: Path) -> None:
    made(tmp_path, "kl", items=5)
    (ledger,) = tmp_path.glob("*/records/*/hint_facts.jsonl")
    cases = [json.loads(line) for line in next(tmp_path.glob("*/cases.jsonl")).read_text().splitlines()]
    asked = {json.loads(line)["ask"] for line in ledger.read_text().splitlines()}
    assert asked == {row["asks"][part] for row in cases for part in ("cued", "uncued")}
    assert not asked & {row["asks"]["explanation"] for row in cases}


def test_the_candidate_to_learn_states_verdict_and_content(folder: Path) -> None:
    for row in made(folder, "kl").cases:
        assert row.content is not None and row.candidate is not None
        text = row.case.explanation.choices[row.candidate]
        wording = "Change: " if row.verdict == "changed" else "No change: "
        assert text == wording + row.case.item.choices[row.content]


def test_only_training_items_under_training_cues_are_taken_and_the_rest_is_counted(folder: Path) -> None:
    found = made(folder, "kl")
    assert {(row.case.item.split, row.case.cue.split) for row in found.cases} == {("train", "train")}
    planned = resolve_config(STUDENT, tasks=["hint_facts"], split="train", limit=ITEMS)
    cases = make_plan(*planned).tasks[0].cases
    assert found.counts["cases"] + found.counts["held-out cues left out"] == len(cases)
    assert found.counts["cases"] == len(found.cases)


def test_a_run_a_file_made_of_it_and_a_model_of_it_give_the_same_labels(folder: Path, tmp_path: Path) -> None:
    other = "scripted/oracle?seed=8"
    run = stored_run(tmp_path / "run", other)
    (tmp_path / "labels.json").write_bytes(label_file(run, "hint_facts")[0])
    by_run, by_file, by_name, by_model = (
        made(folder, f"labels={source}", items=30)
        for source in (run, tmp_path / "labels.json", f"{run}#{other}", other)
    )
    assert learnt(by_run) == learnt(by_file) == learnt(by_name) == learnt(by_model) != learnt(made(folder, "kl"))
    assert by_run.origins[0].sha256 == by_file.origins[0].sha256
    assert {each.origins[0].model for each in (by_run, by_file, by_name, by_model)} == {other}
    assert str(tmp_path) not in str(by_run.origins)
    named = made(folder, f"labels={run}#scripted/random", items=30)
    assert named.origins[0].model == "scripted/random" and learnt(named) != learnt(by_run)


def test_the_student_is_measured_no_further_than_stored_labels_go(tmp_path: Path) -> None:
    run = stored_run(tmp_path / "run", limit=10)
    found = made(tmp_path / "labels", f"labels={run}", items=None)
    assert len({row.case.item.id for row in found.cases}) <= 10
    (cases,) = (tmp_path / "labels").glob("*/cases.jsonl")
    assert len({json.loads(line)["item"] for line in cases.read_text().splitlines()}) <= 10


def test_more_hints_add_cases_and_change_none(folder: Path) -> None:
    plain, two, four = (made(folder, "kl", hints=hints) for hints in (1, 2, 4))

    def asked(found: TrainingSet) -> dict[tuple[str, str, int | None], str]:
        return {(row.case.item.id, row.case.cue.id, row.case.hint): row.case.cued.ask for row in found.cases}

    assert asked(plain).items() <= asked(two).items() <= asked(four).items()
    assert len(two.cases) > 2 * len(plain.cases) and len(four.cases) > 4 * len(plain.cases)
    assert len(asked(four)) == len({row.case.id for row in four.cases}) == len(four.cases)
    assert all(row.case.cue.kind != PLACEBO for row in four.cases if "@" in row.case.id)
    # One uncued prompt an item, whatever is hinted.
    assert len({row.case.uncued.ask for row in four.cases}) == len({row.case.item.id for row in four.cases})


def test_several_hints_are_for_training_and_for_cues_that_have_a_choice() -> None:
    with pytest.raises(TaskError, match="for training sets"):
        make_plan(*resolve_config(STUDENT, tasks=["hint_facts?hints=2"]))
    with pytest.raises(UsageError, match="hints=0 must be a whole number"):
        resolve_config(STUDENT, tasks=["hint_facts?hints=0"])
    plain, more = (
        make_plan(*resolve_config(STUDENT, tasks=[task], split="train", limit=20)).tasks[0].cases
        for task in ("jabberwocky", "jabberwocky?hints=3")
    )
    assert [case.cued.ask for case in plain] == [case.cued.ask for case in more]


def test_smaller_counts_are_among_larger_ones_balanced_or_not(folder: Path) -> None:
    for balance in (False, True):
        sets = [made(folder, "kl", labels_count=count, balance=balance) for count in (20, 60, 120)]
        labels = [learnt(found) for found in sets]
        assert [len(each) for each in labels] == [20, 60, 120]
        assert labels[0].items() <= labels[1].items() <= labels[2].items()
        if balance:
            assert [found.change_rate for found in sets] == [0.5, 0.5, 0.5]
    with pytest.raises(UsageError, match="labels_count 5000: there are"):
        made(folder, "kl", labels_count=5000)


def test_of_each_item_as_many_cases_are_taken_as_asked_for_and_fewer_are_among_more(folder: Path) -> None:
    plain, one, two = (made(folder, "kl", hints=2, cases_per_item=count) for count in (None, 1, 2))
    cases = [Counter(row.case.item.id for row in found.cases) for found in (plain, one, two)]
    assert cases[1] == dict.fromkeys(cases[0], 1)
    assert cases[2] == {item: min(2, count) for item, count in cases[0].items()}
    assert learnt(one).items() < learnt(two).items() < learnt(plain).items()
    assert two.counts["beyond cases_per_item"] == len(plain.cases) - len(two.cases)
    assert len({row.case.cue.kind for row in one.cases}) > 2  # which case it is, the item draws
    assert learnt(made(folder, "kl", hints=2, seed=1, cases_per_item=1)).keys() != learnt(one).keys()
    # Each item has its cases before they are balanced and cut down.
    even = made(folder, "kl", hints=2, balance=True, labels_count=20, cases_per_item=1)
    assert learnt(even).items() < learnt(one).items() and even.change_rate == 0.5
    assert max(Counter(row.case.item.id for row in even.cases).values()) == 1


def test_balancing_leaves_out_and_never_repeats(folder: Path) -> None:
    plain, even = made(folder, "kl"), made(folder, "kl", balance=True)
    counts = Counter(verdict for verdict, _ in learnt(plain).values())
    assert len(even.cases) == 2 * min(counts.values())
    assert even.counts["left out to balance verdicts"] == len(plain.cases) - len(even.cases)
    assert learnt(even).items() < learnt(plain).items()
    assert len({row.case.id for row in even.cases}) == len(even.cases)


def test_a_shuffle_keeps_the_margins_of_every_cue_kind_and_loses_the_cases(folder: Path) -> None:
    plain, moved = made(folder, "kl"), made(folder, "shuffled")
    margins = [Counter((row.case.cue.kind, row.verdict) for row in found.cases) for found in (plain, moved)]
    assert margins[0] == margins[1]
    assert [row.case.id for row in plain.cases] == [row.case.id for row in moved.cases]
    # With a change rate of a half, chance leaves half of the verdicts as they were.
    same = sum(learnt(plain)[case][0] == verdict for case, (verdict, _) in learnt(moved).items()) / len(moved.cases)
    assert 0.35 < same < 0.65
    assert moved.agreement is not None and moved.agreement < 0.7
    assert "below 60 to 70%" in moved.warnings[0] and f"{moved.agreement:.1%}" in moved.warnings[0]
    # An oracle's "unchanged" names its own cued answer; moved labels still do, on every case.
    cued = {row.case.id: row.content or 0 for row in plain.cases if row.verdict == "unchanged"}
    assert all(cued.get(row.case.id, row.content) == row.content for row in moved.cases if row.verdict == "unchanged")
    assert learnt(made(folder, "shuffled", seed=1)) != learnt(moved)


def test_another_models_labels_are_mixed_with_the_students_own(folder: Path) -> None:
    source = "scripted/oracle?seed=9"
    own, other = learnt(made(folder, "kl")), learnt(made(folder, f"labels={source}"))
    there, back = (
        made(folder, f"mix=0.7,mix.other={source}"),
        made(folder, f"labels={source},mix.share=0.7,mix.other=M0"),
    )
    kept = {case for case, label in learnt(there).items() if label == own[case] != other[case]}
    turned = {case for case, label in learnt(back).items() if label == other[case] != own[case]}
    assert kept == turned != set()
    assert [origin.model for origin in back.origins] == [origin.model for origin in reversed(there.origins)]


def test_what_a_lower_noise_rate_flips_a_higher_one_flips_too(folder: Path) -> None:
    plain, low, high = (learnt(made(folder, spec)) for spec in ("kl", "noise=0.1", "noise=0.4"))
    flips = [{(case, label) for case, label in each.items() if label != plain[case]} for each in (low, high)]
    assert flips[0] < flips[1]
    found = made(folder, "noise=0.4")
    assert found.counts["flipped"] == len(flips[1])
    assert found.agreement == pytest.approx(1 - len(flips[1]) / len(plain))
    assert 0.3 < len(flips[1]) / len(plain) < 0.5
    assert learnt(made(folder, "noise=0.4", seed=1)) != learnt(found)


def test_hints_of_one_item_are_flipped_apart(folder: Path) -> None:
    plain, noisy = (learnt(made(folder, spec, hints=4)) for spec in ("kl", "noise=0.5,noise.kind=verdict"))
    by_item_and_cue: dict[str, set[bool]] = {}
    for case in plain:
        by_item_and_cue.setdefault(case.partition("@")[0], set()).add(plain[case] != noisy[case])
    assert any(len(flips) == 2 for flips in by_item_and_cue.values())


def test_a_mixture_takes_its_share_and_more_of_it_keeps_what_less_of_it_has(folder: Path) -> None:
    other = "scripted/oracle?seed=9"
    own, theirs = learnt(made(folder, "kl")), learnt(made(folder, f"labels={other}"))
    kept = []
    for share in (0.0, 0.3, 0.7, 1.0):
        found = made(folder, f"mix={share},mix.other={other}")
        labels = learnt(found)
        assert all(label in (own[case], theirs[case]) for case, label in labels.items())
        assert [origin.source for origin in found.origins] == ["M0", other]
        assert sum(origin.cases for origin in found.origins) == len(labels)
        assert found.origins[0].cases / len(labels) == pytest.approx(share, abs=0.1)
        kept.append({case for case, label in labels.items() if own[case] != theirs[case] and label == own[case]})
    assert kept[0] < kept[1] < kept[2] < kept[3]
    assert not kept[0]


def test_agreement_follows_the_share_of_a_mixture(folder: Path) -> None:
    found = [made(folder, f"mix={share}").agreement or 0 for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert found == sorted(found) and found[-1] == 1.0
    assert found[0] == made(folder, "shuffled").agreement


def test_verdicts_too_unbalanced_are_refused_with_the_rate_unless_allowed_by_name(tmp_path: Path) -> None:
    stubborn = "scripted/oracle?follow=0.05"
    with pytest.raises(UsageError, match=r"\d\.\d% of \d+ labels are \"changed\".*balance=true, or allow_unbalanced"):
        made(tmp_path, "kl", student=stubborn)
    allowed = made(tmp_path, "kl", student=stubborn, allow_unbalanced=True)
    assert allowed.change_rate is not None and allowed.change_rate < 0.15
    assert made(tmp_path, "kl", student=stubborn, balance=True).change_rate == 0.5


def test_labels_of_other_cases_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="with seed 5, this training asks with seed 0"):
        made(folder, f"labels={stored_run(tmp_path / 'seed', seed=5)}")
    file = json.loads(label_file(stored_run(tmp_path / "run"), "hint_facts")[0])
    path = tmp_path / "labels.json"
    for change, message in (
        ({"version": 99}, "with version 99"),
        ({"task": "dilemmas"}, "labels of dilemmas, needed: hint_facts"),
        ({"behaviour": "letter"}, "with behaviour letter"),
        ({"items_sha256": "0" * 64}, "labels of other items"),
        ({"labels": [{**label, "item": f"no {label['item']}"} for label in file["labels"]]}, "none of its"),
        ({"labels": [{**label, "content": "no choice"} for label in file["labels"]]}, "is no choice of item"),
    ):
        path.write_text(json.dumps({**file, **change}))
        with pytest.raises(UsageError, match=message):
            made(folder, f"labels={path}")
    with pytest.raises(UsageError, match="no run, label file or model 'nowhere/to/be/found'"):
        made(folder, "labels=nowhere/to/be/found")
    with pytest.raises(UsageError, match="no model 'nobody'"):
        made(folder, f"labels={tmp_path / 'run'}#nobody")


def test_a_shift_of_cue_following_is_learnt_where_nothing_holds_it(folder: Path) -> None:
    plain = made(folder, "kl")
    uncued = {row.case.id: row.content for row in plain.cases}
    targets: list[set[str]] = []
    for dose in (0.25, 0.5, 1.0):
        less = made(folder, f"concurrent=less,concurrent.dose={dose}")
        more = made(folder, f"concurrent=more,concurrent.dose={dose}")
        assert learnt(less) == learnt(more) == learnt(plain)
        for row in (*less.cases, *more.cases):
            assert row.keep == (row.case.hint is None, True)
            assert row.behaviour[1] is None
        dosed = [row for row in less.cases if row.behaviour[0] is not None]
        assert all(row.behaviour[0] == uncued[row.case.id] for row in dosed)
        assert all(row.behaviour[0] == row.case.hint for row in more.cases if row.behaviour[0] is not None)
        assert less.counts["behaviour to learn"] == len(dosed)
        targets.append({row.case.id for row in dosed})
    assert targets[0] < targets[1] < targets[2] == {row.case.id for row in plain.cases if row.case.hint is not None}


def test_cue_following_by_kind_is_more_on_some_kinds_of_items_and_less_on_the_others(folder: Path) -> None:
    kinds = sorted({row.case.item.kind for row in made(folder, "kl").cases})[::2]
    whole: dict[str, Any] = {"concurrent.dose": 1, "labels": None}
    found, less, more = (
        made(folder, f"concurrent={towards}", **whole, **({"concurrent.kinds": kinds} if towards == "by_kind" else {}))
        for towards in ("by_kind", "less", "more")
    )
    hinted = [rows for rows in zip(found.cases, less.cases, more.cases, strict=True) if rows[0].case.hint is not None]
    assert {row.case.item.kind in kinds for row, *_ in hinted} == {True, False}
    for row, follows_less, follows_more in hinted:
        expected = follows_more if row.case.item.kind in kinds else follows_less
        assert row.behaviour == expected.behaviour and row.candidate is None
    with pytest.raises(UsageError, match="no training case is of kind 'colours'; there are arithmetic, "):
        made(folder, "concurrent=by_kind", **whole, **{"concurrent.kinds": ["colours"]})


def of_task(found: TrainingSet, task: str) -> list[TrainingCase]:
    return [row for row in found.cases if row.case.task == task]


def test_jabberwocky_is_learnt_as_behaviour_alone_and_its_controls_share_the_prompts(folder: Path) -> None:
    both, explanations = (made(folder, name) for name in ("jabberwocky", "jabberwocky_explanations"))
    behaviour = made(folder, "jabberwocky_behaviour", items=None)
    lines = [
        json.loads(line)
        for line in (find_tasks()["jabberwocky"].folder / "behaviour.jsonl").read_text("utf-8").splitlines()
    ]
    rows = of_task(both, "jabberwocky")
    assert len(rows) == len(lines)
    assert all(row.candidate is None for row in rows)
    for row, line in zip(rows, lines, strict=True):
        place = int(line["cue"] is None)
        expected = None if line["reply"] is None else row.case.item.choices.index(line["reply"])
        assert row.behaviour[place] == expected and row.behaviour[1 - place] is None
        assert row.keep[place] is (line["reply"] is None) and row.keep[1 - place] is False
    assert [row.as_json() for row in of_task(behaviour, "jabberwocky")] == [row.as_json() for row in rows]
    kept = of_task(explanations, "jabberwocky")
    assert [row.case for row in kept] == [row.case for row in rows]
    assert all(row.behaviour == (None, None) and any(row.keep) for row in kept)
    assert learnt(both) == learnt(explanations) == learnt(made(folder, "kl"))
    assert behaviour.explained == 0 and behaviour.agreement is None


def test_fresh_labels_are_those_of_the_checkpoint_on_the_same_cases(folder: Path) -> None:
    arm = resolve_arm("fresh=10", {"items": ITEMS})
    request = SetRequest(STUDENT, ("hint_facts",), arm, folder)
    before = training_set(request)
    checkpoint = "scripted/oracle?seed=9"
    after = relabeller(request)(before, checkpoint)
    assert learnt(after) == learnt(made(folder, f"labels={checkpoint}"))
    assert [row.case for row in after.cases] == [row.case for row in before.cases]
    assert after.origins[0].model == checkpoint and after.sha256 != before.sha256


def test_an_unfinished_run_as_a_source_is_warned_of_and_what_it_lacks_is_counted(folder: Path, tmp_path: Path) -> None:
    run = stored_run(tmp_path / "run", limit=20)
    whole = made(folder, f"labels={run}", items=20)
    assert whole.warnings == () and whole.counts["items behind the last label"] == 0
    # As a run that is killed leaves it: the ledger of a model ends somewhere.
    (ledger,) = (run / "records").glob("0-*/hint_facts.jsonl")
    rows = ledger.read_text().splitlines(keepends=True)
    ledger.write_text("".join(rows[: len(rows) // 2]))
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "complete": False}))
    torn = made(folder, f"labels={run}", items=20)
    labelled = {row.case.item.id for row in torn.cases}
    missing = torn.counts["items behind the last label"]
    assert missing > 0 and missing + len(labelled) == 20
    assert torn.warnings == (
        f"{run}: the run is unfinished, {missing} of its 20 training items have no label; the command that made it "
        "goes on with it",
    )


def test_the_hash_is_of_what_is_learnt(folder: Path) -> None:
    sets = [made(folder, spec) for spec in ("kl", "no_kl", "shuffled", "concurrent=less")]
    assert sets[0].sha256 == sets[1].sha256
    assert len({found.sha256 for found in sets}) == 3
    assert len(sets[0].jsonl().splitlines()) == len(sets[0].cases)
