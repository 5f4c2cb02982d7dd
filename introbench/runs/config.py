"""What a run is asked to do, resolved and checked before anything is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from introbench.errors import UsageError
from introbench.models.series import expand_series
from introbench.models.spec import RUN_OPTIONS, ModelSpec, parse_spec
from introbench.tasks import Task
from introbench.tasks.registry import TaskVariant, expand_specs, find_tasks, resolve_tasks
from introbench.tasks.types import Split

__all__ = ["AA_SHARE", "Mode", "ModelEntry", "Role", "RunConfig", "Skip", "resolve_config", "skip_of"]

_NAMED = re.compile(r"(?P<name>[\w.-]+)=(?P<spec>.+)")

AA_SHARE = 0.1
"""Share of the items that a run asks a second time where nothing else is said."""

Mode = Literal["constrained", "free", "none"]

Role = Literal["target", "base", "reference"]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model of the run.

    Attributes:
        name: how tables call it, unique in the run: the user's NAME=SPEC, else the spec.
        spec: its canonical spec.
        role: the model under test, its declared parent, or any other model.
    """

    name: str
    spec: str
    role: Role


Skip = int | Mapping[str, int]
"""Items that are passed over: of every task, or by the name of a task."""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """A resolved configuration; two runs with equal ones ask the same questions.

    Attributes:
        models: target first, then references.
        tasks: canonical task specs.
        split: which items are asked.
        limit: number of items per task, None for all.
        seed: root seed of every draw.
        explanations: "constrained" to the candidates, written in "free" text and parsed, or "none" are asked for.
        aa_share: share of the items that are asked a second time in other company (A/A), 0 to 1.
        skip: number of items that are passed over before the first one is asked: those on which choices were made. Of
            every task, or by the name of a task where they differ; none of a task that is not named.
    """

    models: tuple[ModelEntry, ...]
    tasks: tuple[str, ...]
    split: Split
    limit: int | None
    seed: int
    explanations: Mode
    aa_share: float
    skip: Skip = 0

    def as_json(self) -> Mapping[str, Any]:
        """The form in which it stands in the manifest."""
        plain = {**asdict(self), "models": [asdict(model) for model in self.models], "tasks": list(self.tasks)}
        # Most runs pass none over, and older ones could not: their manifests say nothing of it.
        return plain if self.skip else {name: value for name, value in plain.items() if name != "skip"}


def resolve_config(
    model: str,
    references: Sequence[str] = (),
    tasks: Sequence[str] = ("hint_facts",),
    *,
    split: Split = "test",
    limit: int | None = None,
    seed: int = 0,
    explanations: Mode = "constrained",
    aa_share: float | None = None,
    options: Mapping[str, str] | None = None,
    model_options: Mapping[str, str] | None = None,
    include_paths: Sequence[Path] = (),
    task_values: Mapping[str, str] | None = None,
    skip: Skip = 0,
) -> tuple[RunConfig, list[TaskVariant]]:
    """Check everything that can be checked without loading a model.

    Args:
        options: model options that hold for every model whose backend takes them and whose spec does not set them.
        model_options: more options of the model under test, and of its declared base.
        task_values: values of task parameters, for every task that takes them and whose spec does not set them.
        skip: number of items that are passed over first, of every task or by its name.

    Raises SpecError or UsageError that names what is wrong.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"--limit {limit}: must be 1 or more; leave it out for all items")
    share = AA_SHARE if aa_share is None else aa_share
    if not 0 <= share <= 1:
        raise UsageError(f"--aa-share {share:g}: must be a share from 0 to 1; 0 asks nothing twice")
    known = find_tasks(include_paths)
    variants = _variants(expand_specs(tasks, known), known, task_values or {})
    target, *earlier = reversed(_named_specs(model, options or {}, model_options or {}))
    asked = [target, *reversed(earlier), *(each for text in references for each in _named_specs(text, options or {}))]
    base = _declared_base(asked[0][1])
    roles: list[Role] = ["target", *("base" if spec == base else "reference" for _, spec in asked[1:])]
    if base is not None and "base" not in roles:
        asked.insert(1, ("", base))
        roles.insert(1, "base")
    entries = _entries(asked, roles)
    names = tuple(variant.name for variant in variants)
    asked_tasks = [variant.task.info.name for variant in variants]
    if not isinstance(skip, int) and (absent := sorted(skip.keys() - set(asked_tasks))):
        raise UsageError(f"skip: {absent[0]!r} is none of the tasks that are asked: {', '.join(asked_tasks)}")
    passed = skip_of(skip, asked_tasks)
    return RunConfig(entries, names, split, limit, seed, explanations, share, passed), variants


def skip_of(skip: Skip, tasks: Sequence[str]) -> Skip:
    """The same of some tasks alone; one number where it is that of all of them."""
    by_task = {task: skip if isinstance(skip, int) else skip.get(task, 0) for task in tasks}
    return dict(by_task) if len(set(by_task.values())) > 1 else next(iter(by_task.values()), 0)


def _variants(specs: Sequence[str], known: Mapping[str, Task], values: Mapping[str, str]) -> list[TaskVariant]:
    """The tasks of a run, each once."""
    found: dict[str, TaskVariant] = {}
    for variant in (variant for spec in specs for variant in resolve_tasks(spec, known, values)):
        if found.setdefault(variant.name, variant) != variant:
            raise UsageError(
                f"--tasks: two tasks with different parameters are both called {variant.name!r}; run them apart"
            )
    if not found:
        raise UsageError("--tasks: names no task; `introbench list` shows all")
    taken = {parameter.name for variant in found.values() for parameter in variant.task.parameters}
    if foreign := sorted(values.keys() - taken):
        raise UsageError(f"--{foreign[0]}: taken by none of the tasks {', '.join(found)}")
    return list(found.values())


def _named_specs(
    text: str, options: Mapping[str, str], more: Mapping[str, str] | None = None
) -> list[tuple[str, ModelSpec]]:
    """The name before "=", or "", and the spec with the run's options, of every model that a text stands for.

    A "=" behind "/" or "?" belongs to the spec. Of a series, the name gains what its members differ in.
    """
    found = _NAMED.fullmatch(text)
    name = found["name"] if found else ""
    spec = parse_spec(found["spec"] if found else text).with_options(more or {})
    taken = RUN_OPTIONS.get(spec.backend, frozenset())
    spec = spec.with_options({option: value for option, value in options.items() if option in taken})
    return [(f"{name}-{mark}" if name and mark else name, each) for mark, each in expand_series(spec)]


def _declared_base(target: ModelSpec) -> ModelSpec | None:
    return target.parent if target.backend == "hf" else None


def _entries(asked: Sequence[tuple[str, ModelSpec]], roles: Sequence[Role]) -> tuple[ModelEntry, ...]:
    entries: list[ModelEntry] = []
    for (given, spec), role in zip(asked, roles, strict=True):
        if given and given in [entry.name for entry in entries]:
            raise UsageError(f"two models are named {given!r}; give each a name of its own")
        name = given or str(spec)
        same = sum(entry.name == name or entry.name.startswith(f"{name} #") for entry in entries)
        # The same spec twice is two models that share nothing: the second has a number in its name.
        entries.append(ModelEntry(f"{name} #{same + 1}" if same else name, str(spec), role))
    return tuple(entries)
