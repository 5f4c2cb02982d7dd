"""Scores of external explanations as a page for a terminal of at least 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from introbench.metrics.external import External
from introbench.metrics.headline import AboveFloor
from introbench.metrics.scores import Scores
from introbench.report.cells import as_text, bullet, cell, table
from introbench.report.inert import inert
from introbench.report.sentences import number, signed

__all__ = ["render_external"]

NOTE = "Brackets: 95 % intervals by the method named, clustered by item. *: too few clusters. –: not estimable."
UNREAD_SHOWN = 10
SIGNED = {"youden_j"}
LABELS = {
    "exact_match": "exact match",
    "youden_j": "J of verdict",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "verdict macro-F1",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "content_accuracy": "content accuracy",
    "content_on_changed": "content on changed",
    "auroc": "AUROC",
    "brier": "Brier score",
}
FORMS = {
    "bracket": "by <<<…>>>",
    "wording": "by “No change: …” and “Change: …”",
    "phrase": "by a common phrase",
    "given": "as given in verdict and content",
    "unparsable": "not at all",
}


def render_external(scored: External, width: int = 80) -> str:
    """The whole page as plain text, no line longer than `width` characters."""
    return as_text(Group(*_page(scored)), width)


def _page(scored: External) -> Iterator[RenderableType]:
    counts = scored.counts
    yield Text(
        f"{counts.rows} rows in {counts.clusters} clusters; the answer changed in {counts.changed} and did not in "
        f"{counts.unchanged}."
    )
    read = ", ".join(f"{counts.read_by[form]} {FORMS[form]}" for form in FORMS if form in counts.read_by)
    yield Text(
        f"Read: {read}. {counts.verdict_only} state a verdict without a readable choice and count as verdict only; "
        f"{counts.unparsable} state no verdict and count as wrong."
    )
    lines = table("", "score", "n", "clusters", "interval")
    for name in Scores.model_fields:
        estimate = getattr(scored.scores, name)
        shown = cell(estimate, signed if name in SIGNED else number)
        how = estimate.method if estimate.value is not None else estimate.detail
        lines.add_row(LABELS[name], shown, str(estimate.n), str(estimate.clusters), Text(how))
    yield Padding(lines, (1, 0, 1, 0))
    yield from _floors(scored)
    yield from _pair(scored)
    yield from _unread(scored)
    yield Text(NOTE, style="dim")


def _floors(scored: External) -> Iterator[RenderableType]:
    if not scored.floors:
        yield bullet("No floors: what trivial explainers score is known only where every row lists its choices.")
        return
    for label, part in (("Exact match", scored.headline.exact_match), ("J", scored.headline.youden_j)):
        if part.floor is not None and part.floor_value is not None:
            yield bullet(f"{label}: the best floor, “{part.floor}”, scores {number(part.floor_value)}; {_above(part)}.")
    if scored.headline.reasons_against:
        yield bullet(f"No headline: {'; '.join(scored.headline.reasons_against)}.")


def _above(part: AboveFloor) -> str:
    return f"above it {cell(part.above, signed).plain}"


def _pair(scored: External) -> Iterator[RenderableType]:
    if scored.pair is None:
        return
    lines = table("against the reference", "verdict and content", "verdict alone")
    views = (scored.pair.exact, scored.pair.verdict)
    lines.add_row("Self", *(cell(view.self_score) for view in views))
    lines.add_row("Ref", *(cell(view.reference_score) for view in views))
    lines.add_row("gap = Self − Ref", *(cell(view.gap, signed) for view in views))
    lines.add_row("d: labels differ", *(cell(view.drift) for view in views))
    lines.add_row("n_D", *(Text(str(view.disagreements)) for view in views))
    lines.add_row("s_D: Self on D", *(cell(view.self_on_disagreements) for view in views))
    lines.add_row("o_D: Ref on D", *(cell(view.reference_on_disagreements) for view in views))
    lines.add_row("s_D − o_D, raw", *(cell(view.raw_coupling, signed) for view in views))
    lines.add_row(Text("centred coupling", style="bold"), *(cell(view.centred_coupling, signed) for view in views))
    yield Padding(lines, (1, 0, 1, 0))
    centred = scored.pair.exact.centred_coupling
    if centred.value is None:
        yield bullet(f"No centred coupling: {centred.detail}.")


def _unread(scored: External) -> Iterator[RenderableType]:
    unread = [row for row in scored.rows if row.form == "unparsable"]
    for row in unread[:UNREAD_SHOWN]:
        yield bullet(f"line {row.line}, id {inert(row.id, 40)}: states no verdict")
    if len(unread) > UNREAD_SHOWN:
        yield bullet(f"and {len(unread) - UNREAD_SHOWN} more; --json says how every row was read")
