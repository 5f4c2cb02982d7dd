"""The conformance kit: what every task plugin has to keep, checked on what it declares, holds and renders.

Nothing here asks a model; `introbench.testing` adds degenerate models and a tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from introbench.errors import TaskError
from introbench.tasks.cases import apply_cue, build_cases, plan_items, pushed_choice
from introbench.tasks.checks import case_problems, item_problems, leak_problems, split_problems
from introbench.tasks.checks.hints import hint_problems
from introbench.tasks.task import Task, as_item, as_row, check_file, read_rows, row_problem, scan_items
from introbench.tasks.templates import Templates, read_templates
from introbench.tasks.types import PLACEBO, BehaviourReading, Case, Item

__all__ = ["CHECKED_SEED", "Material", "Problem", "examine", "problems"]

CHECKED_SEED = 0
"""Root seed of the cases that are looked at: the one that runs have where nothing is said."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_REDRAWN = 7
"""Every so many items are rendered again, in another order."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a task breaks.

    Attributes:
        check: which part of the contract.
        message: what is wrong and where.
    """

    check: str
    message: str

    def __str__(self) -> str:
        return f"{self.check}: {self.message}"


@dataclass(frozen=True, slots=True)
class Material:
    """What a task came to where it could be read and rendered.

    Attributes:
        templates: its wordings.
        items: its items, those left out that have a problem of their own or that a cue cannot be applied to.
        cases: by reading of the behaviour, the cases of all items.
    """

    templates: Templates
    items: Sequence[Item]
    cases: Mapping[BehaviourReading, Sequence[Case]]


def problems(task: Task, values: Mapping[str, str] | None = None) -> list[Problem]:
    """Everything that a task breaks, as far as that can be said without asking a model.

    Args:
        values: values of the task's parameters, for tasks that load their items.
    """
    return examine(task, values)[0]


def examine(task: Task, values: Mapping[str, str] | None = None) -> tuple[list[Problem], Material | None]:
    """The same with what the task came to; None where its templates or items are too broken to render a case."""
    found = _named("declaration", _declaration_problems(task))
    templates, wrong_templates = read_templates(task.templates_file)
    found += _named("templates", (f"{task.templates_file}: {text}" for text in wrong_templates))
    items, wrong_items = _items(task, values or {})
    found += _named("items", wrong_items)
    found += _named("items", item_problems(items))
    if task.load is not None and _items(task, values or {})[0] != items:
        found.append(Problem("determinism", "loading the items a second time gives others"))
    if templates is None or wrong_templates or not items:
        return found, None
    found += _named("declaration", _declared_kinds_problems(task, templates))
    found += _named("splits", split_problems(items, templates))
    found += _named("placeholders", _field_problems(items, templates))
    wrong_cues = _cue_problems(items, templates)
    found += _named("edits", (message for messages in wrong_cues.values() for message in messages))
    sound = [item for item in items if item.id not in wrong_cues]
    found += _named("leaks", leak_problems(sound, templates, task.info.name))
    cases: dict[BehaviourReading, Sequence[Case]] = {}
    for reading in task.info.behaviours:
        if reading in templates.systems:
            cases[reading], wrong_cases = _rendered(task, templates, sound, reading)
            found += _named("edits", wrong_cases)
            found += _named("edits", case_problems(cases[reading], templates))
    if cases:
        first = next(iter(cases))
        found += _named("hints", hint_problems(cases[first]))
        found += _named("determinism", _determinism_problems(task, templates, sound, cases[first], first))
    return found, Material(templates, sound, cases)


def _named(check: str, messages: Iterable[str]) -> list[Problem]:
    return [Problem(check, message) for message in messages]


def _declaration_problems(task: Task) -> Iterator[str]:
    info = task.info
    if not _NAME.fullmatch(info.name):
        yield f"the name {info.name!r} must be letters a to z, digits and '_', a letter first"
    for name in ("summary", "licence", "source"):
        if not getattr(info, name).strip():
            yield f"{name} is empty"
    for name in ("version", "comparability"):
        if getattr(info, name) < 1:
            yield f"{name} is {getattr(info, name)}; it counts from 1"
    if not info.behaviours:
        yield "behaviours names no way to read the model's choice"
    if task.load is None and task.parameters:
        yield f"takes {task.parameters[0].name!r}, but has no function that loads items by it"
    if info.bundled and any(own.default is None for own in task.parameters):
        yield "says that its items are bundled, but needs a parameter"
    if info.labels_sha256 is not None:
        try:
            check_file(task.folder / "labels.json", info.labels_sha256)
        except TaskError as error:
            yield str(error)


