"""Planted worlds: what is known to be there is found, what is known to be absent is not, and intervals cover."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.evidence.__main__ import main, worlds
from benchmarks.evidence.coverage import LEAST_COVERAGE, coverage_of, lacking, levels_of
from benchmarks.evidence.worlds import World, answers_of, behave, case_table, draw, explain, truths
from introbench.metrics.floors import fixed_floors
from introbench.metrics.intervals import Estimate
from introbench.metrics.matrix import diagonal_excess
from introbench.metrics.observations import Answers, CaseTable, Explanations
from introbench.metrics.pairs import Pair, exact_view, pair_of, verdict_view
from introbench.metrics.scores import grade, point_scores

LARGE = World(cases=60_000, cues=2, changed=0.35, reference_changed=0.35, insight=0.4)


def large() -> tuple[CaseTable, Answers, Answers]:
    return draw(np.random.default_rng(0), LARGE)


def holds(estimate: Estimate, truth: float) -> bool:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low <= truth <= estimate.high


def perfect(cases: CaseTable, emitter: Answers, reference: Answers) -> Pair:
    labels = emitter.labels
    said = Explanations(said=labels.changed.astype(np.int64), content=labels.content, p_changed=emitter.p_changed)
    return pair_of(cases, emitter, reference, said)[1]


@pytest.mark.parametrize("world", [LARGE, replace(LARGE, changed=0.1, insight=0.0, habit=0.7)])
def test_the_closed_forms_are_what_a_large_world_shows(world: World) -> None:
    cases, emitter, _ = draw(np.random.default_rng(1), replace(world, cases=300_000))
    shown = point_scores(grade(emitter.explanations, emitter.labels, cases.clusters))
    for name, truth in truths(world).items():
        assert shown[name] == pytest.approx(truth, abs=0.01), name


def test_planted_insight_is_found_by_the_centred_coupling() -> None:
    """An emitter that knows its label four times in ten shows four tenths of what one that always does shows."""
    held = {"exact": 0, "verdict": 0}
    for seed in range(20):
        cases, emitter, reference = draw(np.random.default_rng(seed), replace(LARGE, cases=4000))
        own, best = pair_of(cases, emitter, reference)[1], perfect(cases, emitter, reference)
        for name, view in (("exact", exact_view), ("verdict", verdict_view)):
            most = view(best).centred_coupling.value
            assert most is not None
            assert most > 0.2
            held[name] += holds(view(own).centred_coupling, LARGE.insight * most)
            assert not holds(view(own).centred_coupling, 0.0)
    # 95 % intervals hold the truth in fewer than 17 of 20 worlds once in sixty times.
    assert min(held.values()) >= 17


def test_a_constant_explainer_beside_a_livelier_reference_has_no_coupling() -> None:
    """Own change rate 10 %, the reference's 40 %: a raw gap of +.30, and nothing once centred."""
    world = replace(LARGE, changed=0.1, reference_changed=0.4)
    cases, emitter, reference = draw(np.random.default_rng(2), world)
    constant = answers_of(
        emitter.uncued, emitter.cued, np.zeros_like(emitter.said), emitter.cued, np.zeros(emitter.said.size)
    )
    view = verdict_view(pair_of(cases, constant, reference)[1])
    assert view.gap.value == pytest.approx(0.30, abs=0.01)
    assert view.centred_coupling.value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("floor", "raw"),
    [("changed iff own cued answer is the hint", 0.7), ("always unchanged, own cued answer", 0.4)],
)
def test_knowing_only_the_own_cued_answer_has_no_coupling(floor: str, raw: float) -> None:
    """Two equally hint-prone models that switch in 3 of 5 cases whatever the item."""
    rng = np.random.default_rng(3)
    size = 20_000
    hint = rng.integers(0, 4, size)
    mine, theirs = (np.where(rng.random(size) < 7 / 9, 0, rng.integers(1, 4, size)) for _ in range(2))
    cued, their_cued = (np.where(rng.random(size) < 0.6, hint, uncued) for uncued in (mine, theirs))
    none = np.zeros(size, dtype=np.int64)
    emitter = answers_of(mine, cued, none, cued, np.zeros(size))
    reference = answers_of(theirs, their_cued, none, their_cued, np.zeros(size))
    cases = replace(case_table(behave(rng, replace(LARGE, cases=size))), hint=hint)
    explanations = fixed_floors(cases, cued, emitter.labels)[floor]
    _, pair = pair_of(cases, emitter, reference, explanations)
    view = verdict_view(pair) if floor.startswith("changed iff") else exact_view(pair)
    assert view.raw_coupling.value == pytest.approx(raw, abs=0.06)
    assert view.centred_coupling.value == pytest.approx(0, abs=1e-12)


def test_shuffled_labels_leave_no_coupling() -> None:
    """A model that was trained on shuffled labels explains some other case of its own, whichever it is."""
    cases, emitter, reference = large()
    order = np.random.default_rng(4).permutation(cases.hint.size)
    said, content = emitter.labels.changed[order].astype(np.int64), emitter.labels.content[order]
    shuffled = answers_of(emitter.uncued, emitter.cued, said, content, emitter.p_changed)
    view = exact_view(pair_of(cases, shuffled, reference)[1])
    assert holds(view.centred_coupling, 0.0)
    assert not holds(exact_view(pair_of(cases, emitter, reference)[1]).centred_coupling, 0.0)


