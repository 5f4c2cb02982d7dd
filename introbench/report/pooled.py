"""What is said of all tasks together, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from introbench.metrics.pooled import Pooled
from introbench.metrics.schema import Summary
from introbench.report.cautions import flags_of
from introbench.report.cells import cell, share, table
from introbench.report.sentences import signed

__all__ = ["pooled_tables"]


def pooled_tables(summary: Summary) -> Iterator[RenderableType]:
    """Self and couplings over all tasks; nothing where there is only one."""
    if summary.pooled is None:
        return
    yield Rule(Text("all tasks", style="bold"), align="left")
    yield Text("changed: share of the own labels; says so: share of the explanations. report.html puts flags in words.")
    yield _overview(summary)
    yield Text(f"Means over {len(summary.tasks)} tasks, each with the same weight; intervals by MOVER.")
    lines = table("", "exact match", "J of verdict", "J above floor")
    for emitter in summary.pooled.emitters:
        lines.add_row(
            Text(emitter.model),
            _pooled(emitter.exact_match),
            _pooled(emitter.youden_j, is_signed=True),
            _pooled(emitter.youden_j_above_floor, is_signed=True),
        )
    yield Padding(lines, (1, 0, 1, 0))
    pairs = table("", "gap", "centred coupling", "of the verdict")
    for pair in summary.pooled.pairs:
        parts = (pair.gap, pair.centred_coupling, pair.centred_coupling_of_verdict)
        pairs.add_row(Text(f"{pair.emitter}, {pair.reference}"), *(_pooled(part, is_signed=True) for part in parts))
    if summary.pooled.pairs:
        yield Padding(pairs, (0, 0, 1, 0))


def _overview(summary: Summary) -> RenderableType:
    """A row per task and model: how much of it was answered, how balanced its labels are, what to beware of."""
    lines = table("", "cases", "coverage", "changed", "says so", "flags")
    for task in summary.tasks:
        for emitter in task.emitters:
            cases, scored = emitter.coverage.cases, emitter.coverage.scored
            coverage = scored / cases if cases else None
            rates = (emitter.behaviour.change_rate, emitter.saying.changed_rate)
            lines.add_row(
                Text(task.name if len(task.emitters) == 1 else f"{task.name}\n  {emitter.model}"),
                Text(str(cases)),
                *map(share, (coverage, *(rate.value for rate in rates))),
                Text(", ".join(flags_of(emitter)) or "–"),
            )
    return Padding(lines, (1, 0, 1, 0))


def _pooled(part: Pooled, *, is_signed: bool = False) -> Text:
    shown = cell(part.estimate, signed) if is_signed else cell(part.estimate)
    return shown.append(f", {len(part.left_out)} left out") if part.left_out and part.weights else shown
