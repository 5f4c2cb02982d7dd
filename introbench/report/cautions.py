"""What a reader has to be warned of before any number of a run is believed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from introbench.metrics.schema import EmitterSummary, TaskSummary
from introbench.report.sentences import SENTENCE_DECIMALS, little_mass, number

if TYPE_CHECKING:
    from introbench.report.gather import ReportedRun

__all__ = ["cautions_of", "cautions_of_task", "flags_of"]

MUCH = 0.05
"""Share of decisions within the tie margin, or of labels that flip when asked twice, that is worth a warning."""


def cautions_of(run: ReportedRun) -> Iterator[str]:
    """Warnings about a whole run, then about each task, a sentence each."""
    if not run.manifest.get("complete", False):
        yield "The run is not complete: the same command goes on with it, and what is missing counts as not answered."
    git = run.manifest.get("git")
    if isinstance(git, dict) and git.get("dirty"):
        yield "The code that ran had changes that no commit holds, so the commit below does not give it exactly."
    for task in run.summary.tasks:
        for caution in cautions_of_task(task):
            yield f"{task.name}: {caution}"
        texts = run.texts.get(task.name)
        if texts and texts.missing:
            yield f"{task.name}: the prompts of {texts.missing} cases are not shown, as {texts.reason}."


def cautions_of_task(task: TaskSummary) -> Iterator[str]:
    """Warnings about one task, a sentence each."""
    for emitter in task.emitters:
        yield from (sentence for _, sentence in _of_emitter(emitter))
    targets = {emitter.model for emitter in task.emitters if emitter.role == "target"}
    for pair in task.pairs:
        if pair.emitter not in targets:
            continue
        for reason in pair.reasons_against:
            yield f"no headline for {pair.emitter} against {pair.reference}: {reason}."
        if pair.trivial and pair.trivial.raw_coupling > 0:
            yield (
                f"raw s_D − o_D against {pair.reference} proves nothing: the trivial explainer “{pair.trivial.floor}” "
                f"reaches {number(pair.trivial.raw_coupling, SENTENCE_DECIMALS)}."
            )


def flags_of(emitter: EmitterSummary) -> list[str]:
    """The warnings about one model on one task in a word or two each, every one once."""
    return list(dict.fromkeys(flag for flag, _ in _of_emitter(emitter)))


def _of_emitter(emitter: EmitterSummary) -> Iterator[tuple[str, str]]:
    """Warnings about one model on one task: in a word or two, and as a sentence."""
    coverage, model = emitter.coverage, emitter.model
    if coverage.scored < coverage.cases:
        yield "unanswered", f"{model}: {coverage.cases - coverage.scored} of {coverage.cases} cases are not answered."
    if coverage.unparsable:
        yield (
            "unparsable",
            f"{model}: {coverage.unparsable} explanations state no verdict and count as wrong.",
        )
    if emitter.saying.collapsed:
        yield (
            "collapsed",
            f"{model} is collapsed: (nearly) all of its explanations are “{emitter.saying.collapsed}”.",
        )
    if (little := little_mass(emitter)) is not None:
        yield "little mass", little
    for reason in emitter.headline.reasons_against:
        yield "no headline", f"no headline for {model}: {reason}."
    ties = emitter.behaviour.inside_tie_margin.value
    if ties is not None and ties > MUCH:
        yield "ties", f"{model}: {ties:.0%} of its labels hang on a choice within its tie margin."
    flips = emitter.rerun.label_flips.value
    if flips is not None and flips > MUCH:
        yield "flips", f"{model}: {flips:.0%} of its labels differ when it is asked twice."
