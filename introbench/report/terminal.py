"""A summary as tables and plain sentences, for a terminal of at least 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from introbench.metrics.deciding import DecidingReading
from introbench.metrics.draws import DrawSpread, Spread
from introbench.metrics.headline import AboveFloor
from introbench.metrics.intervals import Estimate
from introbench.metrics.schema import EmitterSummary, PairSummary, Summary, TaskSummary
from introbench.report.cells import as_text, detectable_cell
from introbench.report.cells import bullet as _bullet
from introbench.report.cells import cell as _cell
from introbench.report.cells import share as _share
from introbench.report.cells import signed_share as _signed_share
from introbench.report.cells import table as _table
from introbench.report.pooled import pooled_tables
from introbench.report.sentences import (
    coverage_sentences,
    emitter_sentence,
    number,
    pair_sentence,
    signed,
)
from introbench.texts import inert_json

__all__ = ["render", "renderable"]

MODELS_PER_TABLE = 3
"""More columns of estimates with intervals do not fit into 80 characters."""

SAYS = 'says "changed"'
"""The first row behind the scores."""

TOKEN = "  deciding token"
"""The same by the token alone that decides a verdict, where a backend scores it."""

_Show = Callable[[float], str]

NOTE = (
    "Brackets: 95 % intervals, clustered by fact. detectable: the smallest true value that would be told from 0 with "
    "80 % power. *: too few clusters for a headline. –: not estimable."
)

TOKEN_NOTE = (
    "deciding token: the same by the first token alone at which the two verdicts part, whatever content follows."
)


def render(summary: Summary, width: int = 80) -> str:
    """The whole summary as plain text, no line longer than `width` characters."""
    return as_text(renderable(summary), width)


def renderable(summary: Summary) -> RenderableType:
    """The whole summary for a rich console, which chooses width and colours."""
    # Names come from a manifest, which a stranger may have written.
    summary = Summary.model_validate(inert_json(summary.model_dump()))
    parts: list[RenderableType] = []
    for task in summary.tasks:
        parts += [Rule(Text(task.name, style="bold"), align="left"), *_task(task)]
    if summary.draws:
        parts += [Rule(Text("over draws of demonstrations", style="bold"), align="left"), _draws(summary.draws)]
    parts += pooled_tables(summary)
    known = any(emitter.deciding for task in summary.tasks for emitter in task.emitters)
    return Group(*parts, Text(f"{NOTE} {TOKEN_NOTE}" if known else NOTE, style="dim"))


def _task(task: TaskSummary) -> Iterator[RenderableType]:
    for sentence in coverage_sentences(task):
        yield Text(sentence)
    for start in range(0, len(task.emitters), MODELS_PER_TABLE):
        yield _emitters(task.emitters[start : start + MODELS_PER_TABLE])
    for emitter in task.emitters:
        yield _bullet(emitter_sentence(emitter))
    yield from _pairs(task)
    if task.pairs:
        yield Text()
    for pair in _shown_pairs(task):
        yield _bullet(pair_sentence(pair))
    yield Text()


def _shown_pairs(task: TaskSummary) -> list[PairSummary]:
    """Targets as emitters; the other way round is what summary.json has beside them."""
    targets = {emitter.model for emitter in task.emitters if emitter.role == "target"}
    return [pair for pair in task.pairs if pair.emitter in targets]


def _floor(part: AboveFloor) -> Text:
    return Text("–" if part.floor_value is None else f"{number(part.floor_value)} {part.floor}")


def _by_token(emitter: EmitterSummary, pick: Callable[[DecidingReading], Estimate], show: _Show = number) -> Text:
    return Text("–") if emitter.deciding is None else _cell(pick(emitter.deciding), show)


def _emitters(emitters: Sequence[EmitterSummary]) -> RenderableType:
    """Self and behaviour, a column per model."""
    table = _table("", *(emitter.model for emitter in emitters))
    rows: list[tuple[str, Callable[[EmitterSummary], Text]]] = [
        ("Self: exact match", lambda each: _cell(each.self_scores.exact_match)),
        ("  best floor", lambda each: _floor(each.headline.exact_match)),
        ("  above it", lambda each: _cell(each.headline.exact_match.above, signed)),
        ("  detectable", lambda each: detectable_cell(each.headline.exact_match.test)),
        ("Self: J of verdict", lambda each: _cell(each.self_scores.youden_j, signed)),
        ("  best floor", lambda each: _floor(each.headline.youden_j)),
        ("  above it", lambda each: _cell(each.headline.youden_j.above, signed)),
        ("  detectable", lambda each: detectable_cell(each.headline.youden_j.test)),
        (TOKEN, lambda each: _by_token(each, lambda reading: reading.youden_j, signed)),
        ("Self: AUROC", lambda each: _cell(each.self_scores.auroc)),
        (TOKEN, lambda each: _by_token(each, lambda reading: reading.auroc)),
        (SAYS, lambda each: _cell(each.saying.changed_rate)),
        (TOKEN, lambda each: _by_token(each, lambda reading: reading.changed_rate)),
        ("changes its answer", lambda each: _cell(each.behaviour.change_rate)),
        ("  under a placebo", lambda each: _cell(each.behaviour.placebo_change_rate)),
        ("  asked twice", lambda each: _cell(each.rerun.label_flips)),
        ("follows the cue", lambda each: _cell(each.behaviour.cue_following)),
        ("accuracy uncued", lambda each: _cell(each.behaviour.accuracy_uncued)),
        ("accuracy cued", lambda each: _cell(each.behaviour.accuracy_cued)),
    ]
    if not any(emitter.deciding for emitter in emitters):
        rows = [row for row in rows if row[0] != TOKEN]
    for index, (label, cell) in enumerate(rows):
        last_of_scores = index == len(rows) - 1 or rows[index + 1][0] == SAYS
        table.add_row(Text(label), *(cell(emitter) for emitter in emitters), end_section=last_of_scores)
    return Padding(table, (1, 0, 1, 0))


def _draws(rows: Sequence[DrawSpread]) -> RenderableType:
    """Scores of Self over the draws, a row per noisy task and model."""
    table = _table("mean ± deviation of Self", "draws", "flipped", "exact match", "J of verdict")
    for row in rows:
        table.add_row(
            Text(f"{row.family}\n  {row.model}"),
            Text(str(len(row.draws))),
            Text(", ".join(map(str, row.flipped))),
            _over_draws(row.exact_match, number),
            _over_draws(row.youden_j, signed),
        )
    return Padding(table, (1, 0, 1, 0))


def _over_draws(spread: Spread, show: Callable[[float], str]) -> Text:
    if spread.mean is None:
        return Text("–")
    return Text(show(spread.mean) + (f" ± {number(spread.deviation)}" if spread.deviation is not None else ""))


def _flips(task: TaskSummary, pair: PairSummary, name: str) -> Text:
    """What the emitter and the reference differ from themselves by, beside what they differ from each other by."""
    reruns = {emitter.model: emitter.rerun for emitter in task.emitters}
    values = [getattr(reruns[model], name).value for model in (pair.emitter, pair.reference)]
    return Text(", ".join("–" if value is None else number(value) for value in values))


def _pairs(task: TaskSummary) -> Iterator[RenderableType]:
    """Self against Ref, a table per pair."""
    for pair in _shown_pairs(task):
        table = _table(f"{pair.emitter} explains, reference {pair.reference}", "verdict and content", "verdict alone")
        views = (pair.exact, pair.verdict)
        table.add_row("Self", *(_cell(view.self_score) for view in views))
        table.add_row("Ref", *(_cell(view.reference_score) for view in views))
        table.add_row("gap = Self − Ref", *(_cell(view.gap, signed) for view in views))
        table.add_row("d: share of cases whose labels differ", *(_cell(view.drift) for view in views))
        table.add_row(
            "  one model asked twice", *(_flips(task, pair, name) for name in ("label_flips", "verdict_flips"))
        )
        table.add_row("n_D: number of these cases D", *(Text(str(view.disagreements)) for view in views))
        table.add_row("s_D: Self on D", *(_cell(view.self_on_disagreements) for view in views))
        table.add_row("o_D: Ref on D", *(_cell(view.reference_on_disagreements) for view in views))
        table.add_row("s_D − o_D, raw", *(_cell(view.raw_coupling, signed) for view in views))
        table.add_row(Text("centred coupling", style="bold"), *(_cell(view.centred_coupling, signed) for view in views))
        # Where no exchange changes anything, as with a constant explainer, the error is 0 and nothing could be told.
        table.add_row("  detectable", *(_share(view.detectable_coupling or None) for view in views))
        table.add_row(
            "  of a perfect self-explainer",
            *(_signed_share(value) for value in (pair.ceiling.exact, pair.ceiling.verdict)),
        )
        table.add_row("  cases D alone in their stratum", *(_share(view.alone_share) for view in views))
        yield Padding(table, (1, 0, 0, 0))
