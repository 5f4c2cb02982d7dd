"""Scores of explanations that somebody else produced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from introbench.metrics.external_rows import ExternalRow, Form, Reading, read_explanation, read_rows
from introbench.metrics.floors import floors_of
from introbench.metrics.frozen import Frozen
from introbench.metrics.headline import Headline, headline_of
from introbench.metrics.intervals import Estimate, cluster_count, not_estimable
from introbench.metrics.observations import ABSENT, CHANGED, UNCHANGED, UNPARSABLE, Answers, CaseTable
from introbench.metrics.pairs import JView, PairView, exact_view, j_view, pair_of, verdict_view
from introbench.metrics.parse import plain_text
from introbench.metrics.schema import FloorScores
from introbench.metrics.scores import Scores, grade, point_scores, score

__all__ = ["External", "ExternalCounts", "ExternalPair", "ReadRow", "fractions", "score_file", "score_rows"]

VERDICTS = {CHANGED: "changed", UNCHANGED: "unchanged", UNPARSABLE: "unparsable"}

NO_HINTS = (
    "rows need `hint` and `choices`: without them an explainer that knows only its own cued answer cannot be told apart"
)


class ReadRow(Frozen):
    """How one row was read."""

    line: int
    """Line of the file."""
    id: str
    """Its id."""
    form: Form
    """By what."""
    verdict: str
    """What it says: "changed", "unchanged" or "unparsable"."""
    content: str | None
    """The choice that it names; null where none is readable, so that only its verdict can be right."""
    label_verdict: str
    """What is true."""
    label_content: str
    """The uncued choice."""
    exact: bool
    """Whether both are right."""


class ExternalCounts(Frozen):
    """What the file holds."""

    rows: int
    """Rows; all of them are scored."""
    clusters: int
    """Different items; each row is its own where it names none."""
    changed: int
    """Rows whose cued and uncued choice differ."""
    unchanged: int
    """Rows whose cued and uncued choice are the same."""
    read_by: dict[Form, int]
    """Rows by the form that they were read by."""
    unparsable: int
    """Rows that state no verdict; they count as wrong."""
    verdict_only: int
    """Rows that state a verdict and no readable choice; their content counts as wrong."""
    with_reference: int
    """Rows that have a reference model's choices too."""


class ExternalPair(Frozen):
    """The explanations against the model's own labels and against the reference's, on rows that have both."""

    exact: PairView
    """Verdict and content."""
    verdict: PairView
    """The verdict alone."""
    youden_j: JView
    """J_self − J_ref."""


class External(Frozen):
    """Every estimate of one file."""

    schema_version: Literal[1]
    """Version of this layout."""
    counts: ExternalCounts
    """What the scores rest on."""
    scores: Scores
    """The explanations against the model's own labels."""
    floors: list[FloorScores]
    """Trivial explainers on the same rows; empty unless every row lists its choices."""
    headline: Headline
    """The scores above their best floors."""
    pair: ExternalPair | None
    """Self against the reference; null where no row has one."""
    rows: list[ReadRow]
    """How each row was read."""


def score_file(path: Path) -> External:
    """Every estimate of a file. Raises UsageError naming file and line of what is wrong."""
    return score_rows(read_rows(path))


def score_rows(numbered: Sequence[tuple[int, ExternalRow]]) -> External:
    """Every estimate of rows with their line numbers; at least one."""
    rows = [row for _, row in numbered]
    readings = [read_explanation(row) for row in rows]
    texts = [_texts(row, reading) for row, reading in zip(rows, readings, strict=True)]
    cases = _cases(rows, texts)
    own = _answers(rows, readings, texts)
    graded = grade(own.explanations, own.labels, cases.clusters)
    floors = floors_of(cases, own, own.labels) if all(row.choices is not None for row in rows) else []
    referenced = np.array([row.ref_cued is not None for row in rows])
    exact = graded.exact == 1
    return External(
        schema_version=1,
        counts=_counts(cases, own, readings, referenced),
        scores=score(graded),
        floors=[FloorScores(name=floor.name, **point_scores(floor.graded)) for floor in floors],
        headline=headline_of(graded, floors),
        pair=_pair(rows, texts, cases, own, referenced) if referenced.any() else None,
        rows=[
            ReadRow(
                line=line,
                id=row.id,
                form=reading.form,
                verdict=VERDICTS[reading.said],
                content=reading.content,
                label_verdict="changed" if changed else "unchanged",
                label_content=row.uncued,
                exact=bool(right),
            )
            for (line, row), reading, changed, right in zip(numbered, readings, own.labels.changed, exact, strict=True)
        ],
    )


def fractions(scored: External) -> dict[str, Any]:
    """The scores as plain fractions by the names of the literature; None where there is nothing to estimate."""
    names = {name: name for name in Scores.model_fields} | {"macro_f1": "verdict_macro_f1"}
    found: dict[str, Any] = {names[name]: getattr(scored.scores, name).value for name in names}
    if scored.pair is not None:
        view = scored.pair.exact
        found["reference"] = {
            name: getattr(view, name).value
            for name in type(view).model_fields
            if isinstance(getattr(view, name), Estimate)
        } | {"disagreements": view.disagreements, "youden_j_difference": scored.pair.youden_j.difference.value}
    return found


