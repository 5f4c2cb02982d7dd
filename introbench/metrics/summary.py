"""From a run directory to `summary.json`: a pure function of manifest, cases and ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from introbench.hashing import Json, canonical_json
from introbench.metrics.arrays import Bools
from introbench.metrics.behaviour import behaviour_of, collapsed, saying_of
from introbench.metrics.deciding import DecidingReading, deciding_reading
from introbench.metrics.draws import draw_spreads
from introbench.metrics.floors import Floor, fixed_floors, floors_of
from introbench.metrics.full_floor import FloorSet, check_floors, classifier_floor
from introbench.metrics.headline import headline_of, reasons_against
from introbench.metrics.intervals import FEWEST_CLUSTERS, cluster_count
from introbench.metrics.ledgers import LedgerCounts
from introbench.metrics.observations import UNPARSABLE, Answers, CaseTable, Explanations
from introbench.metrics.over_tasks import as_families, pooled_of
from introbench.metrics.pair_floors import pair_floors
from introbench.metrics.pairs import PairView, exact_view, j_view, pair_of, verdict_view
from introbench.metrics.read import ModelEntry, Run, TaskEntry, read_run
from introbench.metrics.rerun import rerun_of
from introbench.metrics.schema import (
    Breakdown,
    CaseCounts,
    CouplingCeiling,
    Coverage,
    EmitterSummary,
    FloorScores,
    ModelSummary,
    PairSummary,
    Summary,
    TaskSummary,
    TrivialCoupling,
)
from introbench.metrics.scores import Graded, grade, point_scores, rate_and_j, score

__all__ = ["Summary", "dump", "rounded", "summarise", "summarise_run"]

DECIMALS = 6
"""Beyond these, the order of additions may show, which differs between machines."""


@dataclass(frozen=True, slots=True, eq=False)
class _Emitter:
    """One model's part of one task.

    Attributes:
        entry: the model, as the manifest names it.
        answers: its decisions over the task's cases.
        again: its decisions where it was asked a second time.
    """

    entry: ModelEntry
    answers: Answers
    again: Answers


def summarise(path: Path) -> Summary:
    """Every estimate of a run directory. Raises RunDirectoryError where it cannot be read."""
    return summarise_run(read_run(path))


def summarise_run(run: Run, floors: FloorSet = "fixed") -> Summary:
    """Every estimate of a run, rounded as it is stored, so that a summary equals its file.

    Args:
        floors: which explainers stand beside Self; "full" needs scikit-learn and raises UsageError without it.
    """
    check_floors(floors)
    tasks = as_families([_task(run, task, floors) for task in run.tasks])
    exact = Summary(
        schema_version=1,
        seed=run.seed,
        models=[
            ModelSummary(
                name=model.name,
                role=model.role,
                fingerprint=model.fingerprint,
                tie_margin=model.tie_margin,
                ledger=run.ledgers.get(model.name, LedgerCounts()),
            )
            for model in run.models
        ],
        tasks=tasks,
        pooled=pooled_of(tasks) if len(tasks) > 1 else None,
        draws=draw_spreads(tasks),
    )
    return Summary.model_validate(rounded(exact.model_dump(mode="json")))


def dump(summary: Summary) -> bytes:
    """The bytes of `summary.json`: canonical, with a trailing newline, equal for equal summaries."""
    return canonical_json(rounded(summary.model_dump(mode="json"))).encode() + b"\n"


def rounded(value: Json) -> Json:
    """The same with every number rounded as results are stored."""
    if isinstance(value, float):
        # Adding 0.0 turns −0.0, which depends on the order of additions, into 0.0.
        return round(value, DECIMALS) + 0.0
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    return value


def _task(run: Run, task: TaskEntry, floors: FloorSet) -> TaskSummary:
    mask = run.cases.tasks == task.name
    cases = run.cases.take(mask)
    emitters = [
        _Emitter(model, run.answers[model.name].take(mask), run.again[model.name].take(mask)) for model in run.models
    ]
    targets = [emitter for emitter in emitters if emitter.entry.role == "target"]
    others = [emitter for emitter in emitters if emitter.entry.role != "target"]
    forward = [(target, other) for target in targets for other in others]
    return TaskSummary(
        name=task.name,
        version=task.version,
        comparability=task.comparability,
        cases=_counts(cases, task.cases),
        skipped=task.skipped,
        notes=task.notes,
        noise=task.noise,
        emitters=[
            _emitter(cases, emitter, floors).model_copy(
                update={
                    "opening": run.openings.get((task.name, emitter.entry.name)),
                    "judged": run.judged.get((task.name, emitter.entry.name)),
                    "deciding": _deciding(run, mask, cases, emitter),
                }
            )
            for emitter in emitters
        ],
        pairs=[_pair(cases, *pair) for pair in (*forward, *((other, target) for target, other in forward))],
    )


def _deciding(run: Run, mask: Bools, cases: CaseTable, emitter: _Emitter) -> DecidingReading | None:
    found = run.deciding.get(emitter.entry.name)
    return None if found is None else deciding_reading(cases, emitter.answers, found[mask])


def _counts(cases: CaseTable, planned: int | None) -> CaseCounts:
    return CaseCounts(
        planned=planned,
        held=cases.hint.size,
        headline=int(np.count_nonzero(cases.headline)),
        placebo=int(np.count_nonzero(cases.placebo)),
        rewrite=int(np.count_nonzero(cases.rewrite & ~cases.placebo)),
        items=int(np.unique(cases.items[cases.headline]).size),
        clusters=cluster_count(cases.clusters[cases.headline]),
    )


def _coverage(cases: CaseTable, behaved: Bools, emitter: Answers) -> Coverage:
    headline = cases.headline
    scored = headline & behaved & emitter.explained
    return Coverage(
        cases=int(np.count_nonzero(headline)),
        behaved=int(np.count_nonzero(headline & behaved)),
        explained=int(np.count_nonzero(headline & emitter.explained)),
        scored=int(np.count_nonzero(scored)),
        unparsable=int(np.count_nonzero(scored & (emitter.said == UNPARSABLE))),
    )


def _graded(cases: CaseTable, answers: Answers, mask: Bools) -> Graded:
    part = answers.take(mask)
    return grade(part.explanations, part.labels, cases.clusters[mask])


def _emitter(cases: CaseTable, emitter: _Emitter, floor_set: FloorSet) -> EmitterSummary:
    answers, entry = emitter.answers, emitter.entry
    answered = answers.behaved & answers.explained
    scored = cases.headline & answered
    unsure = answers.unsure_behaviour(entry.tie_margin) | answers.unsure_explanation(entry.tie_margin)
    graded, own = _graded(cases, answers, scored), answers.take(scored)
    floors = floors_of(cases.take(scored), own, own.labels) if scored.any() else []
    if floor_set == "full" and floors and (learnt := classifier_floor(cases.take(scored), own, own.labels)):
        floors.append(learnt)
    return EmitterSummary(
        model=entry.name,
        role=entry.role,
        coverage=_coverage(cases, answers.behaved, answers),
        behaviour=behaviour_of(cases, answers, entry.tie_margin),
        saying=saying_of(cases, answers, entry.tie_margin),
        rerun=rerun_of(cases, answers, emitter.again),
        self_scores=score(graded),
        outside_tie_margin=score(_graded(cases, answers, scored & ~unsure)),
        floors=[_floor_scores(floor) for floor in floors],
        headline=headline_of(graded, floors),
        breakdown=list(_breakdown(cases, answers, answered)),
    )


def _floor_scores(floor: Floor) -> FloorScores:
    return FloorScores(name=floor.name, **point_scores(floor.graded))


def _breakdown(cases: CaseTable, answers: Answers, answered: Bools) -> Iterator[Breakdown]:
    scored = cases.headline & answered
    own_label = np.where(answers.labels.changed, "changed", "unchanged")
    parts = [
        (by, str(name), scored & (values == name))
        for by, values in (
            ("cue kind", cases.cue_kinds),
            ("cue split", cases.cue_splits),
            ("item split", cases.item_splits),
            ("own label", own_label),
        )
        for name in np.unique(values[scored if by == "own label" else cases.headline])
    ]
    rewritten = cases.rewrite & ~cases.placebo
    if rewritten.any():
        parts.append(("edit", "rewrite", rewritten & answered))
    for by, name, mask in parts:
        exact, youden_j = rate_and_j(_graded(cases, answers, mask))
        yield Breakdown(by=by, name=name, exact_match=exact, youden_j=youden_j)  # type: ignore[arg-type]


def _pair(cases: CaseTable, emitter: _Emitter, other: _Emitter) -> PairSummary:
    usable, pair = pair_of(cases, emitter.answers, other.answers)
    exact = exact_view(pair)
    return PairSummary(
        emitter=emitter.entry.name,
        reference=other.entry.name,
        coverage=_coverage(cases, emitter.answers.behaved & other.answers.behaved, emitter.answers),
        collapsed=collapsed(pair.explanations.said),
        reference_scores=score(pair.graded[1]),
        exact=exact,
        verdict=verdict_view(pair),
        youden_j=j_view(pair),
        ceiling=_ceiling(cases.take(usable), emitter.answers.take(usable), other.answers.take(usable)),
        trivial=_trivial(cases.take(usable), emitter.answers.take(usable), other.answers.take(usable)),
        floors=list(pair_floors(cases.take(usable), emitter.answers.take(usable), other.answers.take(usable))),
        reasons_against=[
            *_readings(emitter.entry, other.entry),
            *_pair_reasons(pair.own.changed, pair.clusters, exact),
        ],
    )


def _ceiling(cases: CaseTable, emitter: Answers, other: Answers) -> CouplingCeiling:
    labels = emitter.labels
    perfect = Explanations(said=labels.changed.astype(np.int64), content=labels.content, p_changed=emitter.p_changed)
    _, pair = pair_of(cases, emitter, other, perfect)
    return CouplingCeiling(
        exact=exact_view(pair).centred_coupling.value, verdict=verdict_view(pair).centred_coupling.value
    )


def _readings(emitter: ModelEntry, other: ModelEntry) -> list[str]:
    if emitter.answers == other.answers:
        return []
    return [f"their answers are read differently ({emitter.answers}, {other.answers})"]


def _pair_reasons(changed: Bools, clusters: np.ndarray[tuple[int], np.dtype[np.int64]], exact: PairView) -> list[str]:
    reasons = reasons_against(changed, clusters)
    coupling = exact.centred_coupling
    if coupling.status == "not estimable":
        reasons.append(f"not estimable: {coupling.detail}")
    elif coupling.status == "too few":
        reasons.append(
            "too few clusters of disagreement cases that can be compared "
            f"({coupling.clusters}, {FEWEST_CLUSTERS} needed)"
        )
    return reasons


def _trivial(cases: CaseTable, emitter: Answers, other: Answers) -> TrivialCoupling | None:
    differs = emitter.labels.differ(other.labels)
    if not differs.any():
        return None
    best: tuple[float, str] | None = None
    for name, explanations in fixed_floors(cases, emitter.cued, emitter.labels).items():
        own, reference = (grade(explanations, model.labels, cases.clusters) for model in (emitter, other))
        raw = float(np.mean((own.exact - reference.exact)[differs]))
        if best is None or raw > best[0]:
            best = raw, name
    return TrivialCoupling(floor=best[1], raw_coupling=best[0]) if best else None
