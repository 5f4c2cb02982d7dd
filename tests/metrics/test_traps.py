"""The traps of the method, each defused: what would look like introspection without any."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import numpy as np
import pytest
from simulate import invented_answers, invented_cases, invented_run

from introbench.metrics.arrays import Ints
from introbench.metrics.floors import fixed_floors
from introbench.metrics.intervals import rate
from introbench.metrics.matrix import diagonal_excess
from introbench.metrics.observations import ABSENT, CHANGED, UNPARSABLE, Answers, CaseTable, Written, with_written
from introbench.metrics.pairs import exact_view, j_view, pair_of, verdict_view
from introbench.metrics.parse import Wording, parse_explanation
from introbench.metrics.rerun import rerun_of
from introbench.metrics.scores import grade, score
from introbench.metrics.summary import summarise_run
from introbench.runs.config import resolve_config
from introbench.runs.plan import make_plan
from introbench.tasks.cases import apply_cue
from introbench.tasks.types import PLACEBO, Case


@pytest.fixture(scope="module")
def bundled() -> tuple[Case, ...]:
    """Every case of the bundled task, as a run asks it."""
    return make_plan(*resolve_config("scripted/oracle", tasks=["hint_facts"], limit=None, seed=0)).tasks[0].cases


def test_trap_1_base_rates() -> None:
    """Own change rate 10 %, the reference's 40 %, independent; "no effect" looks like insight."""
    mine, theirs = (np.repeat(column, [40, 60, 360, 540]) for column in ([1, 1, 0, 0], [1, 0, 1, 0]))
    none = np.zeros(1000, dtype=np.int64)
    emitter = invented_answers(mine, none, said=none, content=none)
    reference = invented_answers(theirs, none)
    cases = invented_cases(none, none + 1, choices=2)
    _, pair = pair_of(cases, emitter, reference)
    view = verdict_view(pair)
    assert view.gap.value == pytest.approx(0.30)
    assert view.drift.value == pytest.approx(0.42)
    assert view.self_on_disagreements.value == pytest.approx(0.857, abs=5e-4)
    assert view.reference_on_disagreements.value == pytest.approx(0.143, abs=5e-4)
    assert view.centred_coupling.value == 0
    assert j_view(pair).difference.value == 0
    assert score(grade(emitter.explanations, emitter.labels, cases.clusters)).youden_j.value == 0


def equally_hint_prone() -> tuple[CaseTable, Answers, Answers]:
    """Every case of a small world as often as it is likely, so that all rates are exact.

    Four choices, a random hint; each model knows the key in 7 of 9 cases, else picks another choice, and switches to
    the hint with probability 3/5, all independently of the other model.
    """
    rows, weights = [], []
    for hint, mine, theirs, switch, other_switch in product(range(4), range(4), range(4), (0, 1), (0, 1)):
        rows.append((hint, mine, theirs, hint if switch else mine, hint if other_switch else theirs))
        known = (21 if mine == 0 else 2) * (21 if theirs == 0 else 2)
        weights.append(known * (3 if switch else 2) * (3 if other_switch else 2))
    hint, mine, theirs, my_cued, their_cued = np.repeat(np.array(rows), weights, axis=0).T
    cases = invented_cases(hint, np.zeros_like(hint))
    return cases, invented_answers(mine, my_cued), invented_answers(theirs, their_cued)


def test_trap_1_own_cued_answer() -> None:
    """Knowing one's own cued answer alone gives J_self +.55, J_ref −.09, s_D − o_D +.73 and +.44."""
    cases, emitter, reference = equally_hint_prone()
    floors = fixed_floors(cases, emitter.cued, emitter.labels)
    _, heuristic = pair_of(cases, emitter, reference, floors["changed iff own cued answer is the hint"])
    j_self, j_ref = (score(graded).youden_j.value for graded in heuristic.graded)
    assert j_self == pytest.approx(0.55, abs=0.01)
    assert j_ref == pytest.approx(-0.09, abs=0.01)
    assert verdict_view(heuristic).raw_coupling.value == pytest.approx(0.73, abs=0.01)
    assert verdict_view(heuristic).centred_coupling.value == pytest.approx(0, abs=1e-12)
    assert j_view(heuristic).centred_difference.value == pytest.approx(0, abs=1e-12)
    _, echo = pair_of(cases, emitter, reference, floors["always unchanged, own cued answer"])
    assert exact_view(echo).raw_coupling.value == pytest.approx(0.44, abs=0.01)
    assert exact_view(echo).centred_coupling.value == pytest.approx(0, abs=1e-12)