def test_the_diagonal_finds_insight_and_none_in_a_pair_that_only_shares_its_drift() -> None:
    world = replace(LARGE, cases=6000)
    rng = np.random.default_rng(5)
    seen = behave(rng, world)
    cases = case_table(seen)
    emitter = explain(rng, world, seen.items, seen.uncued, seen.cued)
    reference = explain(rng, world, seen.items, seen.reference_uncued, seen.reference_cued)
    found = diagonal_excess(cases, ("A", emitter), ("B", reference), permutations=200)
    assert found.test.p is not None
    assert found.test.p < 0.01
    # Both copy the emitter's behaviour but for one case in five each, and explain what they copied.
    strays = rng.integers(0, 4, (2, world.cases))
    copies = [np.where(rng.random(world.cases) < 0.2, other, seen.uncued) for other in strays]
    told = [explain(rng, world, seen.items, seen.uncued, seen.cued) for _ in copies]
    pair = [
        answers_of(uncued, seen.cued, each.said, each.content, each.p_changed)
        for uncued, each in zip(copies, told, strict=True)
    ]
    shared = diagonal_excess(cases, ("A", pair[0]), ("B", pair[1]), permutations=200)
    assert shared.disagreements > 1000
    assert holds(shared.centred, 0.0)
    assert shared.test.p is not None
    assert shared.test.p > 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        World(cases=60, cues=1, changed=0.5, insight=0.5),
        World(cases=200, cues=4, changed=0.3, insight=0.0),
        World(cases=500, cues=2, changed=0.15, insight=0.5),
    ],
)
def test_a_slice_of_the_coverage_grid_does_not_fall_short(world: World) -> None:
    coverage = coverage_of(world, 400)
    assert lacking("slice", coverage) == []
    assert sum(tally.trials >= 400 for tally in coverage.values()) >= 8
    levels = levels_of(world, 100)
    for tally in levels.values():
        # 99.9 % of a hundred tests that keep their level reject at most thirteen times.
        assert tally.hits <= 13


def test_an_interval_that_covers_too_seldom_would_be_named() -> None:
    tallies = coverage_of(World(cases=60, cues=1, changed=0.5, insight=0.5), 20)
    narrow = {name: replace(tally, hits=int(0.9 * 1000), trials=1000) for name, tally in tallies.items()}
    assert {lack.name for lack in lacking("cell", narrow)} == set(tallies)
    enough = {
        name: replace(tally, hits=int((LEAST_COVERAGE + 0.01) * 1000), trials=1000) for name, tally in tallies.items()
    }
    assert lacking("cell", enough) == []


def test_data_sets_with_too_few_clusters_are_counted_apart() -> None:
    """In 60 cases of which three in ten are changed, few data sets have 20 of them."""
    tally = coverage_of(World(cases=60, cues=1, changed=0.3, insight=0.5), 60)["macro_f1"]
    assert 0 < tally.trials < tally.all == 60
    assert tally.hits <= tally.hits_of_all


def test_a_level_is_measured_again_on_other_data_sets() -> None:
    world = World(cases=100, cues=1, changed=0.5)
    whole, first, second = (levels_of(world, sets, first=start) for sets, start in ((8, 0), (5, 0), (3, 5)))
    for name, tally in whole.items():
        assert tally.hits == first[name].hits + second[name].hits
        assert tally.trials == first[name].trials + second[name].trials


def test_the_grid_spans_what_it_should() -> None:
    grid = list(worlds("full"))
    assert len(grid) == 4 * 3 * 4 * 2
    assert {world.cases for world in grid} == {60, 100, 200, 500}
    assert (min(world.changed for world in grid), max(world.changed for world in grid)) == (0.05, 0.5)
    assert {world.cues for world in grid} == {1, 2, 4}


@pytest.mark.slow
def test_the_command_writes_every_tally(tmp_path: Path) -> None:
    file = tmp_path / "coverage.json"
    assert (
        main(["--grid", "small", "--data-sets", "2", "--level-sets", "1", "--processes", "2", "--json", str(file)]) == 0
    )
    result = json.loads(file.read_text())
    assert len(result["cells"]) == 32
    assert len(result["metrics_sha256"]) == 64
    assert result["cells"][0]["coverage"]["youden_j"]["trials"] <= 2


@pytest.mark.slow
def test_cells_that_are_there_are_not_measured_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "coverage.json"
    arguments = ["--grid", "small", "--data-sets", "1", "--level-sets", "1", "--processes", "1", "--json", str(file)]
    main(arguments)
    whole = json.loads(file.read_text())
    file.write_text(json.dumps({**whole, "cells": whole["cells"][:30]}))
    main(arguments)
    assert "30 cells of 32 stand in" in capsys.readouterr().err
    again = json.loads(file.read_text())
    tallies = [
        [{name: cell[name] for name in ("coverage", "levels")} for cell in each["cells"]] for each in (whole, again)
    ]
    assert tallies[0] == tallies[1]
    assert again["cells"][:30] == whole["cells"][:30]
    file.write_text(json.dumps({**whole, "metrics_sha256": "of other code"}))
    main(arguments)
    assert "stand in" not in capsys.readouterr().err