def _declared_kinds_problems(task: Task, templates: Templates) -> Iterator[str]:
    if tuple(task.info.cue_kinds) != templates.kinds():
        yield f"cue_kinds are {', '.join(task.info.cue_kinds)}; templates.yaml has {', '.join(templates.kinds())}"
    for reading in task.info.behaviours:
        if reading not in templates.systems:
            yield f"templates.yaml lacks the system turn for behaviour {reading!r}"


def _items(task: Task, values: Mapping[str, str]) -> tuple[list[Item], list[str]]:
    """The items without problems of their own, and the problems of the others."""
    try:
        if task.load is not None:
            alike = task.info.behaviours[0] == "letter"
            return _usable(task.load(task.given(values)).items, task.info.name, alike=alike)
        path = task.folder / "items.jsonl"
        rows = read_rows(path)
    except TaskError as error:
        return [], [str(error)]
    wrong = []
    try:
        check_file(path, task.info.sha256 or "")
    except TaskError as error:
        wrong.append(str(error))
    if len(rows) != task.info.count:
        wrong.append(f"{path}: {len(rows)} items, the task declares {task.info.count}")
    wrong += scan_items(str(path), rows)
    return [as_item(row) for row in rows if row_problem(row) is None], wrong


def _usable(items: Sequence[Item], name: str, *, alike: bool) -> tuple[list[Item], list[str]]:
    rows = [as_row(item) for item in items]
    wrong = list(scan_items(name, rows, "item", alike=alike)) or (
        [] if items else [f"{name}: its source holds no items"]
    )
    return [item for item, row in zip(items, rows, strict=True) if row_problem(row, alike=alike) is None], wrong


def _field_problems(items: Sequence[Item], templates: Templates) -> Iterator[str]:
    held = {name for item in items for name in item.fields}
    used = {name for cue in templates.cues for name in templates.needs(cue)}
    for name in templates.fields:
        if name not in held:
            yield f"field {name!r} is declared, but no item has it"
        if name not in used:
            yield f"field {name!r} is declared, but no cue names it"
    for cue in templates.cues:
        if not any(templates.needs(cue) <= item.fields.keys() for item in items):
            yield f"cue {cue.id!r} applies to no item: none has all of its fields"
    wordings = templates.explanation
    texts = [text for cue in templates.cues for text in (cue.text, cue.name, cue.target or "")]
    for text in (*texts, wordings.question, wordings.unchanged, wordings.changed):
        for brace in re.findall(r"\{[^{}]*\}", re.sub(r"\{[a-z_]*\}", "", text)):
            yield f"{text!r} prints {brace!r} as it stands; placeholders are letters a to z and '_'"


def _cue_problems(items: Sequence[Item], templates: Templates) -> dict[str, list[str]]:
    """What is wrong with applying every cue to every item that it applies to, drawn or not, by item."""
    wrong: dict[str, list[str]] = {}
    for item in items:
        for cue in templates.cues_for(item):
            try:
                hint = None if cue.kind == PLACEBO else pushed_choice(cue, item) or 0
                edit = apply_cue(cue, item, hint)
            except TaskError as error:
                wrong.setdefault(item.id, []).append(str(error))
                continue
            if edit.cued == edit.uncued:
                wrong.setdefault(item.id, []).append(f"cue {cue.id!r} leaves item {item.id!r} unchanged")
    return wrong


def _rendered(
    task: Task, templates: Templates, items: Iterable[Item], reading: BehaviourReading
) -> tuple[list[Case], list[str]]:
    cases: list[Case] = []
    wrong = []
    for item in items:
        try:
            cases += build_cases(item, templates, task.info.name, CHECKED_SEED, behaviour=reading)
        except TaskError as error:
            wrong.append(str(error))
    return cases, wrong


def _determinism_problems(
    task: Task,
    templates: Templates,
    items: Sequence[Item],
    cases: Sequence[Case],
    reading: BehaviourReading,
) -> Iterator[str]:
    orders = [
        [item.id for item in plan_items(part, templates, task.info.name, CHECKED_SEED)] for part in (items, items[::-1])
    ]
    if orders[0] != orders[1]:
        yield "the plan depends on the order in which the items are loaded"
    by_id = {case.id: case for case in cases}
    if len(by_id) < len(cases):
        yield "two cases have the same id"
    again, _ = _rendered(task, templates, reversed(items[::_REDRAWN]), reading)
    for case in again:
        if by_id.get(case.id) != case:
            yield f"{case.id}: is another case when its item is rendered among fewer others"
