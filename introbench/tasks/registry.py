"""Finding tasks: installed plugins by entry point, local ones with `--include-path DIR`."""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import get_args
from urllib.parse import unquote

from introbench.errors import SpecError, TaskError
from introbench.tasks.noisy import PREFIX, NoisyShots, noisy_name, read_noisy
from introbench.tasks.task import ItemSet, Task
from introbench.tasks.types import BehaviourReading

__all__ = [
    "ALL",
    "ENTRY_POINT_GROUP",
    "TaskVariant",
    "expand_specs",
    "find_tasks",
    "resolve_task",
    "resolve_tasks",
    "task_at",
]

ENTRY_POINT_GROUP = "introbench.tasks"
ALL = "all"
"""The task spec that means every task with bundled items."""

_MAX_DEMONSTRATIONS = 64
_MAX_HINTS = 26
_PARAMETER = re.compile(r"[a-z][a-z0-9_]*")
_SHARED = ("behaviour", "k", "hints")


@dataclass(frozen=True, slots=True)
class TaskVariant:
    """A task with the parameters that the user gave it.

    Attributes:
        name: canonical spec, as it stands in tables and files: "hint_facts" or "hint_facts?k=4".
        behaviour: how the model's choice is read.
        task: the task itself.
        demonstrations: number k of solved explanations before each explanation question.
        hints: number of choices that are hinted in turn on each item, for training sets; 1 is the test plan.
        parameters: values of the task's own parameters, defaults included.
        noisy: which demonstrations are shown and what is done to their labels, where the spec is that of a noisy task.
    """

    name: str
    task: Task
    behaviour: BehaviourReading
    demonstrations: int = 0
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)
    noisy: NoisyShots | None = None
    hints: int = 1

    def items(self) -> ItemSet:
        """The items under these parameters. Raises TaskError as `Task.item_set` does."""
        return self.task.item_set(self.parameters, self.behaviour)

    def bare_parameters(self) -> dict[str, str]:
        """The values of the task's own parameters, files and folders by their last part: fit to be published."""
        return {name: _bare(value) for name, value in self.parameters.items()}

    def bare_note(self, note: str) -> str:
        """A note on the items that names files in the same way."""
        for value in self.parameters.values():
            # A table may name its file as it was typed, or with the home folder in place of "~".
            for written in (str(Path(os.path.expanduser(value))), value):
                if "/" in written and (bare := _bare(value)) != value:
                    note = note.replace(written.partition(":")[0], bare.partition(":")[0])
        return note


def find_tasks(include_paths: Sequence[Path] = ()) -> dict[str, Task]:
    """All tasks by name: those installed, then those in the given folders.

    A folder is a plugin (it holds `task.py`) or a folder of plugins. Raises TaskError on a plugin that
    cannot be imported, lacks `TASK`, or takes a name that is in use.
    """
    found: dict[str, Task] = {}
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name):
        try:
            loaded = point.load()
        except Exception as error:
            raise TaskError(f"task plugin {point.name!r} ({point.value}) cannot be imported: {error}") from error
        _add(found, loaded, f"entry point {point.name!r}")
    for folder in include_paths:
        for path in _plugin_files(folder):
            _add(found, getattr(_import_file(path), "TASK", None), str(path))
    return found


def expand_specs(specs: Sequence[str], tasks: Mapping[str, Task]) -> list[str]:
    """Task specs with `all` replaced by the names of all tasks whose items are bundled; each spec once."""
    bundled = [name for name, task in tasks.items() if task.info.bundled]
    return list(dict.fromkeys(name for spec in specs for name in (bundled if spec == ALL else [spec])))


def resolve_tasks(spec: str, tasks: Mapping[str, Task], values: Mapping[str, str] | None = None) -> list[TaskVariant]:
    """All tasks that a spec names: one, or for `noisy:BASE?rate=0.2` one per draw of demonstrations.

    Raises SpecError as `resolve_task` does, and where a value of a noisy task is out of range.
    """
    if spec.partition("?")[0] == PREFIX.rstrip(":"):
        raise SpecError(f"{spec}: which task? write {PREFIX}TASK?rate=0.2")
    if not spec.startswith(PREFIX):
        return [resolve_task(spec, tasks, values)]
    base_spec, shots = read_noisy(spec)
    base = resolve_task(base_spec, tasks, values)
    return [replace(base, name=noisy_name(base.name, shown), noisy=shown) for shown in shots or (None,)]


def task_at(folder: Path) -> Task:
    """The task of a plugin folder, whatever else is installed. Raises TaskError where there is none to import."""
    if not (folder / "task.py").is_file():
        raise TaskError(f"{folder}: holds no task.py; name the folder of a task plugin")
    found: dict[str, Task] = {}
    path = folder / "task.py"
    _add(found, getattr(_import_file(path), "TASK", None), str(path))
    (task,) = found.values()
    return task


