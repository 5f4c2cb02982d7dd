"""The page: what it says, drawn from a template, its style and script allowed by hash and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from markupsafe import Markup

from introbench.files import write_whole
from introbench.metrics.intervals import Estimate
from introbench.metrics.schema import PairSummary, TaskSummary
from introbench.report.cautions import cautions_of
from introbench.report.figures import figures_of
from introbench.report.gather import ReportedRun
from introbench.report.html.cases import packed_cases
from introbench.report.html.house import environment, policy, script_of, style_of
from introbench.report.provenance import command_of, facts_of
from introbench.report.sentences import SENTENCE_DECIMALS, coverage_sentences, emitter_sentence, pair_sentence, signed
from introbench.report.svg import inline_svg
from introbench.report.tables import headline_table, interval, tables_of

__all__ = ["MOST_BYTES", "html_page", "write_report"]

MOST_BYTES = 5_000_000
"""A page that mail and browsers take; long explanations are cut until it is kept."""

LONGEST = (4000, 400, 40)
"""Characters of a written explanation that the page keeps, tried in this order."""

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Card:
    """A number that the page leads with.

    Attributes:
        what: what it measures.
        figure: the number.
        interval: its 95 % interval.
        note: what it is set against, or why it is no headline.
        refused: whether it may not be a headline.
    """

    what: str
    figure: str
    interval: str
    note: str
    refused: bool


def write_report(runs: Sequence[ReportedRun], path: Path) -> None:
    """Write the page of these runs. Raises DiskError where it cannot be written."""
    write_whole(path, html_page(runs).encode())


def html_page(runs: Sequence[ReportedRun]) -> str:
    """The page of one or several runs, with texts cut as far as its size demands."""
    page = ""
    for longest in LONGEST:
        page = _page(runs, longest)
        if len(page.encode()) <= MOST_BYTES:
            break
    return page


def _page(runs: Sequence[ReportedRun], longest: int) -> str:
    style, script = style_of(), script_of(_HERE / "page.js")
    data, cut = packed_cases(runs, longest)
    cautions = [f"{run.name}: {each}" if len(runs) > 1 else each for run in runs for each in cautions_of(run)]
    if cut:
        cautions.append(
            f"{cut} written explanations are cut after {longest} characters on this page; the ledger has them whole."
        )
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            title=_title(runs),
            policy=policy(style, script),
            style=Markup(style),
            script=Markup(script),
            data=Markup(data),
            headlines=list(_headlines(runs)),
            cautions=cautions,
            figures=[(figure, inline_svg(figure)) for figure in figures_of(runs)],
            runs=[
                {
                    "name": run.name,
                    "headline": headline_table(run.summary),
                    "tables": tables_of(run.summary),
                    "command": command_of(run.manifest),
                    "facts": facts_of(run.manifest),
                }
                for run in runs
            ],
            version=version("introbench"),
        )
    )


def _title(runs: Sequence[ReportedRun]) -> str:
    targets = [model.name for run in runs for model in run.run.models if model.role == "target"]
    names = list(dict.fromkeys(targets)) or ["a model"]
    return names[0] if len(names) == 1 else f"{names[0]} (and {len(names) - 1} more)"


def _headlines(runs: Sequence[ReportedRun]) -> Iterator[dict[str, Any]]:
    for run in runs:
        for task in run.summary.tasks:
            targets = [emitter for emitter in task.emitters if emitter.role == "target"]
            names = {emitter.model for emitter in targets}
            pairs = [pair for pair in task.pairs if pair.emitter in names]
            sentences = [emitter_sentence(emitter) for emitter in targets] + [pair_sentence(pair) for pair in pairs]
            yield {
                "name": f"{run.name}: {task.name}" if len(runs) > 1 else task.name,
                "cards": [*_self_cards(task), *(_pair_card(pair) for pair in pairs)],
                "sentences": [sentence for sentence in sentences if sentence],
                "coverage": next(coverage_sentences(task)),
            }


def _self_cards(task: TaskSummary) -> Iterator[Card]:
    targets = [emitter for emitter in task.emitters if emitter.role == "target"]
    for emitter in targets:
        who = f"{emitter.model}: " if len(targets) > 1 else ""
        refused = bool(emitter.headline.reasons_against or emitter.saying.collapsed)
        for name, part in (("Youden's J", emitter.headline.youden_j), ("Exact match", emitter.headline.exact_match)):
            note = _note(emitter.saying.collapsed, refused) or f"floor: {part.floor or '–'}"
            yield _card(f"{who}{name} above its best floor", part.above, note, refused)


def _pair_card(pair: PairSummary) -> Card:
    refused = bool(pair.reasons_against or pair.collapsed)
    note = _note(pair.collapsed, refused) or f"{pair.exact.disagreements} cases on which labels differ"
    return _card(
        f"Centred coupling, {pair.emitter} against {pair.reference}", pair.exact.centred_coupling, note, refused
    )


def _note(collapsed: str | None, refused: bool) -> str:
    """Why a number is no headline, or nothing where it is one."""
    return "no headline: the explainer is collapsed" if collapsed else "no headline" if refused else ""


def _card(what: str, estimate: Estimate, note: str, refused: bool) -> Card:
    figure = "–" if estimate.value is None else signed(estimate.value, SENTENCE_DECIMALS)
    return Card(what, figure, interval(estimate), note, refused)
