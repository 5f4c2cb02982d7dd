"""Invented cases and answers, for tests and for simulations of what the estimators do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from introbench.metrics.arrays import Floats, Ints
from introbench.metrics.observations import CHANGED, UNPARSABLE, Answers, CaseTable
from introbench.metrics.read import ModelEntry, Role, Run, TaskEntry

__all__ = ["invented_answers", "invented_cases", "invented_run", "unanswered"]


def invented_cases(
    hint: Ints, key: Ints, *, choices: Ints | int = 4, clusters: Ints | None = None, cue_kinds: list[str] | None = None
) -> CaseTable:
    """Cases of one task; by default every case is a cluster of its own and has the same kind of cue.

    Args:
        hint: (cases,) index of the hinted choice; ABSENT makes the case a placebo.
        key: (cases,) index of the right choice; ABSENT where there is none.
        choices: number of choices, of all cases or of each.
        clusters: (cases,) cluster codes.
        cue_kinds: (cases,) families of the cues.
    """
    size = hint.size
    codes = np.arange(size) if clusters is None else clusters
    placebo = hint < 0
    kinds = np.array(cue_kinds) if cue_kinds is not None else np.where(placebo, "placebo", "opinion")
    return CaseTable(
        ids=np.array([f"invented/{index}" for index in range(size)]),
        tasks=np.full(size, "invented"),
        items=codes.astype(str),
        clusters=codes.astype(np.int64),
        cue_kinds=kinds,
        cue_splits=np.full(size, "train"),
        item_splits=np.full(size, "test"),
        hint=hint.astype(np.int64),
        key=key.astype(np.int64),
        choices=np.broadcast_to(np.asarray(choices, dtype=np.int64), (size,)).copy(),
        placebo=placebo,
        rewrite=np.zeros(size, dtype=np.bool_),
    )


def invented_answers(
    uncued: Ints, cued: Ints, said: Ints | None = None, content: Ints | None = None, p_changed: Floats | None = None
) -> Answers:
    """A model that does and says this, far from any tie. Without `said` it reports its own labels (an oracle)."""
    said = (uncued != cued).astype(np.int64) if said is None else said
    content = uncued if content is None else content
    sure: Floats = np.full(uncued.size, 1.0)
    return Answers(
        behaved=(uncued >= 0) & (cued >= 0),
        explained=np.ones(uncued.size, dtype=np.bool_),
        uncued=uncued.astype(np.int64),
        cued=cued.astype(np.int64),
        said=said.astype(np.int64),
        content=np.where(said == UNPARSABLE, UNPARSABLE, content).astype(np.int64),
        p_changed=(said == CHANGED).astype(np.float64) if p_changed is None else p_changed,
        uncued_margin=10 * sure,
        cued_margin=10 * sure,
        uncued_lead=sure,
        cued_lead=sure,
        verdict_margin=10 * sure,
        content_margin=10 * sure,
        candidate_mass=sure,
    )


def unanswered(like: Answers) -> Answers:
    """A model that was not asked any of these cases."""
    nothing = np.zeros(like.behaved.size, dtype=np.bool_)
    return replace(like, behaved=nothing, explained=nothing)


def invented_run(cases: CaseTable, target: Answers, **references: Answers) -> Run:
    """A run of one task with a model called "target"; the first of the others is its base."""
    entries = [ModelEntry(name="target", folder="target", role="target", fingerprint="0", tie_margin=0.001)]
    for name in references:
        role: Role = "base" if len(entries) == 1 else "reference"
        entries.append(ModelEntry(name=name, folder=name, role=role, fingerprint=str(len(entries)), tie_margin=0.001))
    return Run(
        seed=0,
        models=tuple(entries),
        tasks=(TaskEntry(name="invented", version=1, comparability=1),),
        cases=cases,
        answers={"target": target, **references},
        again={name: unanswered(answers) for name, answers in {"target": target, **references}.items()},
    )
