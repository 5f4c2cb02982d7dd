"""Tasks for lm-eval: its own models are asked our prompts, three contexts a case."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from introbench.errors import UsageError
from introbench.files import disk_errors, slug, write_whole
from introbench.hashing import Json, canonical_json
from introbench.runs.plan import Plan, TaskPlan
from introbench.tasks.types import PLACEBO, Case

__all__ = ["TAG", "export_lm_eval", "task_name"]

TAG = "introbench"
"""What lm-eval calls all exported tasks together."""

_CLASS_FILE = "introbench_cases.py"
_CACHE = "__pycache__"  # what Python leaves there when lm-eval has loaded the class
_READINGS = ("text", "letter")


class _Function(str):
    """The name of a Python object, which lm-eval's YAML refers to by a tag of its own."""


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(_Function, lambda dumper, name: dumper.represent_scalar("!function", str(name)))


def export_lm_eval(plan: Plan, out: Path) -> list[str]:
    """Write a folder that `lm_eval --include_path` takes; returns the names of its tasks.

    Raises UsageError where the folder holds other files or a task reads behaviour in a way that lm-eval does not, and
    DiskError where it cannot be written; nothing is written before all is checked.
    """
    for task in plan.tasks:
        if task.variant.behaviour not in _READINGS:
            raise UsageError(
                f"{task.variant.name}: its behaviour is read by {task.variant.behaviour!r}, which cannot be exported: "
                f"lm-eval scores whole replies ({' or '.join(_READINGS)}); {_way_out(task)}"
            )
    files = {_CLASS_FILE: Path(__file__).with_name("lm_eval_task.py").read_bytes()}
    for task in plan.tasks:
        name = task_name(task.variant.name)
        files[f"{name}.yaml"] = _yaml(plan, task, name)
        files[f"{name}.jsonl"] = "".join(canonical_json(_row(case)) + "\n" for case in task.cases).encode()
    with disk_errors(out):
        if out.exists() and (foreign := sorted({entry.name for entry in out.iterdir()} - {*files, _CACHE})):
            raise UsageError(f"{out}: holds other files ({foreign[0]}); choose another --out, or empty it")
        out.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_whole(out / name, data)
    return [task_name(task.variant.name) for task in plan.tasks]


def _way_out(task: TaskPlan) -> str:
    other = [reading for reading in task.variant.task.info.behaviours if reading in _READINGS]
    name = task.variant.task.info.name
    return f"write {name}?behaviour={other[0]}" if other else f"leave {name} out of --tasks"


def task_name(variant: str) -> str:
    """What lm-eval calls a task: no comma, asterisk or slash, which mean something on its command line."""
    return f"{TAG}_{slug(variant)}"


def _yaml(plan: Plan, task: TaskPlan, name: str) -> bytes:
    info, config = task.variant.task.info, plan.config
    content: dict[str, Any] = {
        "task": name,
        "tag": TAG,
        "class": _Function(f"{Path(_CLASS_FILE).stem}.Cases"),
        "cases": f"{name}.jsonl",
        "metadata": {
            "version": info.version,
            "introbench_task": task.variant.name,
            "split": config.split,
            "limit": config.limit,
            "seed": config.seed,
            "items_sha256": task.items_sha256,
        },
    }
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True).encode()


def _row(case: Case) -> Json:
    placebo = case.cue.kind == PLACEBO
    return {
        "id": case.id,
        "item": case.item.id,
        "cluster": case.item.cluster,
        "cue": case.cue.id,
        "cue_kind": case.cue.kind,
        "placebo": placebo,
        "headline": not placebo and case.cue.edit != "rewrite",
        "hint": case.hint,
        "key": case.item.key,
        "messages": {question.part: [asdict(message) for message in question.messages] for question in case.questions},
        "choices": {question.part: list(question.choices) for question in case.questions},
    }
