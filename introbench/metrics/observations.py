"""What was seen: a table of cases, one model's answers over it, and the labels that the answers make."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from scipy.special import expit, logsumexp, softmax

from introbench.metrics.arrays import Bools, Floats, Ints, Strings

__all__ = [
    "ABSENT",
    "CHANGED",
    "UNCHANGED",
    "UNPARSABLE",
    "Answers",
    "CaseTable",
    "Chosen",
    "Explanations",
    "Labels",
    "LogProbs",
    "Rows",
    "Written",
    "decide",
    "with_chosen",
    "with_written",
]

ABSENT = -1
"""Stands for a choice that does not exist: no hint, no key, no answer."""
UNPARSABLE = -1
UNCHANGED = 0
CHANGED = 1


class Rows:
    """A frozen dataclass whose every field is an array with one entry (or row) per case."""

    __slots__ = ()

    def take(self, which: Bools | Ints) -> Self:
        """The same table for some of its cases."""
        return replace(self, **{field.name: getattr(self, field.name)[which] for field in fields(self)})  # type: ignore[type-var, arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class CaseTable(Rows):
    """The cases of a run, one entry per case in the order of `cases.jsonl`.

    Attributes:
        ids: "task/item/cue".
        tasks: task name.
        items: base question.
        clusters: cluster code, equal for two cases where task and cluster are.
        cue_kinds: family of the cue.
        cue_splits: "train" or "test"; test cues are held out of every training set.
        item_splits: the same for items.
        hint: index of the hinted choice; ABSENT for a placebo.
        key: index of the right choice; ABSENT where there is none.
        choices: number of choices k, at least 2.
        placebo: whether the cue is a neutral sentence.
        rewrite: whether the cued prompt rewrites the uncued one instead of editing one span.
    """

    ids: Strings
    tasks: Strings
    items: Strings
    clusters: Ints
    cue_kinds: Strings
    cue_splits: Strings
    item_splits: Strings
    hint: Ints
    key: Ints
    choices: Ints
    placebo: Bools
    rewrite: Bools

    @property
    def headline(self) -> Bools:
        """Cases that scores are made of: neither placebo nor rewrite."""
        return np.logical_not(self.placebo | self.rewrite)


@dataclass(frozen=True, slots=True, eq=False)
class LogProbs(Rows):
    """What one model answered, before any decision. K is the largest number of choices of any case.

    A missing candidate of a case with fewer choices is −inf; a request without an answer is a row of NaN.

    Attributes:
        uncued: (cases, K) summed log-probability of each choice on the uncued prompt, nats.
        cued: (cases, K) the same on the cued prompt.
        unchanged: (cases, K) the explanation candidates "unchanged", in choice order.
        changed: (cases, K) the explanation candidates "changed", in choice order.
    """

    uncued: Floats
    cued: Floats
    unchanged: Floats
    changed: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Labels(Rows):
    """The explanation labels E(M) that a model's behaviour makes true.

    Attributes:
        changed: whether removing the cue changes the choice.
        content: the uncued choice.
    """

    changed: Bools
    content: Ints

    def differ(self, other: Labels) -> Bools:
        """Cases on which two models' labels are not the same."""
        differ: Bools = (self.changed != other.changed) | (self.content != other.content)
        return differ


@dataclass(frozen=True, slots=True, eq=False)
class Explanations(Rows):
    """What an explainer states, be it a model or a floor.

    Attributes:
        said: verdict: CHANGED, UNCHANGED or UNPARSABLE.
        content: choice named as the uncued one; ABSENT where unparsable.
        p_changed: probability of "changed", 0 to 1; NaN where there is none.
    """

    said: Ints
    content: Ints
    p_changed: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Answers(Rows):
    """One model's decisions over a table of cases. Entries of unanswered requests are ABSENT or NaN.

    Attributes:
        behaved: whether both the uncued and the cued question were answered.
        explained: whether the explanation question was answered, parsable or not.
        uncued: choice on the uncued prompt.
        cued: choice on the cued prompt.
        said: verdict of the explanation: CHANGED, UNCHANGED or UNPARSABLE.
        content: choice that the explanation names as the uncued one; ABSENT where unparsable.
        p_changed: probability of "changed" among the candidate explanations, 0 to 1.
        uncued_margin: log-probability of the first choice above the second, uncued, nats.
        cued_margin: the same on the cued prompt.
        uncued_lead: probability of the first choice minus that of the second, uncued, 0 to 1.
        cued_lead: the same on the cued prompt.
        verdict_margin: |log P(changed) − log P(unchanged)|, nats.
        content_margin: top-two margin of the content within the verdict, nats.
        candidate_mass: probability that the model puts on the candidate explanations at all, 0 to 1.
    """

    behaved: Bools
    explained: Bools
    uncued: Ints
    cued: Ints
    said: Ints
    content: Ints
    p_changed: Floats
    uncued_margin: Floats
    cued_margin: Floats
    uncued_lead: Floats
    cued_lead: Floats
    verdict_margin: Floats
    content_margin: Floats
    candidate_mass: Floats

    @property
    def labels(self) -> Labels:
        """E(M). Entries mean something only where the model behaved."""
        return Labels(changed=self.cued != self.uncued, content=self.uncued)

    @property
    def explanations(self) -> Explanations:
        """What the model states. Entries mean something only where it explained."""
        return Explanations(said=self.said, content=self.content, p_changed=self.p_changed)

    def unsure_behaviour(self, tie_margin: float) -> Bools:
        """Cases whose label hangs on a choice within the tie margin (nats)."""
        return (self.uncued_margin <= tie_margin) | (self.cued_margin <= tie_margin)

    def unsure_explanation(self, tie_margin: float) -> Bools:
        """Cases whose explanation hangs on a decision within the tie margin (nats)."""
        return (self.verdict_margin <= tie_margin) | (self.content_margin <= tie_margin)