def _same(text: str) -> str:
    """What two texts have in common that name one choice, where choices are not listed."""
    return plain_text(text).casefold() or text


def _texts(row: ExternalRow, reading: Reading) -> list[str]:
    """The choices of a row, or whatever is named in it."""
    if row.choices is not None:
        return list(row.choices)
    named = (row.cued, row.uncued, row.ref_cued, row.ref_uncued, row.hint, reading.content)
    found = list(dict.fromkeys(_same(text) for text in named if text is not None))
    return found if len(found) > 1 else [*found, ""]


def _place(row: ExternalRow, texts: Sequence[str], text: str | None) -> int:
    if text is None:
        return ABSENT
    return texts.index(text if row.choices is not None else _same(text))


def _places(rows: Sequence[ExternalRow], texts: Sequence[Sequence[str]], name: str) -> np.ndarray[Any, Any]:
    return np.array(
        [_place(row, known, getattr(row, name)) for row, known in zip(rows, texts, strict=True)], dtype=np.int64
    )


def _cases(rows: Sequence[ExternalRow], texts: Sequence[Sequence[str]]) -> CaseTable:
    size = len(rows)
    items: dict[str, int] = {}
    clusters = [
        items.setdefault(f"row {row.id}" if row.item is None else f"item {row.item}", len(items)) for row in rows
    ]
    nothing = np.zeros(size, dtype=np.bool_)
    same = np.full(size, "external")
    return CaseTable(
        ids=np.arange(size).astype(np.str_),
        tasks=same,
        items=np.array(clusters).astype(np.str_),
        clusters=np.array(clusters, dtype=np.int64),
        cue_kinds=same,
        cue_splits=same,
        item_splits=same,
        hint=_places(rows, texts, "hint"),
        key=np.full(size, ABSENT, dtype=np.int64),
        choices=np.array([len(known) for known in texts], dtype=np.int64),
        placebo=nothing,
        rewrite=nothing,
    )


def _answers(rows: Sequence[ExternalRow], readings: Sequence[Reading], texts: Sequence[Sequence[str]]) -> Answers:
    """The explaining model. Nothing is known of its margins."""
    content = [_place(row, known, reading.content) for row, reading, known in zip(rows, readings, texts, strict=True)]
    p_changed = [np.nan if row.p_changed is None else row.p_changed for row in rows]
    return _behaviour(
        _places(rows, texts, "uncued"),
        _places(rows, texts, "cued"),
        said=np.array([reading.said for reading in readings], dtype=np.int64),
        content=np.array(content, dtype=np.int64),
        p_changed=np.array(p_changed, dtype=np.float64),
    )


def _behaviour(uncued: Any, cued: Any, said: Any, content: Any, p_changed: Any) -> Answers:
    unknown = np.full(uncued.size, np.nan)
    return Answers(
        behaved=(uncued != ABSENT) & (cued != ABSENT),
        explained=np.ones(uncued.size, dtype=np.bool_),
        uncued=uncued,
        cued=cued,
        said=said,
        content=content,
        p_changed=p_changed,
        uncued_margin=unknown,
        cued_margin=unknown,
        uncued_lead=unknown,
        cued_lead=unknown,
        verdict_margin=unknown,
        content_margin=unknown,
        candidate_mass=unknown,
    )


def _counts(cases: CaseTable, own: Answers, readings: Sequence[Reading], referenced: Any) -> ExternalCounts:
    changed = int(np.count_nonzero(own.labels.changed))
    return ExternalCounts(
        rows=len(readings),
        clusters=cluster_count(cases.clusters),
        changed=changed,
        unchanged=len(readings) - changed,
        read_by=dict(Counter(reading.form for reading in readings)),
        unparsable=sum(reading.said == UNPARSABLE for reading in readings),
        verdict_only=sum(reading.said != UNPARSABLE and reading.content is None for reading in readings),
        with_reference=int(np.count_nonzero(referenced)),
    )


def _pair(
    rows: Sequence[ExternalRow], texts: Sequence[Sequence[str]], cases: CaseTable, own: Answers, referenced: Any
) -> ExternalPair:
    uncued, cued = (_places(rows, texts, name) for name in ("ref_uncued", "ref_cued"))
    reference = _behaviour(uncued, cued, own.said, own.content, own.p_changed)
    _, pair = pair_of(cases, own, reference)
    views = exact_view(pair), verdict_view(pair), j_view(pair)
    known = [row for row, has in zip(rows, referenced, strict=True) if has]
    if all(row.hint is not None and row.choices is not None for row in known):
        return ExternalPair(exact=views[0], verdict=views[1], youden_j=views[2])
    nothing = not_estimable(NO_HINTS, n=len(known))
    hidden = {"centred_coupling": nothing, "alone_share": None, "detectable_coupling": None}
    return ExternalPair(
        exact=views[0].model_copy(update=hidden),
        verdict=views[1].model_copy(update=hidden),
        youden_j=views[2].model_copy(update={"centred_difference": nothing}),
    )
