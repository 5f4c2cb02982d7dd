"""Plots show what the summary holds, in SVG that any reader of XML takes."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest
from reports import run_of

from introbench.metrics.matrix import matrix_of
from introbench.report.figures import Curve, Heat, Whiskers, figures_of
from introbench.report.gather import gather, gather_all
from introbench.report.svg import inline_svg, standalone_svg

NAMES = {"self-and-ref-exact-match", "self-and-ref-youden-j", "disagreement-cases", "coupling", "cue-kinds"}


def test_a_run_with_a_reference_gives_every_plot_but_the_trajectory(stored: Path) -> None:
    figures = figures_of([gather(stored)])
    assert {figure.name for figure in figures} == NAMES | {"calibration-0", "matrix-0"}


def test_the_plot_of_scores_shows_self_ref_and_floor_as_the_summary_has_them(stored: Path) -> None:
    run = gather(stored)
    (task,) = run.summary.tasks
    figure = next(figure for figure in figures_of([run]) if figure.name == "self-and-ref-exact-match")
    assert isinstance(figure, Whiskers)
    ((_, points),) = figure.groups
    own, reference, floor = points
    score = task.emitters[0].self_scores.exact_match
    assert (own.value, own.low, own.high) == (score.value, score.low, score.high)
    assert reference.value == task.pairs[0].reference_scores.exact_match.value
    assert floor.value == task.emitters[0].headline.exact_match.floor_value


def test_calibration_bins_hold_every_scored_case_once(stored: Path) -> None:
    run = gather(stored)
    figure = next(figure for figure in figures_of([run]) if figure.name == "calibration-0")
    assert isinstance(figure, Curve)
    for line, emitter in zip(figure.lines, run.summary.tasks[0].emitters, strict=True):
        assert sum(int(point.label.split()[0]) for point in line.points) == emitter.coverage.scored
        assert all(0 <= point.x <= 1 for point in line.points)


def test_the_matrix_has_self_on_its_diagonal_and_ref_beside_it(stored: Path) -> None:
    run = gather(stored)
    (task,) = run.summary.tasks
    figure = next(figure for figure in figures_of([run]) if isinstance(figure, Heat))
    assert [figure.values[place][place] for place in range(2)] == [
        emitter.self_scores.exact_match.value for emitter in task.emitters
    ]
    assert figure.values[0][1] == task.pairs[0].reference_scores.exact_match.value


def test_two_references_are_set_side_by_side_in_the_matrix_too(tmp_path: Path) -> None:
    models = ("scripted/random", "scripted/oracle?seed=1", "scripted/liar?seed=2")
    run = gather(run_of(tmp_path / "three", *models, limit=20))
    figure = next(figure for figure in figures_of([run]) if isinstance(figure, Heat))
    (expected,) = matrix_of([run.run], ["three"]).tasks  # all three models answered every case
    for cell in expected.cells:
        shown = figure.values[models.index(cell.emitter)][models.index(cell.teacher)]
        assert shown == pytest.approx(cell.exact_match.value, abs=1e-6)


def test_a_trajectory_is_drawn_against_every_reference_of_the_series(stored: Path, tmp_path: Path) -> None:
    references = ("scripted/oracle?seed=1", "scripted/liar?seed=2")
    other = run_of(tmp_path / "second", "scripted/oracle", *references, limit=40)
    runs = gather_all([other, stored])
    curves = [figure for figure in figures_of(runs) if isinstance(figure, Curve) and "Trajectory" in figure.title]
    assert [curve.name for curve in curves] == ["trajectory-0", "trajectory-0-1"]
    for curve, reference in zip(curves, references, strict=True):
        assert curve.title.endswith(f"against {reference}")
        own, ref, drift = curve.lines
        found = [(x, pair) for x, run in enumerate(runs) for pair in run.summary.tasks[0].pairs]
        target = [run.summary.tasks[0].emitters[0].model for run in runs]
        pairs = [(x, pair) for x, pair in found if pair.reference == reference and pair.emitter == target[x]]
        assert [(point.x, point.value) for point in ref.points] == [
            (x, pair.reference_scores.exact_match.value) for x, pair in pairs
        ]
        assert [(point.x, point.value) for point in drift.points] == [(x, pair.exact.drift.value) for x, pair in pairs]
        assert len(own.points) == 2
    assert len(curves[1].lines[1].points) == 1


def test_several_runs_give_a_trajectory_in_the_order_given(stored: Path, tmp_path: Path) -> None:
    other = run_of(tmp_path / "second", "scripted/oracle", "scripted/oracle?seed=1", limit=40)
    figures = figures_of(gather_all([other, stored]))
    curve = next(figure for figure in figures if figure.name == "trajectory-0")
    assert isinstance(curve, Curve)
    assert [label for _, label in curve.ticks] == ["second", "first"]
    own = next(line for line in curve.lines if line.label == "Self")
    assert own.points[0].value == 1.0
    assert own.points[1].value < 1.0


def test_runs_of_one_training_follow_each_other_by_step_and_others_stay_where_they_are(
    stored: Path, tmp_path: Path
) -> None:
    given = ["b/last", "a/step-0", "a/step-100", "a/step-50", "b/step-7", "b/first"]
    copies = [shutil.copytree(stored, tmp_path / "copies" / name) for name in given]
    figure = next(each for each in figures_of(gather_all(copies)) if each.name == "trajectory-0")
    assert isinstance(figure, Curve)
    assert [label for _, label in figure.ticks] == ["last", "step-0", "step-50", "step-100", "step-7", "first"]
    assert [run.name for run in gather_all(copies[1:4])] == ["step-0", "step-50", "step-100"]


def test_every_plot_is_well_formed_and_says_in_words_what_it_shows(stored: Path, hostile: Path) -> None:
    for run in (stored, hostile):
        for figure in figures_of([gather(run)]):
            for text in (standalone_svg(figure), str(inline_svg(figure))):
                root = ElementTree.fromstring(text)
                title, description = root[0], root[1]
                assert title.text == figure.title
                assert description.text
                assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
                assert "style=" not in text


def test_png_files_are_drawn_where_matplotlib_is(stored: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plots: pip install 'introbench[plots]'")
    from introbench.report.png import as_png

    for figure in figures_of([gather(stored)]):
        data = as_png(figure)
        assert data.startswith(b"\x89PNG")
        width, height = struct.unpack(">II", data[16:24])
        assert width > 500
        assert height > 200
        assert as_png(figure) == data