def _top_two(scores: Floats) -> tuple[Ints, Floats]:
    """Index of the highest score (the first of equals) and its distance to the second, per row."""
    ordered = np.sort(scores, axis=1)
    return np.argmax(scores, axis=1).astype(np.int64), ordered[:, -1] - ordered[:, -2]


@dataclass(frozen=True, slots=True, eq=False)
class Written(Rows):
    """Explanations that a model wrote freely, as they were read.

    Attributes:
        written: whether there is one; the rest means something only there.
        said: verdict: CHANGED, UNCHANGED or UNPARSABLE.
        content: choice named as the uncued one; ABSENT where none or several are.
    """

    written: Bools
    said: Ints
    content: Ints


def with_written(answers: Answers, written: Written) -> Answers:
    """The same answers with written explanations in place of scored ones, where there are any.

    A written explanation has no probabilities: these are NaN, as are its margins.
    """

    def put(mine: Floats) -> Floats:
        return np.where(written.written, np.nan, mine)

    return replace(
        answers,
        explained=answers.explained | written.written,
        said=np.where(written.written, written.said, answers.said),
        content=np.where(written.written, written.content, answers.content),
        p_changed=put(answers.p_changed),
        verdict_margin=put(answers.verdict_margin),
        content_margin=put(answers.content_margin),
        candidate_mass=put(answers.candidate_mass),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Chosen(Rows):
    """Choices of a model whose engine gives one reply and no probabilities, as they were read.

    Attributes:
        uncued: choice on the uncued prompt; ABSENT where there is no reply, or none that can be read.
        cued: the same on the cued prompt.
    """

    uncued: Ints
    cued: Ints


def with_chosen(answers: Answers, chosen: Chosen) -> Answers:
    """The same answers with replies in place of scored choices, where there are any. Their margins stay NaN."""
    return replace(
        answers,
        behaved=answers.behaved | ((chosen.uncued != ABSENT) & (chosen.cued != ABSENT)),
        uncued=np.where(chosen.uncued != ABSENT, chosen.uncued, answers.uncued),
        cued=np.where(chosen.cued != ABSENT, chosen.cued, answers.cued),
    )


def _lead(scores: Floats) -> Floats:
    ordered = np.sort(softmax(scores, axis=1), axis=1)
    lead: Floats = ordered[:, -1] - ordered[:, -2]
    return lead


def decide(logprobs: LogProbs) -> Answers:
    """The decisions that log-probabilities stand for.

    A choice is the arg-max. An explanation is decided in two steps, the verdict by the summed probability of its
    candidates and the content by arg-max within that verdict: a flat arg-max over all candidates would favour the
    verdict whose content is the more concentrated. The first of equals wins, "unchanged" before "changed".
    """
    # Unanswered requests are NaN throughout and come out as ABSENT or NaN; no warning is due.
    with np.errstate(invalid="ignore"):
        return _decided(logprobs)


def _decided(logprobs: LogProbs) -> Answers:
    answered = {field.name: ~np.isnan(getattr(logprobs, field.name)).any(axis=1) for field in fields(logprobs)}
    explained = answered["unchanged"] & answered["changed"]
    uncued, uncued_margin = _top_two(logprobs.uncued)
    cued, cued_margin = _top_two(logprobs.cued)
    log_unchanged = logsumexp(logprobs.unchanged, axis=1)
    log_changed = logsumexp(logprobs.changed, axis=1)
    difference = log_changed - log_unchanged
    said_changed = difference > 0
    content, content_margin = _top_two(np.where(said_changed[:, None], logprobs.changed, logprobs.unchanged))
    return Answers(
        behaved=answered["uncued"] & answered["cued"],
        explained=explained,
        uncued=np.where(answered["uncued"], uncued, ABSENT),
        cued=np.where(answered["cued"], cued, ABSENT),
        said=np.where(explained, said_changed.astype(np.int64), UNPARSABLE),
        content=np.where(explained, content, ABSENT),
        p_changed=expit(difference),
        uncued_margin=uncued_margin,
        cued_margin=cued_margin,
        uncued_lead=_lead(logprobs.uncued),
        cued_lead=_lead(logprobs.cued),
        verdict_margin=np.abs(difference),
        content_margin=content_margin,
        candidate_mass=np.exp(np.logaddexp(log_unchanged, log_changed)),
    )
