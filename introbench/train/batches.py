"""Which cases make a step and which lessons share a forward pass: fixed by the training set, the seed and the sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from introbench.errors import UsageError
from introbench.hashing import named_random
from introbench.scorer.forest import Forest, grow_forest
from introbench.scorer.packs import Filling, measure_group, split_packs
from introbench.train.config import Hyperparameters
from introbench.train.lessons import FirstReplies, Lesson, LessonBook, Term, merged
from introbench.train.rows import TrainingCase

__all__ = ["Placed", "Step", "Steps", "TrainingPack", "lay_out"]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a term acts in a pack.

    Attributes:
        transitions: which scored transitions of the forest, ascending, int64 (t).
        weights: share of the step's loss of each, float32 (t).
    """

    transitions: NDArray[np.int64]
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class TrainingPack:
    """Lessons that share a forward pass.

    Attributes:
        forest: of all their tokens.
        lessons: in the order of the forest's choices.
        placed: per term with single replies, where it acts.
        choices: lessons that hold a distribution over choices, each with the number of its first choice.
    """

    forest: Forest
    lessons: tuple[Lesson, ...]
    placed: Mapping[Term, Placed]
    choices: tuple[tuple[Lesson, int], ...]

    def weighing(self, factor: float) -> TrainingPack:
        """The same pack with another weight in the loss."""
        placed = {term: Placed(each.transitions, each.weights * factor) for term, each in self.placed.items()}
        choices = tuple(
            (replace(lesson, weights=tuple(weight * factor for weight in lesson.weights)), start)
            for lesson, start in self.choices
        )
        return replace(self, placed=placed, choices=choices)


@dataclass(frozen=True)
class Step:
    """One optimiser step.

    Attributes:
        number: from 1.
        packs: what is pushed; their losses add up to that of the step.
        cases: ids of its cases.
    """

    number: int
    packs: tuple[TrainingPack, ...]
    cases: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """Tokens pushed, those shared within a pack counted once."""
        return sum(len(pack.forest.ids) for pack in self.packs)


def lay_out(lessons: Sequence[Lesson]) -> TrainingPack:
    """The forest of some lessons and where their terms act in it."""
    forest = grow_forest(lessons)
    transitions: dict[Term, list[int]] = {}
    weights: dict[Term, list[float]] = {}
    choices = []
    place = first = 0
    for lesson in lessons:
        # A forest scores its choices in the order of the requests, and their tokens in the order of the reply.
        tokens = sum(map(len, lesson.choices_ids))
        if len(lesson.choices_ids) > 1:
            choices.append((lesson, first))
        else:
            for token, weight in enumerate(lesson.weights):
                term: Term = "verdict" if token == lesson.deciding else lesson.term
                transitions.setdefault(term, []).append(place + token)
                weights.setdefault(term, []).append(weight)
        place += tokens
        first += len(lesson.choices_ids)
    placed = {
        term: Placed(np.array(found, dtype=np.int64), np.array(weights[term], dtype=np.float32))
        for term, found in transitions.items()
    }
    return TrainingPack(forest, tuple(lessons), placed, tuple(choices))


class Steps:
    """The steps of a training, by number. A step is rendered when it is asked for, always the same.

    Attributes:
        longest: tokens of the longest prompt with its reply.

    Raises UsageError where the training set is empty or nothing of it is learnt, or the epochs hold no whole case.
    """

    def __init__(
        self,
        rows: Sequence[TrainingCase],
        book: LessonBook,
        chosen: Hyperparameters,
        first: FirstReplies | None,
        pack_tokens: int,
    ) -> None:
        self._rows = rows
        self._book = book
        self._chosen = chosen
        self._first = first
        self._pack_tokens = pack_tokens
        lessons = [book.lessons(row, first, chosen) for row in rows]
        if not any(lessons):
            raise UsageError("the training set holds nothing to learn: no explanation, no behaviour and no kept reply")
        self.longest = max(
            len(lesson.prompt_ids) + max(map(len, lesson.choices_ids)) for each in lessons for lesson in each
        )
        self._steps = list(self._planned(lessons))
        if not self._steps:
            cases = sum(map(bool, lessons))
            raise UsageError(
                f"epochs {chosen.epochs:g}: of {cases} cases that is less than one, and no step would be trained; "
                "ask for more epochs, more items, or steps=1"
            )

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, number: int) -> Step:
        rows = [self._rows[place] for place in self._steps[number]]
        each = [self._book.lessons(row, self._first, self._chosen) for row in rows]
        lessons = merged([lesson for found in _shares(each, self._chosen) for lesson in found])
        packs = split_packs(lessons, self._pack_tokens)
        return Step(
            number + 1,
            tuple(lay_out([lessons[place] for place in pack]) for pack in packs),
            tuple(row.case.id for row in rows),
        )

    def replace_rows(self, rows: Sequence[TrainingCase]) -> None:
        """Go on with other labels of the same cases, in the same steps."""
        if [row.case.id for row in rows] != [row.case.id for row in self._rows]:
            raise UsageError("labels that were made anew are of other cases")
        self._rows = rows

    def _planned(self, lessons: Sequence[Sequence[Lesson]]) -> Iterator[list[int]]:
        """Places of the cases of each step."""
        filling = Filling(self._chosen.batch_tokens)
        step: list[int] = []
        done = 0
        for unit in self._units(lessons):
            if filling.opens(measure_group([lesson for place in unit for lesson in lessons[place]])) and step:
                yield step
                step, done = [], done + 1
                if done == self._chosen.steps:
                    return
            step += unit
        if step:
            yield step

    def _units(self, lessons: Sequence[Sequence[Lesson]]) -> Iterator[list[int]]:
        """Some cases of one item at a time, in another order every epoch; without end where steps are counted."""
        items: dict[str, list[int]] = {}
        for place, row in enumerate(self._rows):
            if lessons[place]:
                items.setdefault(row.case.item.id, []).append(place)
        left = float("inf") if self._chosen.steps else self._chosen.epochs * sum(map(len, items.values()))
        for epoch in count():
            draw = named_random(self._chosen.seed, "epoch", str(epoch))
            units = []
            for places in items.values():
                mixed = draw.sample(places, len(places))
                units += [
                    mixed[start : start + self._chosen.cases_together]
                    for start in range(0, len(mixed), self._chosen.cases_together)
                ]
            draw.shuffle(units)
            for unit in units:
                if left < 1:
                    return
                yield sorted(unit[: int(min(left, len(unit)))])
                left -= len(unit)


def _shares(each: Sequence[Sequence[Lesson]], chosen: Hyperparameters) -> Iterator[list[Lesson]]:
    """The lessons of a step's cases, weighted: every term of its loss is a mean over the cases that have it."""
    factors = {"explanation": 1.0, "behaviour": chosen.behaviour_weight, "keep": chosen.kl_weight}
    having = {term: sum(any(lesson.term == term for lesson in found) for found in each) for term in factors}
    for found in each:
        yield [
            replace(
                lesson, weights=tuple(weight * factors[lesson.term] / having[lesson.term] for weight in lesson.weights)
            )
            for lesson in found
        ]
