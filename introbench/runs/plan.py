"""The plan: which cases a run has, in which order, and which requests a model is sent in which packs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from introbench.errors import TaskError
from introbench.hashing import canonical_json, content_hash
from introbench.models.types import Chat, ChoiceRequest, Source
from introbench.runs.config import RunConfig
from introbench.scorer.packs import split_packs
from introbench.tasks.cases import Demonstration, build_cases, plan_items
from introbench.tasks.labels import draw_demonstrations
from introbench.tasks.registry import TaskVariant
from introbench.tasks.types import Case, Question

__all__ = ["Pack", "Plan", "TaskPlan", "case_row", "make_plan", "packs_for", "render"]


@dataclass(frozen=True)
class TaskPlan:
    """The cases of one task.

    Attributes:
        variant: the task with its parameters.
        cases: in plan order, the cases of an item together.
    """

    variant: TaskVariant
    cases: tuple[Case, ...]

    @property
    def items(self) -> int:
        """Number of items."""
        return len({case.item.id for case in self.cases})


@dataclass(frozen=True)
class Plan:
    """What a run asks of every model.

    Attributes:
        config: the configuration that it follows from.
        tasks: a plan per task, in the order given.
    """

    config: RunConfig
    tasks: tuple[TaskPlan, ...]

    def cases_jsonl(self) -> bytes:
        """The content of cases.jsonl: a row per case, in plan order."""
        rows = (canonical_json(case_row(case)) for task in self.tasks for case in task.cases)
        return "".join(row + "\n" for row in rows).encode()


@dataclass(frozen=True)
class Pack:
    """Requests that are computed together, or again together.

    Attributes:
        name: task and number, as it stands in the ledger.
        task: name of the task whose ledger file takes the rows.
        questions: what is asked, each question once in a run.
        requests: the same, rendered for one model.
    """

    name: str
    task: str
    questions: tuple[Question, ...]
    requests: tuple[ChoiceRequest, ...]


def make_plan(config: RunConfig, variants: Sequence[TaskVariant]) -> Plan:
    """Build all cases. Raises TaskError where a task breaks the contract or has no item in the split."""
    return Plan(config, tuple(_task_plan(config, variant) for variant in variants))


def _task_plan(config: RunConfig, variant: TaskVariant) -> TaskPlan:
    task = variant.task
    templates = task.templates()
    items = [item for item in task.items() if item.split == config.split]
    if not items:
        raise TaskError(f"{task.info.name}: has no items in the split {config.split!r}")
    if variant.demonstrations and config.split == "train":
        raise TaskError(f"{variant.name}: demonstrations are drawn from the training split; run it with --split test")
    if variant.behaviour not in templates.systems:
        raise TaskError(f"{task.folder / 'templates.yaml'}: system lacks a turn for behaviour {variant.behaviour!r}")
    shown: list[Demonstration] = []
    if variant.demonstrations:
        shown = draw_demonstrations(task, templates, variant.demonstrations, config.seed, variant.behaviour)
    name = task.info.name
    chosen = plan_items(items, templates, name, config.seed)[: config.limit]
    cases = [
        case
        for item in chosen
        for case in build_cases(
            item,
            templates,
            name,
            config.seed,
            variant=variant.name,
            behaviour=variant.behaviour,
            demonstrations=shown,
        )
    ]
    return TaskPlan(variant, tuple(cases))


def case_row(case: Case) -> Mapping[str, Any]:
    """A case as a row of cases.jsonl."""
    return {
        "id": case.id,
        "task": case.task,
        "item": case.item.id,
        "item_kind": case.item.kind,
        "cluster": case.item.cluster,
        "item_split": case.item.split,
        "cue": case.cue.id,
        "cue_kind": case.cue.kind,
        "cue_split": case.cue.split,
        "edit": case.cue.edit,
        "choices": list(case.item.choices),
        "hint": case.hint,
        "key": case.item.key,
        "messages": content_hash([question.messages_hash for question in case.questions]),
        "asks": {question.part: question.ask for question in case.questions},
    }


def render(question: Question, case: Case, chat: Chat | None) -> ChoiceRequest:
    """A question as one model is asked it: token ids where the backend has them, else the case alone."""
    source = Source(case, question.part)
    if chat is None:
        return ChoiceRequest((), tuple(() for _ in question.choices), question.group, source)
    prompt = chat.prompt_ids([asdict(message) for message in question.messages])
    return ChoiceRequest(prompt, tuple(map(chat.reply_ids, question.choices)), question.group, source)


def packs_for(plan: Plan, chat: Chat | None, budget: int) -> Iterator[Pack]:
    """Cut a plan into packs of whole items, at most `budget` tokens where one item allows it.

    Packs follow from the plan and the model's tokens alone, never from what is already answered, so that an
    interrupted run computes the same ones. A question that several cases or tasks share is asked once.
    """
    asked: set[str] = set()
    for task in plan.tasks:
        questions: list[Question] = []
        requests: list[ChoiceRequest] = []
        for case in task.cases:
            for question in case.questions:
                if question.ask not in asked:
                    asked.add(question.ask)
                    questions.append(question)
                    requests.append(render(question, case, chat))
        name = task.variant.name
        for number, members in enumerate(split_packs(requests, budget)):
            yield Pack(
                name=f"{name}#{number}",
                task=name,
                questions=tuple(questions[member] for member in members),
                requests=tuple(requests[member] for member in members),
            )
