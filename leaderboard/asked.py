"""What a bundle has to answer, worked out from the board's own tasks: cases, requests, and the tasks' description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from introbench.errors import IntrobenchError, SpecError
from introbench.runs.config import ModelEntry, RunConfig
from introbench.runs.execute import model_folders
from introbench.runs.manifest import task_entry
from introbench.runs.plan import Plan, asked_as, make_plan
from introbench.tasks.cases import as_judged
from introbench.tasks.noisy import PREFIX
from introbench.tasks.registry import TaskVariant, find_tasks, resolve_tasks
from introbench.tasks.types import Case, Question
from introbench_leaderboard.layout import Config

__all__ = ["Request", "TaskRefusedError", "asked_of", "asks_of", "board_variant", "folders", "plan_of", "planned_tasks"]


class TaskRefusedError(Exception):
    """A task that the board cannot rebuild, and why."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that every model of a run has to answer.

    Attributes:
        ask: hash of what is asked.
        replicate: 0, or 1 where it is asked a second time.
        task: whose ledger file holds the answer: that of the first task that asks.
        values: number of log-probabilities of the answer.
        written: whether the answer is a reply in place of them.
        case: the case that it is asked about.
        question: the question itself.
    """

    ask: str
    replicate: int
    task: str
    values: int
    written: bool
    case: Case
    question: Question


def board_variant(spec: str) -> TaskVariant:
    """The task that a submission names, where the board has all that it is made of.

    Raises TaskRefusedError for tasks over files of the user's own, whose items the board has not: nothing that a
    submission names is ever opened.
    """
    base = spec.removeprefix(PREFIX).partition("?")[0]
    known = _known()
    if base not in known:
        raise TaskRefusedError("is no task of this board")
    if not known[base].info.bundled or any(own.naming == "file" for own in known[base].parameters):
        raise TaskRefusedError("asks items of the user's own, which the board cannot rebuild")
    if spec.startswith(PREFIX) and "labels=" in spec:
        raise TaskRefusedError("shows labels of the user's own, which the board cannot rebuild")
    try:
        variants = resolve_tasks(spec, known)
    except SpecError as error:
        raise TaskRefusedError(f"cannot be read: {error}") from error
    if len(variants) != 1 or variants[0].name != spec:
        raise TaskRefusedError("is not the name of one task as a run writes it")
    return variants[0]


def plan_of(config: Config) -> Plan:
    """The plan that a configuration stands for. Raises TaskRefusedError, naming the task."""
    return _plan(
        RunConfig(
            tuple(ModelEntry(model.name, model.spec, model.role) for model in config.models),
            tuple(config.tasks),
            config.split,
            config.limit,
            config.seed,
            config.explanations,
            config.aa_share,
        )
    )


@lru_cache(maxsize=4)
def _plan(asked: RunConfig) -> Plan:
    """The plan of a configuration; many bundles that are checked in a row have the same."""
    variants = []
    for spec in asked.tasks:
        try:
            variants.append(board_variant(spec))
        except TaskRefusedError as error:
            raise TaskRefusedError(f"{spec!r} {error}") from error
    try:
        return make_plan(asked, variants)
    except IntrobenchError as error:
        raise TaskRefusedError(f"the plan cannot be made: {error}") from error


def folders(config: Config) -> Mapping[str, str]:
    """Name of the ledger folder of each model, by model name."""
    entries = tuple(ModelEntry(model.name, model.spec, model.role) for model in config.models)
    return model_folders(RunConfig(entries, (), config.split, None, 0, config.explanations, 0.0))


def planned_tasks(plan: Plan) -> list[dict[str, Any]]:
    """What the manifest of such a run says of its tasks."""
    return [task_entry(task, plan.config.explanations) for task in plan.tasks]


def asked_of(plan: Plan) -> list[Request]:
    """Every request of a plan, once each, in the order in which tasks ask."""
    found: dict[tuple[str, int], Request] = {}
    for task in plan.tasks:
        name = task.variant.name
        for replicate, cases in enumerate((task.cases, task.repeated)):
            for case, question in _questions(cases, plan):
                found.setdefault((question.ask, replicate), _request(case, question, replicate, name))
        for case in (*task.calibration, *map(as_judged, task.calibration)):
            for question in (case.uncued, case.cued):
                found.setdefault((question.ask, 0), _request(case, question, 0, name))
    return list(found.values())


def asks_of(plan: Plan, cases: Set[str]) -> set[str]:
    """Hashes of all that is asked about some cases, whichever case of their item asks it first."""
    chosen = [case for task in plan.tasks for case in (*task.cases, *task.calibration) if case.id in cases]
    judged = (question for case in map(as_judged, chosen) for question in (case.uncued, case.cued))
    return {question.ask for question in chain((question for _, question in _questions(chosen, plan)), judged)}


def _questions(cases: Sequence[Case], plan: Plan) -> Iterator[tuple[Case, Question]]:
    for case in cases:
        for question in case.questions:
            yield case, asked_as(question, plan.config.explanations)


def _request(case: Case, question: Question, replicate: int, task: str) -> Request:
    written = question.new_tokens > 0
    values = 0 if written else len(question.replies)
    return Request(question.ask, replicate, task, values, written, case, question)


@lru_cache(maxsize=1)
def _known() -> Mapping[str, Any]:
    return find_tasks()
