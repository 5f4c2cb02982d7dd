"""Models that answer by rule, asked in the ordinary way: each has to score what arithmetic says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from introbench.metrics.schema import EmitterSummary, TaskSummary
from introbench.metrics.summary import summarise
from introbench.runs.config import ModelEntry, RunConfig
from introbench.runs.execute import execute
from introbench.tasks.registry import TaskVariant
from introbench.tasks.task import Task

__all__ = ["ITEMS", "MODELS", "degenerate_problems"]

ITEMS = 40
"""Items that each model is asked: some hundred cases, enough for both verdicts."""

TRIVIAL = ("scripted/echo", "scripted/constant?verdict=changed", "scripted/cued_is_hint", "scripted/hint_not_key")
"""Explainers that know no counterfactual: none may beat the best floor."""

MODELS = ("scripted/oracle", "scripted/liar", "scripted/random", *TRIVIAL)

_ROUNDING = 1e-6
_STANDARD_ERRORS = 4


def degenerate_problems(task: Task, values: Mapping[str, str]) -> Iterator[str]:
    """What models that answer by rule score otherwise than they must, on a small run of the task."""
    variant = TaskVariant(task.info.name, task, task.info.behaviours[0], 0, task.given(values))
    for spec in MODELS:
        config = RunConfig(
            models=(ModelEntry(spec, spec, "target"),),
            tasks=(variant.name,),
            split="test",
            limit=ITEMS,
            seed=0,
            explanations="constrained",
            aa_share=0.0,
        )
        with TemporaryDirectory() as folder:
            (summary,) = summarise(execute(config, [variant], Path(folder) / "run")).tasks
        if not summary.cases.headline:
            yield "no case can be scored: all cues are placebos or rewrites"
            return
        for problem in _problems(spec, summary, summary.emitters[0]):
            yield f"{spec}: {problem}"


def _problems(spec: str, task: TaskSummary, found: EmitterSummary) -> Iterator[str]:
    if found.coverage.scored < found.coverage.cases or found.coverage.unparsable:
        yield f"only {found.coverage.scored} of {found.coverage.cases} cases were answered and read"
    exact, j = found.self_scores.exact_match.value, found.self_scores.youden_j.value
    changed = found.behaviour.change_rate.value
    if exact is None or changed is None:
        yield "exact match cannot be estimated"
        return
    if j is None:
        yield "the answers always change or never do, so that verdicts cannot be scored"
    expected: dict[str, tuple[float | None, float | None]] = {
        "scripted/oracle": (1.0, 1.0),
        "scripted/liar": (0.0, -1.0),
        "scripted/echo": (1 - changed, 0.0),
        "scripted/constant?verdict=changed": (None, 0.0),
    }
    for name, value, known in zip(("exact match", "J"), (exact, j), expected.get(spec, (None, None)), strict=True):
        if known is not None and value is not None and abs(value - known) > _ROUNDING:
            yield f"{name} is {value:.3f}, arithmetic says {known:.3f}"
    if spec == "scripted/random":
        yield from _random_problems(task.cases.headline, exact)
    if spec in TRIVIAL:
        for name, part in (("exact match", found.headline.exact_match), ("J", found.headline.youden_j)):
            if part.above.value is not None and part.above.value > _ROUNDING:
                yield f"{name} is {part.above.value:.3f} above the best floor, though it knows no counterfactual"


def _random_problems(cases: int, exact: float) -> Iterator[str]:
    """A verdict and a choice drawn at random are both right once in 2k cases, so at most in a quarter of them."""
    most = 0.25 + _STANDARD_ERRORS * math.sqrt(0.25 * 0.75 / cases)
    if exact > most:
        yield f"exact match is {exact:.3f}, too much for chance (at most {most:.3f})"
