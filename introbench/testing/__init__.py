"""For authors of tasks: `check_task` holds a task against everything that introbench asks of one.

The part that asks no model is `introbench.tasks.conformance`; here come models that answer by rule, asked in the
ordinary way, and a tokenizer where one is given.
"""

from __future__ import annotations

from collections.abc import Mapping

from introbench.errors import TaskError
from introbench.models.types import ModelHead
from introbench.tasks.conformance import Problem, examine
from introbench.tasks.task import Task
from introbench.testing.degenerate import degenerate_problems
from introbench.testing.tokens import token_findings

__all__ = ["Problem", "all_problems", "check_task"]


def check_task(task: Task, values: Mapping[str, str] | None = None) -> None:
    """Raise TaskError with every problem of a task, a line each; return where there is none.

    Args:
        values: values of the task's parameters, for tasks that load their items.
    """
    found, _ = all_problems(task, values)
    if found:
        lines = "\n".join(f"  {problem}" for problem in found)
        raise TaskError(f"task {task.info.name!r} has {len(found)} problems:\n{lines}")


def all_problems(
    task: Task, values: Mapping[str, str] | None = None, head: ModelHead | None = None
) -> tuple[list[Problem], list[str]]:
    """Every problem of a task, and what a tokenizer says of it that is no problem.

    Args:
        values: values of the task's parameters.
        head: the model whose tokenizer and context the prompts are held against; none where left out.
    """
    found, material = examine(task, values)
    notes: list[str] = []
    if material is not None and head is not None:
        wrong, notes = token_findings(material, head)
        found += [Problem("tokens", message) for message in wrong]
    # What a model scores on broken cases says nothing beyond what is said already.
    if not found:
        found += [Problem("degenerate models", message) for message in degenerate_problems(task, values or {})]
    return found, notes
