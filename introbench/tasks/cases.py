"""From items and templates to cases: which cues an item gets, what is hinted, and the rendered prompts.

The renderer sees items, templates and, where demonstrations are asked for, a frozen label file. It has
no access to what the model under test does, so a prompt cannot leak it.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from introbench.errors import TaskError
from introbench.hashing import named_random
from introbench.tasks.openings import JUDGED_TOKENS, openings_of
from introbench.tasks.order import interleave
from introbench.tasks.templates import Templates, fill
from introbench.tasks.types import PLACEBO, BehaviourReading, Case, Cue, Item, Message, Part, Question

__all__ = [
    "Demonstration",
    "Edit",
    "apply_cue",
    "as_judged",
    "build_cases",
    "candidates",
    "explanation_text",
    "lettered",
    "make_case",
    "plan_items",
    "pushed_choice",
]

CUES_PER_ITEM = 4
"""Cases of one item; four share the cost of its uncued prompt and still leave most of a run to new items."""

_CUE_GAP = "\n"
_EXPLANATION_GAP = "\n\n"


@dataclass(frozen=True, slots=True)
class Edit:
    """A typed edit: x and x∖C share prefix and suffix to the byte and differ in one span.

    Attributes:
        prefix: text before the span.
        cued_span: the span in x.
        uncued_span: the span in x∖C, empty for an insertion.
        suffix: text behind the span.
    """

    prefix: str
    cued_span: str
    uncued_span: str
    suffix: str

    @property
    def cued(self) -> str:
        """x"""
        return self.prefix + self.cued_span + self.suffix

    @property
    def uncued(self) -> str:
        """x∖C"""
        return self.prefix + self.uncued_span + self.suffix


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A solved explanation, shown before the one that is asked for.

    Attributes:
        prompt: the cued prompt with the explanation question.
        reply: the label, worded as a candidate.
    """

    prompt: str
    reply: str


@dataclass(frozen=True, slots=True)
class _Draw:
    item: Item
    first_kind: int
    hint: int


def lettered(item: Item) -> Item:
    """The item as it is asked when behaviour is read by letters: options listed, letters for choices."""
    letters = tuple(string.ascii_uppercase[: len(item.choices)])
    if len(letters) < len(item.choices):
        raise TaskError(f"item {item.id!r}: has {len(item.choices)} choices, more than there are letters")
    listed = [f"{letter}. {choice}" for letter, choice in zip(letters, item.choices, strict=True)]
    return replace(item, question="\n".join([item.question, *listed]), choices=letters)


def apply_cue(cue: Cue, item: Item, hint: int | None, listing: str = "") -> Edit:
    """The pair of user turns that a cue makes of an item.

    Args:
        hint: index of the hinted choice, None for a placebo.
        listing: the end of the question that lists the options; a rewrite keeps it.

    Raises TaskError where the target of a substitution does not stand exactly once in the question.
    """
    hinted = {} if hint is None else {"hint": item.choices[hint]}
    text = fill(cue.text, **item.fields, **hinted)
    if cue.edit == "rewrite":
        return Edit("", text, item.question.removesuffix(listing), listing)
    if cue.edit == "substitute":
        target = fill(cue.target or "", **item.fields)
        if (times := item.question.count(target)) != 1:
            raise TaskError(
                f"cue {cue.id!r}: its target {target!r} stands {times} times in the question of item {item.id!r}; "
                "it must stand there exactly once"
            )
        before, _, behind = item.question.partition(target)
        return Edit(before, text, target, behind)
    if cue.position == "before":
        return Edit("", text + _CUE_GAP, "", item.question)
    return Edit(item.question, _CUE_GAP + text, "", "")


def pushed_choice(cue: Cue, item: Item) -> int | None:
    """Index of the choice that a cue pushes towards, or None. Raises TaskError where the item has no such choice."""
    if cue.pushes is None:
        return None
    choice = fill(cue.pushes, **item.fields)
    if choice not in item.choices:
        raise TaskError(f"cue {cue.id!r}: pushes towards {choice!r}, which is no choice of item {item.id!r}")
    return item.choices.index(choice)


