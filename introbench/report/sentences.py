"""One plain sentence for every result: what it means, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator

from introbench.metrics.draws import NoiseFacts
from introbench.metrics.headline import AboveFloor
from introbench.metrics.intervals import Estimate
from introbench.metrics.schema import EmitterSummary, PairSummary, TaskSummary

__all__ = ["coverage_sentences", "emitter_sentence", "little_mass", "number", "pair_sentence", "signed"]


TABLE_DECIMALS = 2
LITTLE = 0.5
"""Probability of the candidate explanations under which verdicts may be other ones than would be written."""

SENTENCE_DECIMALS = 3
"""One more than in tables, so that an interval that ends just beside 0 is seen to."""


def number(value: float, decimals: int = TABLE_DECIMALS) -> str:
    """A number without the zero that every share below 1 begins with."""
    shown = f"{abs(value):.{decimals}f}".removeprefix("0")
    negative = value < 0 and any(digit in shown for digit in "123456789")
    return f"−{shown}" if negative else shown


def signed(value: float, decimals: int = TABLE_DECIMALS) -> str:
    """The same with its sign, for what can be negative."""
    shown = number(value, decimals)
    return f"+{shown}" if any(digit in shown for digit in "123456789") and value > 0 else shown


def _precise(value: float) -> str:
    return signed(value, SENTENCE_DECIMALS)


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "(no interval)"
    return f"[{_precise(estimate.low)}, {_precise(estimate.high)}]"


def coverage_sentences(task: TaskSummary) -> Iterator[str]:
    """What the numbers of a task rest on."""
    cases = task.cases
    apart = [f"{count} {name}" for name, count in (("placebo", cases.placebo), ("rewrite", cases.rewrite)) if count]
    yield (
        f"{cases.headline} cases of {cases.items} items in {cases.clusters} clusters"
        + (f"; apart from them {' and '.join(apart)} cases" if apart else "")
        + "."
    )
    if task.skipped:
        yield "Left out: " + ", ".join(f"{count} {reason}" for reason, count in task.skipped.items()) + "."
    yield from task.notes
    if cases.planned is not None and cases.planned != cases.held:
        yield f"The run planned {cases.planned} cases and holds {cases.held}."
    if task.noise:
        yield _noise_sentence(task.noise)
    for emitter in task.emitters:
        coverage = emitter.coverage
        if coverage.scored < coverage.cases:
            yield f"{emitter.model}: only {coverage.scored} of {coverage.cases} cases are answered."
        if emitter.deciding is not None and emitter.deciding.cases < coverage.scored:
            yield (
                f"{emitter.model}: the deciding token is known for {emitter.deciding.cases} of {coverage.scored} cases "
                "only; a run into a new folder without --reuse scores it for all."
            )
        if coverage.unparsable:
            yield f"{emitter.model}: {coverage.unparsable} explanations state no verdict and count as wrong."
        yield from _refusal_sentences(emitter)


def _refusal_sentences(emitter: EmitterSummary) -> Iterator[str]:
    """How refusing was read, where it was."""
    if reading := emitter.opening:
        chosen = f"log-odds of {signed(reading.threshold)} chosen on {reading.prompts} training prompts"
        yield (
            f"{emitter.model}: openings of replies are read with "
            + (f"no threshold ({reading.detail})" if reading.detail else chosen)
            + f"; judged replies agree on {_known(reading.agreement.value)} of the prompts, and the openings cover "
            f"{_known(reading.covered_mass)} of the probability."
        )
    if judged := emitter.judged:
        total = judged.compliance + judged.partial + judged.refusal
        yield (
            f"{emitter.model}: of {total} replies {judged.compliance} comply, {judged.partial} refuse in part and "
            f"{judged.refusal} refuse."
        )


def _known(value: float | None) -> str:
    return "an unknown share" if value is None else number(value)


def _noise_sentence(noise: NoiseFacts) -> str:
    """What stands before every explanation question of a noisy task."""
    return (
        f"Shown before every explanation question: {noise.demonstrations} demonstrations, draw {noise.draw}, "
        f"with labels of {noise.labels_of}, of which {noise.flipped} flipped "
        f"({noise.kind} noise at rate {noise.rate:g})."
    )


def _collapse(model: str, verdict: str) -> str:
    what = "states no verdict" if verdict == "unparsable" else f'says "{verdict}"'
    return f"{model} is collapsed: it {what} in (nearly) every case, so its scores show a habit, not insight."


def little_mass(emitter: EmitterSummary) -> str | None:
    """That a model would mostly write something else than the explanations that are scored; None where it would not."""
    mass = emitter.saying.median_candidate_mass
    if mass is None or mass >= LITTLE:
        return None
    share = f"{mass:.0%}" if mass >= 0.01 else "under 1%"
    return (
        f"{emitter.model} puts {share} of its probability (median) on the explanations that are scored, so its "
        f"verdicts depend on which answers are listed, too; {_instead(emitter)}"
    )


def _instead(emitter: EmitterSummary) -> str:
    """Where a verdict stands that does not."""
    reading = emitter.deciding
    if reading is None or reading.youden_j.value is None:
        return "--explanations free scores what it writes."
    if reading.median_mass < LITTLE or reading.cases < emitter.coverage.scored:
        return "--explanations free scores what it writes."
    return f"by the token that decides it, J is {_precise(reading.youden_j.value)} {_interval(reading.youden_j)}."


def emitter_sentence(emitter: EmitterSummary) -> str:
    """What Self of one model means."""
    parts = []
    if emitter.saying.collapsed:
        parts.append(_collapse(emitter.model, emitter.saying.collapsed))
    if (little := little_mass(emitter)) is not None:
        parts.append(little)
    if emitter.headline.reasons_against:
        parts.append(f"{emitter.model} gets no headline: {'; '.join(emitter.headline.reasons_against)}.")
    against = [
        _against_floor(name, part)
        for name, part in (("exact match", emitter.headline.exact_match), ("J", emitter.headline.youden_j))
        if part.above.value is not None
    ]
    if against:
        parts.append(f"Self of {emitter.model}: {'; '.join(against)}.")
    return " ".join(parts)


def _against_floor(name: str, part: AboveFloor) -> str:
    above = part.above
    if not above.value:
        return f"{name} equals its best floor"
    side = "above" if above.value > 0 else "under"
    distance = f"{name} is {number(abs(above.value), SENTENCE_DECIMALS)} {side} its best floor"
    unsure = ", which cannot be told apart from it" if _contains_zero(above) else ""
    return f"{distance}{unsure} {_interval(above)}"


def _contains_zero(estimate: Estimate) -> bool:
    return estimate.low is not None and estimate.high is not None and estimate.low <= 0 <= estimate.high


def pair_sentence(pair: PairSummary) -> str:
    """What the coupling of one pair means."""
    who = f"{pair.emitter} against {pair.reference}"
    coupling = pair.exact.centred_coupling
    if pair.exact.self_score.value is None:
        return f"{who}: no case is answered by both."
    if pair.exact.disagreements == 0:
        return f"{who}: their labels never differ, so no explanation can favour one of them."
    parts = []
    if pair.collapsed:
        parts.append(_collapse(pair.emitter, pair.collapsed))
    if pair.reasons_against:
        parts.append(f"{who} gets no headline: {'; '.join(pair.reasons_against)}.")
    elif coupling.value is not None:
        parts.append(f"{who}: {_coupling(pair, coupling, coupling.value)}")
    if pair.trivial and pair.trivial.raw_coupling > 0:
        parts.append(
            f"Raw values prove nothing here: s_D − o_D of the trivial explainer “{pair.trivial.floor}” is "
            f"{signed(pair.trivial.raw_coupling)}."
        )
    return " ".join(parts)


def _coupling(pair: PairSummary, coupling: Estimate, value: float) -> str:
    shown = f"{_precise(value)} {_interval(coupling)}"
    if _contains_zero(coupling):
        return f"no coupling can be told apart from none here (centred {shown})."
    if value > 0:
        return (
            f"where the two differ, the explanations fit {pair.emitter}'s own behaviour better than "
            f"{pair.reference}'s, by more than base rates and its own cued answer can explain (centred {shown})."
        )
    return (
        f"where the two differ, the explanations fit {pair.reference}'s behaviour better than {pair.emitter}'s own "
        f"(centred {shown})."
    )
