"""The terminal report fits 80 columns and says plainly what a result does not show."""

from __future__ import annotations

import numpy as np
import pytest
from simulate import invented_answers, invented_cases, invented_run

from introbench.metrics import Summary
from introbench.metrics.deciding import DecidingReading
from introbench.metrics.observations import CHANGED, Answers, CaseTable
from introbench.metrics.summary import summarise_run
from introbench.report.cautions import flags_of
from introbench.report.sentences import emitter_sentence, number, signed
from introbench.report.terminal import render


def world(items: int = 200, per_item: int = 4) -> tuple[np.random.Generator, CaseTable]:
    rng = np.random.default_rng(0)
    size = items * per_item
    hint = np.where(np.arange(size) % per_item == 0, -1, rng.integers(0, 4, size))
    return rng, invented_cases(hint, rng.integers(0, 4, size), clusters=np.arange(size) // per_item)


def model(rng: np.random.Generator, cases: CaseTable, insight: float, follows: float = 0.5) -> Answers:
    """Knows its own label with probability `insight`, else guesses."""
    size = cases.hint.size
    uncued = np.where(rng.random(size) < 0.6, cases.key, rng.integers(0, 4, size))
    cued = np.where((rng.random(size) < follows) & ~cases.placebo, cases.hint, uncued)
    knows = rng.random(size) < insight
    said = np.where(knows, uncued != cued, rng.random(size) < 0.5).astype(np.int64)
    return invented_answers(uncued, cued, said, np.where(knows, uncued, rng.integers(0, 4, size)))


def constant(answers: Answers) -> Answers:
    return invented_answers(answers.uncued, answers.cued, np.full(answers.cued.size, CHANGED))


def on_one_line(text: str) -> str:
    return " ".join(text.split())


def three_models() -> Summary:
    rng, cases = world()
    insightful, blind = model(rng, cases, 0.8), model(rng, cases, 0.0)
    return summarise_run(invented_run(cases, insightful, base=blind, parrot=constant(model(rng, cases, 0))))


def test_no_line_is_wider_than_asked_for() -> None:
    summary = three_models()
    for width in (80, 100, 120):
        lines = render(summary, width).splitlines()
        assert max(map(len, lines)) <= width
        assert not [line for line in lines if line != line.rstrip()]


def test_every_estimate_and_interval_stands_unbroken_at_80_columns() -> None:
    summary = three_models()
    text = render(summary)
    for emitter in summary.tasks[0].emitters:
        for estimate in (emitter.self_scores.exact_match, emitter.self_scores.auroc, emitter.behaviour.change_rate):
            assert estimate.low is not None
            assert estimate.high is not None
            assert estimate.value is not None
            assert f"{number(estimate.value)} [{number(estimate.low)}, {number(estimate.high)}]" in text
    for pair in (pair for pair in summary.tasks[0].pairs if pair.emitter == "target"):
        coupling = pair.exact.centred_coupling
        assert coupling.value is not None
        assert coupling.low is not None
        assert f"{signed(coupling.value)} [{signed(coupling.low)}, " in text


@pytest.mark.parametrize(
    ("mass", "said"), [(0.29, "puts 29% of"), (0.0001, "puts under 1% of"), (0.5, None), (None, None)]
)
def test_a_model_that_would_write_something_else_is_named(mass: float | None, said: str | None) -> None:
    emitter = three_models().tasks[0].emitters[0]
    emitter = emitter.model_copy(update={"saying": emitter.saying.model_copy(update={"median_candidate_mass": mass})})
    sentence, flagged = emitter_sentence(emitter), "little mass" in flags_of(emitter)
    assert flagged == (said is not None)
    assert (f"{emitter.model} {said} its probability" in sentence) if said else "its probability" not in sentence


def test_sentences_say_what_was_found_and_what_was_not() -> None:
    text = on_one_line(render(three_models()))
    assert "the explanations fit target's own behaviour better than base's" in text
    assert "base against target" not in text
    assert 'parrot is collapsed: it says "changed" in (nearly) every case' in text
    assert "Self of base: exact match is" in text
    assert "under its best floor" in text
    assert "Raw values prove nothing here" in text


def test_an_interval_around_zero_is_said_to_tell_nothing_apart() -> None:
    rng, cases = world()
    text = on_one_line(render(summarise_run(invented_run(cases, model(rng, cases, 0.0), base=model(rng, cases, 0.8)))))
    assert "target against base: no coupling can be told apart from none here" in text


def test_few_clusters_are_said_to_be_too_few() -> None:
    rng, cases = world(items=15)
    summary = summarise_run(invented_run(cases, model(rng, cases, 0.8), base=model(rng, cases, 0)))
    text = on_one_line(render(summary))
    assert "target gets no headline: too few" in text
    assert "target against base gets no headline: too few" in text
    assert "*" in text
    assert "better than" not in text


def test_a_rare_verdict_is_said_to_forbid_a_headline() -> None:
    rng, cases = world()
    summary = summarise_run(invented_run(cases, model(rng, cases, 0.9, follows=0.1)))
    assert "target gets no headline: the rarer true verdict is" in on_one_line(render(summary))


def test_equal_models_are_said_never_to_differ() -> None:
    rng, cases = world()
    one = model(rng, cases, 0.5)
    text = on_one_line(render(summarise_run(invented_run(cases, one, twin=one))))
    assert "target against twin: their labels never differ" in text
    assert "–" in text


def test_many_models_go_into_several_tables() -> None:
    rng, cases = world()
    others = {f"reference-{letter}-with-a-long-name": model(rng, cases, 0) for letter in "abcd"}
    text = render(summarise_run(invented_run(cases, model(rng, cases, 0.5), **others)))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("Self: exact match") == 2


def test_markup_in_names_is_shown_as_it_stands() -> None:
    rng, cases = world()
    run = invented_run(cases, model(rng, cases, 0.5), **{"hf/[bold]name": model(rng, cases, 0)})
    assert "[bold]name" in on_one_line(render(summarise_run(run)))


@pytest.mark.parametrize(
    ("value", "plain", "with_sign"),
    [(0.5, ".50", "+.50"), (-0.123, "−.12", "−.12"), (1, "1.00", "+1.00"), (-0.001, ".00", ".00"), (0, ".00", ".00")],
)
def test_numbers_are_written_for_reading(value: float, plain: str, with_sign: str) -> None:
    assert (number(value), signed(value)) == (plain, with_sign)


def test_the_deciding_token_stands_under_what_it_decides() -> None:
    summary = three_models()
    assert "deciding token" not in render(summary)
    task = summary.tasks[0]
    scores = task.emitters[0].self_scores
    reading = DecidingReading(
        cases=task.emitters[0].coverage.scored,
        median_mass=0.9,
        changed_rate=task.emitters[0].saying.changed_rate,
        agreement=scores.exact_match,
        youden_j=scores.youden_j.model_copy(update={"value": 0.25, "low": 0.125, "high": 0.375}),
        auroc=scores.auroc,
    )
    emitters = [task.emitters[0].model_copy(update={"deciding": reading}), *task.emitters[1:]]
    text = render(summary.model_copy(update={"tasks": [task.model_copy(update={"emitters": emitters})]}))
    rows = [line.split("  ") for line in text.splitlines() if "deciding token " in line and "[" in line]
    assert len(rows) == 3
    assert "+.25 [+.12, +.38]" in text
    assert "by the first token alone" in on_one_line(text)
    assert max(map(len, text.splitlines())) <= 80
