"""Pages of comparison, matrix and external scores fit 80 columns, say their intervals, and show hostile texts inert."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulate import invented_answers, invented_cases, invented_run

from introbench.metrics.compare import compare_runs
from introbench.metrics.external import score_rows
from introbench.metrics.external_rows import ExternalRow
from introbench.metrics.matrix import matrix_of
from introbench.metrics.read import Run
from introbench.metrics.summary import summarise_run
from introbench.report.compare import render_comparison
from introbench.report.external import render_external
from introbench.report.inert import inert
from introbench.report.matrix import render_matrix
from introbench.report.sentences import number
from introbench.report.terminal import render

HOSTILE = "\x1b[31mred\x1b[0m \u202eevil\u202c <script>alert(1)</script> [bold]x[/bold] \x00" + "z" * 5000
UNSEEN = ("\x1b", "\u202e", "\u202c", "\x00")


def run(seed: int, names: list[str], name: str = "target", choices: tuple[str, ...] = ("a", "b", "c", "d")) -> Run:
    rng, size = np.random.default_rng(seed), 240
    cases = invented_cases(
        np.random.default_rng(0).integers(0, 4, size), np.zeros(size, dtype=np.int64), clusters=np.arange(size) // 3
    )
    models = []
    for _ in range(1 + len(names)):
        uncued = rng.integers(0, 4, size)
        cued = np.where(rng.random(size) < 0.5, cases.hint, uncued)
        models.append(invented_answers(uncued, cued, rng.integers(0, 2, size), rng.integers(0, 4, size)))
    found = invented_run(cases, models[0], **dict(zip(names, models[1:], strict=True)))
    return replace(found, choices=(choices,) * size)


def fits(text: str, width: int = 80) -> bool:
    return max(map(len, text.splitlines())) <= width and not any(sign in text for sign in UNSEEN)


def test_a_comparison_fits_and_shows_flips_before_scores() -> None:
    runs = (run(1, [], choices=("a", "b", HOSTILE, "d")), run(2, []))
    page = render_comparison(compare_runs(runs, (f"runs/{HOSTILE}", "second")), flips=7)
    assert fits(page)
    assert page.count("• ") == 8
    assert page.index("lost invented/") < page.index("exact match")
    for word in ("95 % intervals", "Holm", "80 % power", "Benjamini", "exact match", "J of verdict"):
        assert word in page


def test_a_matrix_of_many_models_fits_and_names_them_all() -> None:
    names = [f"reference {number} with a rather long name" for number in range(9)]
    matrix = matrix_of([run(1, names)], ["runs/one"])
    page = render_matrix(matrix)
    assert fits(page)
    for name in ("target", *names):
        assert name in page
    assert page.count("exact match") == page.count("J of verdict") == 2
    assert "█" in page


def test_external_scores_fit_and_say_how_rows_were_read() -> None:
    texts = ["Change: B", "would change to <<<B>>>", "it would not change", HOSTILE, "\x00", "I cannot say"] * 10
    rows = [
        (
            number + 1,
            ExternalRow(
                id=f"{HOSTILE}{number}", cued="A", uncued="AB"[number % 2], explanation=text, choices=["A", "B"]
            ),
        )
        for number, text in enumerate(texts)
    ]
    page = render_external(score_rows(rows))
    assert fits(page)
    for words in ("60 rows in 60 clusters", "10 by <<<…>>>", "mover-wilson", "verdict macro-F1", "and 20 more"):
        assert words in " ".join(page.split())


def test_pooled_tasks_are_shown_with_their_weights() -> None:
    one = run(1, ["base"])
    cases = replace(one.cases, tasks=np.where(np.arange(240) < 120, "a", "b"))
    both = replace(one, cases=cases, tasks=tuple(one.tasks[0].model_copy(update={"name": name}) for name in ("a", "b")))
    page = render(summarise_run(both))
    assert fits(page)
    assert "Means over 2 tasks, each with the same weight" in page


def test_every_task_has_a_row_with_coverage_verdict_balance_and_flags() -> None:
    one = run(1, [])
    cases = replace(one.cases, tasks=np.where(np.arange(240) < 230, "a", "b"))
    both = replace(one, cases=cases, tasks=tuple(one.tasks[0].model_copy(update={"name": name}) for name in ("a", "b")))
    summary = summarise_run(both)
    page = render(summary)
    assert fits(page)
    overview = page.partition("all tasks ─")[2].splitlines()
    for task in summary.tasks:
        (emitter,) = task.emitters
        (row,) = (line.split() for line in overview if line.startswith(f" {task.name} "))
        changed = emitter.behaviour.change_rate.value
        assert changed is not None
        assert row[1:4] == [str(emitter.coverage.cases), "1.00", number(changed)]
        assert ("no headline" in " ".join(row)) == bool(emitter.headline.reasons_against)
    assert summary.tasks[1].emitters[0].headline.reasons_against


@given(st.text(max_size=300))
def test_inert_texts_are_short_and_hold_nothing_unseen(text: str) -> None:
    shown = inert(text, 100)
    assert not any(sign in shown for sign in (*UNSEEN, "\n", "\r", "\u2028", "\u2066"))
    assert shown.isprintable() or all(letter.isprintable() or letter.isspace() for letter in shown)
    assert len(text) <= 100 or "characters)" in shown


@pytest.mark.parametrize(("text", "shown"), [("plain", "plain"), ("a\nb", "a\\nb"), ("\u202ex", "\\u202ex")])
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert inert(text) == shown
