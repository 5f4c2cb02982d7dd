"""Every emitter against every teacher: do explanations fit the model that gave them better than its peers?

The diagonal excess of two models, ½[(A→A − A→B) + (B→B − B→A)] on the cases on which their labels differ, cannot be
made by one of them being the easier model to describe, nor by what drifted in both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, product
from typing import Literal

import numpy as np

from introbench.errors import UsageError
from introbench.metrics.align import align, check_readings
from introbench.metrics.arrays import Bools, Floats, Ints, grouped
from introbench.metrics.frozen import Frozen
from introbench.metrics.intervals import Estimate, cluster_count, linearised, mean, not_estimable, variance
from introbench.metrics.observations import Answers, CaseTable
from introbench.metrics.pairs import NO_DISAGREEMENT, NO_EXCHANGE, Pair, exact_worth, pair_of
from introbench.metrics.permutation import exchange_table
from introbench.metrics.read import Run
from introbench.metrics.scores import grade, rate_and_j
from introbench.metrics.significance import NO_TEST, PairedTest, detectable, with_holm

__all__ = ["Cell", "DiagonalExcess", "Matrix", "TaskMatrix", "diagonal_excess", "matrix_of"]

PERMUTATIONS = 2000
"""p-values are resolved to 1 / 2001."""


class Cell(Frozen):
    """One emitter's explanations against one teacher's labels."""

    emitter: str
    """The model that explains."""
    teacher: str
    """The model whose labels count as true."""
    exact_match: Estimate
    """Share of cases with verdict and content right."""
    youden_j: Estimate
    """Sensitivity + specificity − 1 of the verdict."""


class DiagonalExcess(Frozen):
    """How much better two models' explanations fit their own behaviour than each other's, where the two differ."""

    models: tuple[str, str]
    """The two models."""
    disagreements: int
    """n_D: number of cases on which their labels differ."""
    raw: Estimate
    """½[(A→A − A→B) + (B→B − B→A)] on those cases, exact matches. Base rates alone can make it large."""
    centred: Estimate
    """The same minus its mean over permutations of the explanations within strata."""
    alone_share: float | None
    """Share of those cases that are alone in their stratum and contribute 0; null without such cases."""
    test: PairedTest
    """Permutation test: both models' explanations of a case are moved together, within strata."""


class TaskMatrix(Frozen):
    """The matrix of one task."""

    task: str
    """Its name."""
    models: list[str]
    """Emitters and teachers, in order."""
    cases: int
    """Headline cases that all runs hold."""
    answered: dict[str, int]
    """By model, the number of these that it answered and explained."""
    scored: int
    """Those that every model answered and explained: what all cells rest on."""
    cells: list[Cell]
    """Every emitter with every teacher."""
    excess: list[DiagonalExcess]
    """Every two models, as one family of tests."""


class Matrix(Frozen):
    """Emitter × teacher over a set of runs."""

    schema_version: Literal[1]
    """Version of this layout."""
    runs: list[str]
    """The runs, as they were named."""
    left_out: list[int]
    """Per run, the number of its cases that another run lacks."""
    tasks: list[TaskMatrix]
    """Every task that the runs share."""


def matrix_of(runs: Sequence[Run], names: Sequence[str]) -> Matrix:
    """Every model of every run against every other, on the cases that all runs hold.

    Raises NotComparableError where the runs cannot be set side by side, UsageError where there is only one model.
    """
    check_readings([entry for run in runs for entry in run.models])
    aligned = align(runs, names)
    answers = _entrants(runs, names, aligned.rows)
    if len(answers) < 2:
        raise UsageError(f"{', '.join(names)}: a matrix needs two models or more; name another run")
    tasks = []
    for task in runs[0].tasks:
        mask = aligned.cases.tasks == task.name
        if mask.any():
            parts = {name: each.take(mask) for name, each in answers.items()}
            tasks.append(_task(task.name, aligned.cases.take(mask), parts))
    return Matrix(schema_version=1, runs=list(names), left_out=list(aligned.left_out), tasks=tasks)


def _entrants(runs: Sequence[Run], names: Sequence[str], rows: Sequence[Ints]) -> dict[str, Answers]:
    """Every model once; one that stands in several runs under one fingerprint is taken from the first."""
    found: dict[str, Answers] = {}
    seen: set[tuple[str, str]] = set()
    common = [entry.name for run in runs for entry in run.models]
    for run, run_name, row in zip(runs, names, rows, strict=True):
        for entry in run.models:
            if (entry.name, entry.fingerprint) in seen:
                continue
            seen.add((entry.name, entry.fingerprint))
            fingerprints = {e.fingerprint for r in runs for e in r.models if e.name == entry.name}
            unique = common.count(entry.name) == 1 or len(fingerprints) == 1
            found[entry.name if unique else f"{entry.name} in {run_name}"] = run.answers[entry.name].take(row)
    return found


