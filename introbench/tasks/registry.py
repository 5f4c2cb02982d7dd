"""Finding tasks: installed plugins by entry point, local ones with `--include-path DIR`."""

from __future__ import annotations

import difflib
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import get_args

from introbench.errors import SpecError, TaskError
from introbench.tasks.task import Task
from introbench.tasks.types import BehaviourReading

__all__ = ["ENTRY_POINT_GROUP", "TaskVariant", "find_tasks", "resolve_task"]

ENTRY_POINT_GROUP = "introbench.tasks"
_MAX_DEMONSTRATIONS = 64


@dataclass(frozen=True, slots=True)
class TaskVariant:
    """A task with the parameters that the user gave it.

    Attributes:
        name: canonical spec, as it stands in tables and files: "hint_facts" or "hint_facts?k=4".
        behaviour: how the model's choice is read.
        task: the task itself.
        demonstrations: number k of solved explanations before each explanation question.
    """

    name: str
    task: Task
    behaviour: BehaviourReading
    demonstrations: int = 0


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


def resolve_task(spec: str, tasks: dict[str, Task]) -> TaskVariant:
    """The task that a spec `NAME` or `NAME?behaviour=letter&k=4` names.

    Raises SpecError with the nearest names where there is no such task or parameter.
    """
    name, _, query = spec.partition("?")
    if name not in tasks:
        raise SpecError(f"no task {name!r}{_suggestion(name, tasks)}; `introbench list` shows all")
    readings = {str(reading): reading for reading in tasks[name].info.behaviours}
    usual = {"behaviour": next(iter(readings)), "k": "0"}
    given = dict(usual)
    for part in filter(None, query.split("&")):
        key, _, value = part.partition("=")
        if key not in given:
            takes = f"behaviour={'|'.join(readings)} and k=NUMBER (demonstrations)"
            raise SpecError(f"task {name!r} has no parameter {key!r}; it takes {takes}")
        given[key] = value
    if given["behaviour"] not in readings:
        raise SpecError(f"task {name!r}: behaviour={given['behaviour']} must be {' or '.join(readings)}")
    if not given["k"].isdecimal() or int(given["k"]) > _MAX_DEMONSTRATIONS:
        raise SpecError(f"task {name!r}: k={given['k']} must be a whole number from 0 to {_MAX_DEMONSTRATIONS}")
    given["k"] = str(int(given["k"]))
    query = "&".join(f"{key}={value}" for key, value in given.items() if value != usual[key])
    canonical = f"{name}?{query}" if query else name
    return TaskVariant(canonical, tasks[name], readings[given["behaviour"]], int(given["k"]))


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
