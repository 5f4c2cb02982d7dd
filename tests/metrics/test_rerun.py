"""A model asked twice: what differs is counted, on what was asked twice and is no placebo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from simulate import invented_answers, invented_cases, invented_run, unanswered

from introbench.metrics.observations import ABSENT
from introbench.metrics.rerun import rerun_of
from introbench.metrics.summary import summarise_run
from introbench.report.terminal import render

ASKED_TWICE = 40


def test_flips_are_counted_on_the_cases_that_were_asked_twice() -> None:
    hint = np.where(np.arange(100) < 90, 1, ABSENT)
    cases = invented_cases(hint, np.zeros(100, dtype=np.int64))
    uncued = np.zeros(100, dtype=np.int64)
    cued = np.ones(100, dtype=np.int64)
    first = invented_answers(uncued, cued)
    # The second time, two cases change the verdict, two more only the content, and one the explanation alone.
    uncued_again, said_again = uncued.copy(), np.ones(100, dtype=np.int64)
    uncued_again[[0, 1]] = 1
    uncued_again[[2, 3]] = 2
    said_again[4] = 0
    again = invented_answers(uncued_again, cued, said=said_again, content=uncued)
    asked = np.arange(100) < ASKED_TWICE
    found = rerun_of(cases, first, replace(again, behaved=asked, explained=asked))
    assert (found.label_flips.n, found.verdict_flips.n, found.explanation_flips.n) == (40, 40, 40)
    assert found.label_flips.value == 4 / ASKED_TWICE
    assert found.verdict_flips.value == 2 / ASKED_TWICE
    assert found.explanation_flips.value == 1 / ASKED_TWICE


def test_placebos_do_not_count_and_nothing_asked_twice_is_not_estimable() -> None:
    cases = invented_cases(np.full(50, ABSENT), np.zeros(50, dtype=np.int64))
    answers = invented_answers(np.zeros(50, dtype=np.int64), np.zeros(50, dtype=np.int64))
    assert rerun_of(cases, answers, answers).label_flips.status == "not estimable"
    hinted = invented_cases(np.ones(50, dtype=np.int64), np.zeros(50, dtype=np.int64))
    assert rerun_of(hinted, answers, unanswered(answers)).label_flips.status == "not estimable"


def test_flips_stand_beside_the_drift() -> None:
    cases = invented_cases(np.ones(200, dtype=np.int64), np.zeros(200, dtype=np.int64))
    draw = np.random.default_rng(0)
    target = invented_answers(draw.integers(0, 2, 200), draw.integers(0, 2, 200))
    run = invented_run(cases, target, base=invented_answers(draw.integers(0, 2, 200), draw.integers(0, 2, 200)))
    text = render(summarise_run(replace(run, again={**run.again, "target": target})))
    lines = text.splitlines()
    drift = next(number for number, line in enumerate(lines) if "labels differ" in line or "d: share of" in line)
    beside = next(line for line in lines[drift:] if "asked twice" in line)
    assert ".00, –" in beside
