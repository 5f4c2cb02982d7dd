"""The plan: which cases a run has, and in which order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

from introbench.errors import TaskError
from introbench.hashing import canonical_json, content_hash, named_random
from introbench.runs.config import Mode, RunConfig
from introbench.tasks.cases import build_cases, plan_items
from introbench.tasks.demonstrations import Shown, draw_demonstrations
from introbench.tasks.openings import CALIBRATION_ITEMS
from introbench.tasks.registry import TaskVariant
from introbench.tasks.task import ItemSet
from introbench.tasks.templates import Templates
from introbench.tasks.types import Case, Item, Question

__all__ = ["NEW_TOKENS", "Plan", "Rendering", "TaskPlan", "asked_as", "case_row", "make_plan", "rendering_of"]

NEW_TOKENS = 50
"""Most tokens of an explanation that is written freely."""


@dataclass(frozen=True)
class TaskPlan:
    """The cases of one task.

    Attributes:
        variant: the task with its parameters.
        cases: in plan order, the cases of an item together.
        repeated: those that are asked a second time, in another order of items.
        items_sha256: hash of what the items were read from.
        skipped: what was left out of the task, by reason: rows of its source, and items that no cue applies to.
        notes: what a reader of the results has to know about the items.
        calibration: training cases on which the reading by openings is set against judged replies; none elsewhere.
        shown: what is shown before every explanation question.
    """

    variant: TaskVariant
    cases: tuple[Case, ...]
    repeated: tuple[Case, ...]
    items_sha256: str
    skipped: Mapping[str, int]
    notes: tuple[str, ...]
    shown: Shown
    calibration: tuple[Case, ...] = ()

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
        text = BytesIO()  # a list of rows beside the whole would hold everything twice
        for case in (case for task in self.tasks for case in task.cases):
            text.write(canonical_json(case_row(case, self.config.explanations)).encode() + b"\n")
        return text.getvalue()


def make_plan(config: RunConfig, variants: Sequence[TaskVariant]) -> Plan:
    """Build all cases. Raises TaskError where a task breaks the contract or has no item in the split."""
    return Plan(config, tuple(_task_plan(config, variant) for variant in variants))


@dataclass(frozen=True)
class Rendering:
    """How the items of one task become its cases, item by item.

    Attributes:
        variant: the task with its parameters.
        seed: root seed of every draw.
        source: all items of the task, whatever their split.
        items: those that are asked, in plan order.
        skipped: what was left out of the task, by reason.
        templates: what renders them.
        shown: what is shown before every explanation question.
    """

    variant: TaskVariant
    seed: int
    source: ItemSet
    items: Sequence[Item]
    skipped: Mapping[str, int]
    templates: Templates
    shown: Shown

    def cases(self, item: Item) -> list[Case]:
        """The cases of one item, the same whenever they are asked for."""
        return build_cases(
            item,
            self.templates,
            self.variant.task.info.name,
            self.seed,
            variant=self.variant.name,
            behaviour=self.variant.behaviour,
            demonstrations=self.shown.demonstrations,
            hints=self.variant.hints,
        )


def rendering_of(config: RunConfig, variant: TaskVariant) -> Rendering:
    """Which items of a task a run asks, without their cases. Raises TaskError as `make_plan` does."""
    task = variant.task
    templates = task.templates()
    found = variant.items()
    items = [item for item in found.items if item.split == config.split]
    if not items:
        raise TaskError(f"{task.info.name}: has no items in the split {config.split!r}")
    if variant.demonstrations and config.split == "train":
        raise TaskError(
            f"{variant.name}: demonstrations are drawn from the training split, whose own items are asked without any; "
            "leave k= or noisy: out, or ask the test split"
        )
    if variant.hints > 1 and config.split != "train":
        raise TaskError(f"{variant.name}: several hints an item are for training sets; run it with --split train")
    if variant.behaviour not in templates.systems:
        raise TaskError(f"{task.templates_file}: system lacks a turn for behaviour {variant.behaviour!r}")
    shown = draw_demonstrations(variant, found.items, templates, config.seed)
    name = task.info.name
    planned = plan_items(items, templates, name, config.seed)
    if not planned:
        raise TaskError(f"{name}: none of its {len(items)} items has the fields that a cue names")
    passed = config.skip if isinstance(config.skip, int) else config.skip[name]
    if passed >= len(planned):
        raise TaskError(f"{name}: has {len(planned)} items in the split {config.split!r}, all of them passed over")
    uncued = {"items that no cue applies to": len(items) - len(planned)} if len(planned) < len(items) else {}
    skipped = {**found.skipped, **uncued}
    kept = planned[passed:][: config.limit]
    return Rendering(variant, config.seed, found, kept, skipped, templates, shown)


def _task_plan(config: RunConfig, variant: TaskVariant) -> TaskPlan:
    rendering = rendering_of(config, variant)
    cases = [case for item in rendering.items for case in rendering.cases(item)]
    found = rendering.source
    repeated = tuple(_repeated(cases, config))
    calibration = tuple(_calibration(found.items, rendering.templates, config, variant))
    notes = tuple(map(variant.bare_note, found.notes))
    return TaskPlan(
        variant, tuple(cases), repeated, found.sha256, rendering.skipped, notes, rendering.shown, calibration
    )


def _calibration(
    items: Sequence[Item], templates: Templates, config: RunConfig, variant: TaskVariant
) -> Iterator[Case]:
    """The first training items of the plan under training cues, whatever the split and the limit of the run."""
    if variant.behaviour != "opening":
        return
    name = variant.task.info.name
    training = [item for item in items if item.split == "train"]
    for item in plan_items(training, templates, name, config.seed)[:CALIBRATION_ITEMS]:
        cases = build_cases(item, templates, name, config.seed, variant=variant.name, behaviour=variant.behaviour)
        yield from (case for case in cases if case.cue.split == "train")


def _repeated(cases: Sequence[Case], config: RunConfig) -> list[Case]:
    """All cases of a seeded sample of the items, ordered by the draw, so that neighbours are others than before."""
    draws = {case.item.id: named_random(config.seed, case.task, case.item.id, "repeat").random() for case in cases}
    sample = sorted(draws, key=draws.__getitem__)[: math.ceil(config.aa_share * len(draws))]
    place = {item: number for number, item in enumerate(sample)}
    return sorted((case for case in cases if case.item.id in place), key=lambda case: place[case.item.id])


def asked_as(question: Question, explanations: Mode) -> Question:
    """A question as a run asks it: explanations may be written freely in place of being chosen."""
    free = explanations == "free" and question.part == "explanation"
    return replace(question, new_tokens=NEW_TOKENS) if free else question


def case_row(case: Case, explanations: Mode) -> Mapping[str, Any]:
    """A case as a row of cases.jsonl. Where replies are judged, it holds what they reply to."""
    judged = {asked.part: asked.messages[-1].content for asked in (case.uncued, case.cued) if asked.new_tokens}
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
        "asks": {question.part: asked_as(question, explanations).ask for question in case.questions},
        **({"requests": judged} if judged else {}),
    }