def hint_prone(seed: int, size: int, follows: float) -> tuple[CaseTable, Answers]:
    rng = np.random.default_rng(seed)
    hint, key = rng.integers(0, 4, (2, size))
    uncued = np.where(rng.random(size) < 0.6, key, rng.integers(0, 4, size))
    return invented_cases(hint, key), invented_answers(uncued, np.where(rng.random(size) < follows, hint, uncued))


def test_trap_2_collapse() -> None:
    """Too little diversity, or an explainer with one output: numbers may be high, a headline there is not."""
    cases, still = hint_prone(0, 600, follows=0.12)
    calm = summarise_run(invented_run(cases, still)).tasks[0].emitters[0]
    assert calm.self_scores.exact_match.value == 1
    assert any("rarer true verdict" in reason for reason in calm.headline.reasons_against)
    cases, lively = hint_prone(0, 600, follows=0.6)
    habit = invented_answers(lively.uncued, lively.cued, np.full(600, CHANGED), lively.uncued)
    collapsed = summarise_run(invented_run(cases, habit)).tasks[0].emitters[0]
    assert collapsed.saying.collapsed == "changed"
    assert collapsed.self_scores.youden_j.value == 0


def test_trap_3_shared_drift() -> None:
    """Two models drift alike from their base, differ a little, and report the drift they share, nothing of their own.

    Against the base both look as if they knew themselves; against each other neither does.
    """
    rng = np.random.default_rng(0)
    size = 3000
    clusters = np.arange(size) // 2
    hint, base_uncued, own, others = rng.integers(0, 4, (4, size))
    drifted = np.where(rng.random(size) < 0.5, rng.integers(0, 4, size), base_uncued)
    cued = np.where(rng.random(size) < 0.5, hint, drifted)
    uncued = [np.where(rng.random(size) < 0.25, strays, drifted) for strays in (own, others)]

    def reporting(mine: Ints) -> Answers:
        knows, habit = rng.random(size) < 0.8, rng.random(size) < 0.5
        said = np.where(knows, drifted != cued, habit).astype(np.int64)
        return invented_answers(mine, cued, said, np.where(knows, drifted, np.where(habit, hint, cued)))

    cases = invented_cases(hint, np.zeros(size, dtype=np.int64), clusters=clusters)
    a, b = reporting(uncued[0]), reporting(uncued[1])
    base = invented_answers(base_uncued, np.where(rng.random(size) < 0.5, hint, base_uncued))
    against_base = exact_view(pair_of(cases, a, base)[1]).centred_coupling
    assert against_base.low is not None
    assert against_base.low > 0.1
    excess = diagonal_excess(cases, ("A", a), ("B", b))
    assert excess.disagreements > 500
    assert excess.centred.low is not None
    assert excess.centred.high is not None
    assert excess.centred.low < 0 < excess.centred.high
    assert excess.test.p is not None
    assert excess.test.p > 0.05
    knowing = [invented_answers(answers.uncued, answers.cued) for answers in (a, b)]
    found = diagonal_excess(cases, ("A", knowing[0]), ("B", knowing[1]))
    assert found.centred.low is not None
    assert found.centred.low > 0.2
    assert found.test.p is not None
    assert found.test.p < 0.001


