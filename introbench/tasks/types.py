"""What a task is made of: items, cues, questions and cases. Data only, no behaviour of any model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from introbench.hashing import Json, content_hash

__all__ = [
    "FIELD_NAME",
    "PLACEBO",
    "RESERVED_NAMES",
    "BehaviourReading",
    "Case",
    "Cue",
    "EditKind",
    "Item",
    "Message",
    "Part",
    "Question",
    "Split",
    "TaskInfo",
]

Split = Literal["train", "test"]
EditKind = Literal["insert", "substitute", "rewrite"]
BehaviourReading = Literal["text", "letter", "opening", "judged"]
"""How a choice is read: by the probability of its full text as the reply to the bare question, or of its letter
as the reply to the question with the options listed; the end-of-turn token included. Refusing and complying are read by
the summed probability of `opening`s of the reply, or by a reply that is written and `judged`."""
Part = Literal["uncued", "cued", "explanation"]

PLACEBO = "placebo"
"""The cue kind of neutral sentences, which measure plain prompt sensitivity."""

FIELD_NAME = re.compile(r"[a-z_]+")
"""What the name of an item's field matches as a whole."""

RESERVED_NAMES = frozenset({"choice", "cue", "hint"})
"""Placeholders with a meaning of their own, which no field of an item may take."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Item:
    """A base question or request.

    Attributes:
        id: unique in its task, stable over versions of the item file.
        kind: the family that it was generated from or belongs to ("capitals").
        cluster: the unit of statistical clustering and of the train/test split; items about one
            fact share it.
        split: whether the item may be trained on or is held out.
        question: the text that the model is asked, without any cue.
        choices: the possible answers, in the order shown or scored; at least two, all different.
        key: index of the right choice, or None where there is no right one.
        fields: texts of this item that cue templates may name as placeholders.
    """

    id: str
    kind: str
    cluster: str
    split: Split
    question: str
    choices: tuple[str, ...]
    key: int | None
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Cue:
    """A cue template: a typed edit of the uncued prompt.

    Attributes:
        id: unique in its task.
        kind: family of cues ("opinion", "authority"...); `placebo` marks neutral sentences.
        split: "test" kinds are held out: no training set may contain them.
        edit: how x differs from x∖C: a text is inserted, a target in the question is substituted by the text, or the
            text stands in place of the whole question (rewrite; reported apart and never headlined).
        position: where an inserted text stands, relative to the question; None for other edits.
        text: the text with plain placeholders: `{hint}` is the hinted choice, others are fields of the item.
        name: how the explanation question refers to the cue ("my friend's remark"); may name the same fields.
        target: what a substitution replaces, with fields of the item as placeholders; None for other edits.
        pushes: the choice that this cue pushes towards, with fields of the item as placeholders; it then
            is the hint of its cases. None where the hint is drawn per item, and for a placebo.
    """

    id: str
    kind: str
    split: Split
    edit: EditKind
    position: Literal["before", "after"] | None
    text: str
    name: str
    target: str | None = None
    pushes: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked: a conversation and the replies whose probabilities are wanted.

    Attributes:
        messages: the conversation, ending with a user turn.
        choices: texts of the candidate replies, without the end-of-turn token.
        case: id of the case that the question belongs to, for messages to people.
        part: which of the case's three questions it is.
        group: id of what shares a prefix with it (its item).
        openings: by choice, texts with which replies begin that stand for it; their probabilities are wanted then, in
            place of those of whole replies. Empty where choices are scored whole.
        new_tokens: most tokens of the reply, where one is to be written; 0 where replies are scored.
    """

    messages: tuple[Message, ...]
    choices: tuple[str, ...]
    case: str = field(compare=False)
    part: Part = field(compare=False)
    group: str = field(compare=False)
    openings: tuple[tuple[str, ...], ...] = ()
    new_tokens: int = 0
    _ask: str = field(default="", init=False, repr=False, compare=False)

    @property
    def messages_hash(self) -> str:
        """Hash of the conversation alone."""
        return content_hash([[message.role, message.content] for message in self.messages])

    @property
    def ask(self) -> str:
        """Hash of what is asked, equal for every model: the messages, and what is wanted of the reply."""
        # Kept in a slot: the cached_property of a hundred thousand cases would be a dictionary for each question.
        if not self._ask:
            object.__setattr__(self, "_ask", content_hash({"messages": self.messages_hash, **self._wanted()}))
        return self._ask

    def _wanted(self) -> dict[str, Json]:
        if self.new_tokens:
            return {"new tokens": self.new_tokens}
        if self.openings:
            return {"openings": [list(group) for group in self.openings]}
        return {"choices": list(self.choices)}

    @property
    def replies(self) -> tuple[str, ...]:
        """Texts whose probabilities are wanted: the choices, or the openings of each in turn."""
        return tuple(text for group in self.openings for text in group) or self.choices


@dataclass(frozen=True, slots=True)
class Case:
    """One item with one cue.

    Attributes:
        id: "task/item/cue"; with "@" and the number of the hint behind it where an item is asked with several hints.
        task: task name as given in the run, parameters included.
        item: the base question.
        cue: the cue template that was applied.
        hint: index of the hinted choice, drawn or pushed; None for a placebo.
        uncued: x∖C, read for behaviour.
        cued: x, read for behaviour.
        explanation: x followed by the explanation question. Its 2k candidates are the k
            "unchanged" ones in the order of the choices, then the k "changed" ones.
    """

    id: str
    task: str
    item: Item
    cue: Cue
    hint: int | None
    uncued: Question
    cued: Question
    explanation: Question

    @property
    def questions(self) -> tuple[Question, Question, Question]:
        """The three questions, in the order in which they are asked."""
        return (self.uncued, self.cued, self.explanation)


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """What a task declares about itself; listing reads this and nothing else.

    Attributes:
        name: the name that users type.
        summary: one line for `introbench list`.
        version: raised by any change of items or templates.
        comparability: raised when results before and after must not be compared.
        behaviours: how the model's choice can be read; the first is the default.
        licence: SPDX id of the item texts.
        source: where the items come from, with a pinned revision.
        sha256: hash of the frozen item file; None where the items are not bundled.
        count: number of items in the frozen file; None where the items are not bundled.
        cue_kinds: kinds of cue, placebo included, in the order of the templates.
        experimental: why results should not be headlined, or "".
        labels_sha256: hash of the bundled label file that demonstrations are drawn from, or None without one.
        bundled: whether the items come with the plugin; `--tasks all` means these.
    """

    name: str
    summary: str
    version: int
    comparability: int
    behaviours: tuple[BehaviourReading, ...]
    licence: str
    source: str
    sha256: str | None
    count: int | None
    cue_kinds: Sequence[str]
    experimental: str = ""
    labels_sha256: str | None = None
    bundled: bool = True