def resolve_task(spec: str, tasks: Mapping[str, Task], values: Mapping[str, str] | None = None) -> TaskVariant:
    """The task that a spec `NAME` or `NAME?behaviour=letter&k=4` names.

    A value may hold any character; "%", "&" and "," are written %25, %26 and %2C in it.

    Args:
        values: of parameters that the spec itself does not set; those that the task does not take are passed over.

    Raises SpecError with the nearest names where there is no such task or parameter, or where a parameter that must
    be given is not.
    """
    name, _, query = spec.partition("?")
    if name not in tasks:
        raise SpecError(f"no task {name!r}{_suggestion(name, tasks)}; `introbench list` shows all")
    task = tasks[name]
    readings = {str(reading): reading for reading in task.info.behaviours}
    usual: dict[str, str | None] = {"behaviour": next(iter(readings)), "k": "0", "hints": "1"}
    usual |= {own.name: own.default for own in task.parameters}
    given = usual | {key: value for key, value in (values or {}).items() if key in usual}
    given |= _queried(query, given.keys(), task)
    behaviour, k, hints = (str(given[shared]) for shared in _SHARED)
    if behaviour not in readings:
        raise SpecError(f"task {name!r}: behaviour={behaviour} must be {' or '.join(readings)}")
    if not k.isdecimal() or int(k) > _MAX_DEMONSTRATIONS:
        raise SpecError(f"task {name!r}: k={k} must be a whole number from 0 to {_MAX_DEMONSTRATIONS}")
    if not hints.isdecimal() or not 1 <= int(hints) <= _MAX_HINTS:
        raise SpecError(f"task {name!r}: hints={hints} must be a whole number from 1 to {_MAX_HINTS}")
    given |= {"k": str(int(k)), "hints": str(int(hints))}
    if absent := [own for own in task.parameters if given[own.name] is None]:
        raise SpecError(f"task {name!r} needs {absent[0].name} ({absent[0].summary}): {name}?{absent[0].name}=VALUE")
    settled = {key: value for key, value in given.items() if value is not None}
    named = _named(task, {key: value for key, value in settled.items() if value != usual[key]})
    query = "&".join(f"{key}={_quoted(value)}" for key, value in named.items())
    canonical = f"{name}?{query}" if query else name
    own_values = {own.name: settled[own.name] for own in task.parameters}
    return TaskVariant(canonical, task, readings[behaviour], int(k), own_values, hints=int(hints))


def _queried(query: str, known: Collection[str], task: Task) -> dict[str, str]:
    """The values behind a task's name. Raises SpecError where one is of no parameter, or is given twice."""
    found: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        key, _, value = part.partition("=")
        if key not in known:
            raise SpecError(f"task {task.info.name!r} has no parameter {key!r}; it takes {_parameters(task)}")
        if key in found:
            # An arm that hints at several choices adds its own number to what is written.
            arms = ", which an arm's or --set's hints= is too" if key == "hints" else ""
            raise SpecError(
                f"task {task.info.name!r}: {key}={found[key]} and {key}={unquote(value)}; give one value{arms}"
            )
        found[key] = unquote(value)
    return found


def _named(task: Task, values: Mapping[str, str]) -> dict[str, str]:
    """What of the values stands in the variant's name."""
    naming = {own.name: own.naming for own in task.parameters}
    named = {}
    for key, value in values.items():
        how = naming.get(key, "whole")
        if how != "none":
            named[key] = _bare(value) if how == "file" else value
    return named


def _bare(value: str) -> str:
    """A value without the folders of this machine: the last part of a file, FOLDER or FOLDER:CONFIG/SPLIT that exists.

    Anything else is handed back as it is.
    """
    for path, behind in ((value, ""), (value.partition(":")[0], value.partition(":")[2])):
        # Unlike a Path, this takes any text for what it is, column lists longer than a file's name may be too.
        if path and os.path.exists(os.path.expanduser(path)):
            return (Path(path).name or Path(path).resolve().name) + (f":{behind}" if behind else "")
    return value


def _parameters(task: Task) -> str:
    """What a task takes behind its name, in words."""
    shared = [f"behaviour={'|'.join(task.info.behaviours)}", "k=NUMBER (demonstrations)", "hints=NUMBER (for training)"]
    *first, last = [*shared, *(f"{own.name}=VALUE ({own.summary})" for own in task.parameters)]
    return f"{', '.join(first)} and {last}"


def _quoted(value: str) -> str:
    return re.sub("[%&,]", lambda found: f"%{ord(found.group()):02X}", value)


def _suggestion(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _add(found: dict[str, Task], task: object, where: str) -> None:
    if not isinstance(task, Task):
        raise TaskError(f"{where}: must define TASK, an introbench.tasks.Task")
    name = task.info.name
    if unknown := [reading for reading in task.info.behaviours if reading not in get_args(BehaviourReading)]:
        known = ", ".join(get_args(BehaviourReading))
        raise TaskError(f"{where}: behaviour {unknown[0]!r} cannot be read; known: {known}")
    for own in task.parameters:
        if not _PARAMETER.fullmatch(own.name) or own.name in _SHARED:
            raise TaskError(f"{where}: {own.name!r} cannot be the name of a parameter; use letters, digits and _")
    if name == ALL:
        raise TaskError(f"{where}: {ALL!r} means all bundled tasks; choose another name")
    if name in found:
        raise TaskError(f"{where}: the task name {name!r} is in use by {found[name].folder}")
    found[name] = task


def _plugin_files(folder: Path) -> list[Path]:
    if (folder / "task.py").is_file():
        return [folder / "task.py"]
    files = sorted(folder.glob("*/task.py"))
    if not files:
        raise TaskError(f"{folder}: no task.py in it or in its folders; name a folder that holds a task plugin")
    return files


def _import_file(path: Path) -> ModuleType:
    module_spec = importlib.util.spec_from_file_location(f"introbench_included_{path.parent.name}", path)
    if module_spec is None or module_spec.loader is None:
        raise TaskError(f"{path}: cannot be imported")
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[module_spec.name] = module
    try:
        module_spec.loader.exec_module(module)
    except Exception as error:
        raise TaskError(f"{path}: cannot be imported: {error}") from error
    return module