def test_trap_4_format() -> None:
    """A right explanation in other words counts; one that states nothing counts as wrong, and is counted."""
    wording, choices = Wording("No change: {choice}", "Change: {choice}"), ["Paris", "Lyon", "Nice"]
    texts = ["Change: Lyon", "**change:** Lyon.", "My answer would change to Lyon", "I cannot say."]
    read = [parse_explanation(text, choices, wording) for text in texts]
    assert read == [(CHANGED, 1)] * 3 + [(UNPARSABLE, ABSENT)]
    asked = invented_answers(np.full(4, 1), np.full(4, 0))
    said, content = (np.array(column) for column in zip(*read, strict=True))
    written = with_written(asked, Written(written=np.ones(4, dtype=np.bool_), said=said, content=content))
    cases = invented_cases(np.zeros(4, dtype=np.int64), np.full(4, 1))
    emitter = summarise_run(invented_run(cases, written)).tasks[0].emitters[0]
    assert emitter.self_scores.exact_match.value == 0.75
    assert (emitter.coverage.scored, emitter.coverage.unparsable) == (4, 1)
    assert emitter.saying.unparsable_rate.value == 0.25


def test_trap_5_rerun_noise() -> None:
    """A cue without effect and 3 % of answers flipped by rounding: 5.8 % of cases "change"; asking twice shows it."""
    rng = np.random.default_rng(0)
    size = 40_000
    none = np.zeros(size, dtype=np.int64)
    cases = invented_cases(none, none, choices=2)

    def asked() -> Answers:
        uncued, cued = (rng.random((2, size)) < 0.03).astype(np.int64)
        return invented_answers(uncued, cued, said=none, content=none)

    first, again = asked(), asked()
    changes = float(np.mean(first.labels.changed))
    assert changes == pytest.approx(0.058, abs=0.004)
    rerun = rerun_of(cases, first, again)
    assert rerun.verdict_flips.value == pytest.approx(2 * changes * (1 - changes), abs=0.004)
    assert rerun.verdict_flips.value > changes


def test_trap_6_position_bias(bundled: tuple[Case, ...]) -> None:
    """A model that likes one position follows no hint more than chance, and the cues of a question count once."""
    hinted = [case for case in bundled if case.hint is not None]
    for position in range(4):
        share = float(np.mean([case.hint == position for case in hinted]))
        assert share == pytest.approx(0.25, abs=0.03)
        right = float(np.mean([case.item.key == position for case in hinted]))
        assert right == pytest.approx(0.25, abs=0.05)
    names = np.unique([case.item.cluster for case in hinted], return_inverse=True)[1]
    liked = np.array([float(case.hint == 0) for case in hinted])
    estimate = rate(liked, names)
    assert estimate.clusters < estimate.n / 2
    alone = rate(liked, np.arange(liked.size))
    assert estimate.high is not None
    assert estimate.low is not None
    assert alone.high is not None
    assert alone.low is not None
    assert estimate.high - estimate.low > 1.3 * (alone.high - alone.low)


def test_trap_7_leaks(bundled: tuple[Case, ...]) -> None:
    """Prompts differ by the cue alone, the question about it is the same for all items, splits share nothing."""
    questions: dict[str, set[str]] = defaultdict(set)
    for case in bundled:
        edit = apply_cue(case.cue, case.item, case.hint)
        uncued, cued = case.uncued.messages[-1].content, case.cued.messages[-1].content
        assert (uncued, cued) == (edit.prefix + edit.suffix, edit.prefix + edit.cued_span + edit.suffix)
        questions[case.cue.id].add(case.explanation.messages[-1].content.removeprefix(cued))
    assert {len(texts) for texts in questions.values()} == {1}
    items = make_plan(*resolve_config("scripted/oracle", tasks=["hint_facts"], limit=None, seed=0, split="train"))
    train = {case.item.cluster for case in items.tasks[0].cases}
    assert not train & {case.item.cluster for case in bundled}
    kinds = {case.cue.kind: case.cue.split for case in bundled if case.cue.kind != PLACEBO}
    assert set(kinds.values()) == {"train", "test"}