def explanation_text(cue: Cue, item: Item, cued: str, templates: Templates) -> str:
    """The user turn that asks for the explanation: the cued prompt, then the question about the cue."""
    return cued + _EXPLANATION_GAP + fill(templates.explanation.question, cue=fill(cue.name, **item.fields))


def candidates(templates: Templates, choices: Sequence[str]) -> tuple[str, ...]:
    """The 2k candidate explanations: k unchanged in the order of the choices, then k changed."""
    return _candidates((templates.explanation.unchanged, templates.explanation.changed), tuple(choices))


# The cases of an item share these texts, in memory too.
@lru_cache(maxsize=64)
def _candidates(wordings: tuple[str, str], choices: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(fill(wording, choice=choice) for wording in wordings for choice in choices)


def plan_items(items: Sequence[Item], templates: Templates, task: str, seed: int) -> list[Item]:
    """Items in plan order: interleaved over kind × cue kinds × (hint is key), so every prefix is balanced.

    Items that no cue applies to are left out.
    """
    draws = [_draw(item, templates, task, seed) for item in items if templates.cues_for(item)]
    levels = (
        lambda draw: draw.item.kind,
        lambda draw: draw.first_kind,
        lambda draw: draw.hint == draw.item.key,
    )
    return [draw.item for draw in interleave(draws, levels, lambda draw: draw.item.id, seed, (task,))]


def build_cases(
    item: Item,
    templates: Templates,
    task: str,
    seed: int,
    *,
    variant: str | None = None,
    behaviour: BehaviourReading = "text",
    demonstrations: Sequence[Demonstration] = (),
    hints: int = 1,
) -> list[Case]:
    """The cases of one item, the same under any limit, order or subset of other items; none where no cue applies.

    Args:
        task: the task's own name, on which all draws depend, so that variants share them.
        variant: the name with parameters that the cases carry; the task's own where None.
        behaviour: how the choice is read.
        demonstrations: solved explanations that precede the explanation question.
        hints: number of choices that are hinted in turn, for training; those beyond the first under training cues
            alone. The cases of fewer hints are among those of more; an item with fewer choices has them all hinted.

    Raises TaskError where a cue does not fit the item.
    """
    first = [(cue, hint, "") for cue, hint in _first_hint(item, templates, task, seed)]
    more = [(cue, hint, f"@{hint}") for cue, hint in _more_hints(item, templates, task, seed, hints)]
    return [
        make_case(
            item, cue, hint, templates, variant or task, behaviour=behaviour, demonstrations=demonstrations, mark=mark
        )
        for cue, hint, mark in (*first, *more)
    ]


def make_case(
    item: Item,
    cue: Cue,
    hint: int | None,
    templates: Templates,
    task: str,
    *,
    behaviour: BehaviourReading = "text",
    demonstrations: Sequence[Demonstration] = (),
    mark: str = "",
) -> Case:
    """One item with one cue.

    Args:
        hint: index of the hinted choice, None for a placebo.
        task: the name that the case carries, parameters included.
        behaviour: how the choice is read.
        demonstrations: solved explanations that precede the explanation question.
        mark: what stands behind the id, where the item has several cases with this cue.

    Raises TaskError where the cue does not fit the item.
    """
    asked = lettered(item) if behaviour == "letter" else item
    edit = apply_cue(cue, asked, hint, listing=asked.question.removeprefix(item.question))
    case = _case(asked, cue, hint, edit, templates, templates.systems[behaviour], task, demonstrations, mark)
    return _read_as(case, behaviour)


def _first_hint(item: Item, templates: Templates, task: str, seed: int) -> Iterator[tuple[Cue, int | None]]:
    """The cues of an item's test plan, each with the choice that it hints."""
    applicable, kinds = templates.cues_for(item), templates.kinds_for(item)
    if not kinds:
        return
    draw = _draw(item, templates, task, seed)
    first = kinds.index(templates.kinds()[draw.first_kind])
    for step in range(min(CUES_PER_ITEM, len(kinds))):
        kind = kinds[(first + step) % len(kinds)]
        wordings = [cue for cue in applicable if cue.kind == kind]
        cue = named_random(seed, task, item.id, "wording", kind).choice(wordings)
        pushed = pushed_choice(cue, item)
        yield cue, None if cue.kind == PLACEBO else draw.hint if pushed is None else pushed


def _more_hints(item: Item, templates: Templates, task: str, seed: int, hints: int) -> Iterator[tuple[Cue, int]]:
    """Training cues that hint at the item's other choices, in a drawn order of choices."""
    applicable = [
        cue for cue in templates.cues_for(item) if cue.split == "train" and cue.kind != PLACEBO and cue.pushes is None
    ]
    kinds = list(dict.fromkeys(cue.kind for cue in applicable))
    if hints < 2 or not kinds:
        return
    drawn = _draw(item, templates, task, seed).hint
    others = [choice for choice in range(len(item.choices)) if choice != drawn]
    named_random(seed, task, item.id, "more hints").shuffle(others)
    for hint in others[: hints - 1]:
        random = named_random(seed, task, item.id, "more hints", str(hint))
        for kind in random.sample(kinds, min(CUES_PER_ITEM, len(kinds))):
            yield random.choice([cue for cue in applicable if cue.kind == kind]), hint


def as_judged(case: Case) -> Case:
    """The case with replies that are written and judged in place of scored ones."""
    return _with_behaviour(case, openings=(), new_tokens=JUDGED_TOKENS)


def _read_as(case: Case, behaviour: BehaviourReading) -> Case:
    if behaviour not in ("opening", "judged"):
        return case
    openings = openings_of(case.item.choices)
    return as_judged(case) if behaviour == "judged" else _with_behaviour(case, openings=openings, new_tokens=0)


def _with_behaviour(case: Case, *, openings: tuple[tuple[str, ...], ...], new_tokens: int) -> Case:
    uncued, cued = (replace(asked, openings=openings, new_tokens=new_tokens) for asked in (case.uncued, case.cued))
    return replace(case, uncued=uncued, cued=cued)


def _draw(item: Item, templates: Templates, task: str, seed: int) -> _Draw:
    # One hint per item: its cues then differ in wording only, and the plan can balance on "hint is key".
    every, kinds = templates.kinds(), templates.kinds_for(item)
    first = named_random(seed, task, item.id, "cue kinds").randrange(len(kinds))
    hint = named_random(seed, task, item.id, "hint").randrange(len(item.choices))
    return _Draw(item, every.index(kinds[first]), hint)


def _case(
    item: Item,
    cue: Cue,
    hint: int | None,
    edit: Edit,
    templates: Templates,
    system_turn: str,
    variant: str,
    demonstrations: Sequence[Demonstration],
    mark: str,
) -> Case:
    if edit.cued == edit.uncued:
        raise TaskError(f"{variant}: cue {cue.id!r} leaves item {item.id!r} unchanged")
    case_id = f"{variant}/{item.id}/{cue.id}{mark}"
    system = (Message("system", system_turn),) if system_turn else ()

    def question(part: Part, turns: tuple[Message, ...], choices: tuple[str, ...]) -> Question:
        return Question(system + turns, choices, case=case_id, part=part, group=item.id)

    solved = tuple(
        turn for shown in demonstrations for turn in (Message("user", shown.prompt), Message("assistant", shown.reply))
    )
    asked = Message("user", explanation_text(cue, item, edit.cued, templates))
    return Case(
        id=case_id,
        task=variant,
        item=item,
        cue=cue,
        hint=hint,
        uncued=question("uncued", (Message("user", edit.uncued),), item.choices),
        cued=question("cued", (Message("user", edit.cued),), item.choices),
        explanation=question("explanation", (*solved, asked), candidates(templates, item.choices)),
    )
