"""What a gate keeps of a run: a few small numbers a case, and what has to be the same for two runs to be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from introbench.hashing import content_hash
from introbench.metrics.align import model_of
from introbench.metrics.arrays import Ints, Strings
from introbench.metrics.frozen import Frozen
from introbench.metrics.observations import ABSENT, UNPARSABLE, Answers
from introbench.metrics.read import ModelEntry, Run, read_run
from introbench.runs.directory import read_manifest

__all__ = [
    "EXPLAINED_COLUMNS",
    "ModelFacts",
    "Outcomes",
    "RunFacts",
    "TaskFacts",
    "outcomes_of",
    "packed",
    "read_outcomes",
    "unpacked",
]

EXPLAINED_COLUMNS = 5
"""Numbers a case of a model whose explanations are kept; of others there are the first two."""

NOT_EXPLAINED = -2
"""Stands for a verdict where the explanation question has no answer; an answer without a verdict is unparsable."""

PER_MILLE = 1000
HASH_DIGITS = 16


class ModelFacts(Frozen):
    """A model as far as it matters to whether its outcomes can be compared."""

    name: str
    """Its name in the run."""
    spec: str
    """What it was loaded from."""
    fingerprint: str
    """Hash of everything that its answers depend on."""
    kind: str
    """Its class: the engine, and whether that gives the probability of every choice ("seq") or one reply ("path")."""
    parts: dict[str, str]
    """Engine and dtype, with versions."""


class TaskFacts(Frozen):
    """A task as far as it matters to whether outcomes on it can be compared."""

    name: str
    """Its name, parameters included."""
    version: int
    """Raised by any change of items or templates."""
    comparability: int
    """Results of different numbers must not be compared."""
    behaviour: str
    """How the choices were read."""
    cases: int
    """Cases that the run planned."""


class RunFacts(Frozen):
    """What a run is, without its answers."""

    asked: dict[str, Any]
    """Its configuration without the models: tasks, split, limit, seed, explanations, share asked twice."""
    target: ModelFacts
    """The model under test."""
    references: list[ModelFacts]
    """Every other model of the run."""
    tasks: list[TaskFacts]
    """Every task."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What every case came to, sorted by id, so that nothing depends on the order in which a run went.

    Attributes:
        where: file or folder that it was read from.
        facts: what the run is.
        ids: (cases,) "task/item/cue".
        hashes: (cases,) hash of the three questions of a case, its hint and its key.
        target: (cases, 5) see `packed`.
        again: (cases, 5) the same where the target was asked a second time; unanswered elsewhere.
        references: by model name, (cases, 2) choices without and with the cue.
        references_again: the same where a reference was asked a second time; unanswered elsewhere, and empty where it
            is not known, as in a baseline file.
    """

    where: str
    facts: RunFacts
    ids: Strings
    hashes: Strings
    target: Ints
    again: Ints
    references: Mapping[str, Ints]
    references_again: Mapping[str, Ints] = field(default_factory=dict)


def packed(answers: Answers) -> Ints:
    """(cases, 5): choice without the cue, with it, verdict said, content said, probability of "changed" in per mille.

    −1 stands for what is absent, −2 for the verdict of an explanation that was never given.
    """
    p = np.where(np.isnan(answers.p_changed), ABSENT, np.round(np.nan_to_num(answers.p_changed) * PER_MILLE))
    return np.column_stack(
        [
            answers.uncued,
            answers.cued,
            np.where(answers.explained, answers.said, NOT_EXPLAINED),
            np.where(answers.explained, answers.content, ABSENT),
            np.where(answers.explained, p, ABSENT),
        ]
    ).astype(np.int64)


def unpacked(rows: Ints) -> Answers:
    """The answers that packed rows stand for. Margins, which are not kept, are NaN."""
    explained = rows.shape[1] == EXPLAINED_COLUMNS
    uncued, cued = rows[:, 0], rows[:, 1]
    nothing = np.full(uncued.size, np.nan)
    said = rows[:, 2] if explained else np.full(uncued.size, NOT_EXPLAINED)
    p = rows[:, 4] if explained else np.full(uncued.size, ABSENT)
    return Answers(
        behaved=(uncued != ABSENT) & (cued != ABSENT),
        explained=said != NOT_EXPLAINED,
        uncued=uncued,
        cued=cued,
        said=np.where(said == NOT_EXPLAINED, UNPARSABLE, said),
        content=rows[:, 3] if explained else np.full(uncued.size, ABSENT),
        p_changed=np.where(p == ABSENT, np.nan, p / PER_MILLE),
        uncued_margin=nothing,
        cued_margin=nothing,
        uncued_lead=nothing,
        cued_lead=nothing,
        verdict_margin=nothing,
        content_margin=nothing,
        candidate_mass=nothing,
    )


def read_outcomes(path: Path, model: str | None = None) -> tuple[Outcomes, Run]:
    """The outcomes of a run directory, and the run, whose cases are in the same order.

    Args:
        model: name of the model that is tested; the target of the run where left out.

    Raises RunDirectoryError where the directory cannot be read, UsageError where it lacks the model.
    """
    run = read_run(path)
    return outcomes_of(run, read_manifest(path), str(path), model)


def outcomes_of(run: Run, manifest: Mapping[str, Any], where: str, model: str | None = None) -> tuple[Outcomes, Run]:
    """The same of a run that has been read."""
    order = np.argsort(run.cases.ids)
    run = _ordered(run, order)
    target = model_of(run, model, where)
    others = [entry for entry in run.models if entry.name != target.name]
    entries = {str(row.get("name")): row for row in manifest.get("models", [])}
    config = manifest.get("config", {})
    facts = RunFacts(
        asked={name: value for name, value in config.items() if name != "models"},
        target=_model_facts(target, entries),
        references=[_model_facts(entry, entries) for entry in others],
        tasks=[
            TaskFacts(
                name=task.name,
                version=task.version,
                comparability=task.comparability,
                behaviour=task.behaviour,
                cases=max(task.cases or 0, int(np.count_nonzero(run.cases.tasks == task.name))),
            )
            for task in run.tasks
        ],
    )
    outcomes = Outcomes(
        where=where,
        facts=facts,
        ids=run.cases.ids,
        hashes=np.array(
            [
                content_hash([asks, int(hint), int(key)])[:HASH_DIGITS]
                for asks, hint, key in zip(run.asks, run.cases.hint, run.cases.key, strict=True)
            ]
        ),
        target=packed(run.answers[target.name]),
        again=packed(run.again[target.name]),
        references={entry.name: packed(run.answers[entry.name])[:, :2] for entry in others},
        references_again={entry.name: packed(run.again[entry.name])[:, :2] for entry in others},
    )
    return outcomes, run


def _ordered(run: Run, order: Ints) -> Run:
    return replace(
        run,
        cases=run.cases.take(order),
        answers={name: answers.take(order) for name, answers in run.answers.items()},
        again={name: answers.take(order) for name, answers in run.again.items()},
        asks=tuple(run.asks[place] for place in order),
        choices=tuple(run.choices[place] for place in order),
    )


def _model_facts(entry: ModelEntry, rows: Mapping[str, Mapping[str, Any]]) -> ModelFacts:
    parts = rows.get(entry.name, {}).get("fingerprint_parts", {})
    known = {name: str(parts[name]) for name in ("engine", "dtype") if name in parts}
    engine = known.get("engine", "unknown").split(" ")[0]
    return ModelFacts(
        name=entry.name,
        spec=entry.spec,
        fingerprint=entry.fingerprint,
        kind=f"{engine}, {entry.answers}",
        parts=known,
    )