def _task(name: str, cases: CaseTable, answers: Mapping[str, Answers]) -> TaskMatrix:
    done = {model: cases.headline & each.behaved & each.explained for model, each in answers.items()}
    scored = np.logical_and.reduce(list(done.values()))
    table = cases.take(scored)
    models = {model: each.take(scored) for model, each in answers.items()}
    cells = []
    for emitter, teacher in product(models, models):
        graded = grade(models[emitter].explanations, models[teacher].labels, table.clusters)
        exact, youden_j = rate_and_j(graded)
        cells.append(Cell(emitter=emitter, teacher=teacher, exact_match=exact, youden_j=youden_j))
    excess = [diagonal_excess(table, (a, models[a]), (b, models[b])) for a, b in combinations(models, 2)]
    tests = with_holm([each.test for each in excess])
    return TaskMatrix(
        task=name,
        models=list(models),
        cases=int(np.count_nonzero(cases.headline)),
        answered={model: int(np.count_nonzero(mask)) for model, mask in done.items()},
        scored=int(np.count_nonzero(scored)),
        cells=cells,
        excess=[each.model_copy(update={"test": test}) for each, test in zip(excess, tests, strict=True)],
    )


def diagonal_excess(
    cases: CaseTable,
    one: tuple[str, Answers],
    other: tuple[str, Answers],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> DiagonalExcess:
    """The diagonal excess of two named models on headline cases that both answered and explained."""
    (name, a), (other_name, b) = one, other
    both = a.explained & b.explained
    cases, a, b = cases.take(both), a.take(both), b.take(both)
    (usable, forward), (_, backward) = pair_of(cases, a, b), pair_of(cases, b, a)
    differs = forward.own.differ(forward.reference)
    size = int(np.count_nonzero(differs))
    if size == 0:
        nothing = not_estimable(NO_DISAGREEMENT if usable.any() else "no cases")
        parts: tuple[Estimate, Estimate, float | None, PairedTest] = (nothing, nothing, None, NO_TEST)
    else:
        raw = ((_own_minus_other(forward) + _own_minus_other(backward)) / 2)[differs]
        parts = (mean(raw, forward.clusters[differs]), *_centred(forward, backward, differs, permutations, seed))
    return DiagonalExcess(
        models=(name, other_name),
        disagreements=size,
        raw=parts[0],
        centred=parts[1],
        alone_share=parts[2],
        test=parts[3],
    )


def _own_minus_other(pair: Pair) -> Floats:
    own, reference = pair.graded
    difference: Floats = own.exact - reference.exact
    return difference


def _centred(
    forward: Pair, backward: Pair, differs: Bools, permutations: int, seed: int
) -> tuple[Estimate, float | None, PairedTest]:
    """The centred excess, the share of D alone in its stratum, and the permutation test."""
    strata, clusters = forward.strata[differs], forward.clusters[differs]
    sources = [pair.transplants.source[differs] for pair in (forward, backward)]
    tables = [
        exchange_table(
            (exact_worth(pair.transplants, pair.own) - exact_worth(pair.transplants, pair.reference))[differs],
            source,
            strata,  # the backward pair has the same strata under other codes
        )
        for pair, source in zip((forward, backward), sources, strict=True)
    ]
    rows, size = np.arange(strata.size), strata.size
    paired, inflation = tables[0].paired, tables[0].inflation

    def contributions(order: Ints) -> Floats:
        moved = [table.worth[rows, source[order]] for table, source in zip(tables, sources, strict=True)]
        halved: Floats = (moved[0] + moved[1]) / 2
        return halved

    alone = float(np.mean(~paired))
    if not paired.any():
        return not_estimable(NO_EXCHANGE, n=size, clusters=cluster_count(clusters)), alone, NO_TEST
    own = contributions(rows)
    inflated = own * inflation
    parts = (inflated - np.mean(inflated)) / size
    informative = cluster_count(clusters[paired])
    estimate = linearised(float(np.sum(own)) / size, parts, clusters, smaller_class=informative)
    error = math.sqrt(variance(parts, clusters)) if informative > 1 else math.nan
    p = _permutation_p(contributions, inflation, strata, clusters, permutations, seed)
    test = PairedTest(
        method="stratified permutation", p=p, p_holm=None, family=1, detectable=detectable(error, informative)
    )
    return estimate, alone, test


def _permutation_p(
    contributions: Callable[[Ints], Floats],
    inflation: Floats,
    strata: Ints,
    clusters: Ints,
    permutations: int,
    seed: int,
) -> float:
    """Two-sided p of the excess over its standard error, against that of explanations exchanged within strata.

    Set over its clustered standard error, which is found anew for every permutation: cases of one cluster may be
    explained alike, permuted ones are not, and an unscaled excess would take that for a finding.
    """
    codes, _ = grouped(clusters)
    home = np.argsort(strata, kind="stable")
    rng = np.random.default_rng(seed)

    def scaled(order: Ints) -> float:
        own = contributions(order)
        total, inflated = float(np.sum(own)), own * inflation
        spread = float(np.var(np.bincount(codes, inflated - np.mean(inflated))))
        if spread <= 1e-18:
            return 0.0 if abs(total) <= 1e-9 else math.inf
        return abs(total) / math.sqrt(spread)

    observed, as_large = scaled(np.arange(strata.size)), 0
    order = np.empty_like(home)
    for _ in range(permutations):
        # Members of a stratum stand together in `home`; sorting by stratum and a draw puts another of them there.
        order[home] = np.lexsort((rng.random(strata.size), strata))
        as_large += scaled(order) >= observed - 1e-9
    return (1 + as_large) / (1 + permutations)
