"""Lessons and steps: which tokens weigh what, and which cases make a step."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from introbench.errors import PromptError, UsageError
from introbench.models.chat import make_chat
from introbench.runs.config import resolve_config
from introbench.runs.plan import make_plan
from introbench.train.batches import Steps
from introbench.train.checkpoints import last_whole, seal
from introbench.train.config import Hyperparameters
from introbench.train.lessons import LessonBook
from introbench.train.rows import TrainingCase

CHOSEN = Hyperparameters(batch_tokens=2000)


class SecondReply:
    def reply(self, ask: str) -> int:
        return 1


def rows(task: str = "hint_facts", items: int = 8) -> list[TrainingCase]:
    plan = make_plan(*resolve_config("scripted/oracle", tasks=[task], split="train", limit=items, aa_share=0))
    return [TrainingCase(case, "changed", 0) for case in plan.tasks[0].cases]


@pytest.fixture(scope="module")
def book(byte_tokenizer: Any) -> LessonBook:
    return LessonBook(make_chat(byte_tokenizer, "bytes"), "bytes", 4096)


def test_the_token_at_which_the_verdicts_part_carries_their_weight(book: LessonBook, byte_tokenizer: Any) -> None:
    row = rows(items=1)[0]
    told = book.lessons(row, None, replace(CHOSEN, verdict_weight=10.0))[0]
    (reply,) = told.choices_ids
    changed, unchanged = (row.case.explanation.choices[number] for number in (len(row.case.item.choices), 0))
    assert byte_tokenizer.decode(reply[:-1]) == changed
    parting = next(place for place, (one, other) in enumerate(zip(changed, unchanged, strict=False)) if one != other)
    weights = np.array(told.weights)
    assert weights.argmax() == parting and weights.sum() == pytest.approx(1)
    assert weights[parting] == pytest.approx(10 * weights[parting + 1])
    assert set(book.lessons(row, None, CHOSEN)[0].weights) == {1 / len(reply)}


def test_the_content_weighs_from_where_explanations_of_one_verdict_part(book: LessonBook, byte_tokenizer: Any) -> None:
    for row in rows(items=8):
        told = book.lessons(row, None, replace(CHOSEN, verdict_weight=4.0, content_weight=6.0))[0]
        (reply,), half = told.choices_ids, len(row.case.item.choices)
        changed = row.case.explanation.choices[half:]
        shared = next(place for place, letters in enumerate(zip(*changed, strict=False)) if len(set(letters)) > 1)
        assert byte_tokenizer.decode(reply[:shared]) == changed[0][:shared]
        weights = np.array(told.weights) * (4 + shared - 1 + 6 * (len(reply) - shared))
        assert weights == pytest.approx(
            [4.0 if place == told.deciding else 1.0 if place < shared else 6.0 for place in range(len(reply))]
        )


def test_kept_replies_weigh_half_each_and_end_with_the_turn(book: LessonBook, byte_tokenizer: Any) -> None:
    row = rows(items=1)[0]
    kept = [lesson for lesson in book.lessons(row, SecondReply(), CHOSEN) if lesson.term == "keep"]
    assert [sum(lesson.weights) for lesson in kept] == pytest.approx([0.5, 0.5])
    assert all(lesson.choices_ids[0][-1] == byte_tokenizer.eos_token_id for lesson in kept)
    assert byte_tokenizer.decode(kept[0].choices_ids[0][:-1]) == row.case.item.choices[1]
    only = replace(row, keep=(False, True), verdict=None, content=None, behaviour=(2, None))
    assert [lesson.term for lesson in book.lessons(only, SecondReply(), CHOSEN)] == ["behaviour", "keep"]
    assert not book.lessons(replace(only, behaviour=(None, None)), None, CHOSEN)


def test_openings_are_held_without_an_end_and_judged_replies_not_at_all(book: LessonBook, byte_tokenizer: Any) -> None:
    opening = rows("refusal", items=1)[0]
    kept = book.lessons(opening, SecondReply(), CHOSEN)[1]
    assert kept.choices_ids[0][-1] != byte_tokenizer.eos_token_id
    judged = replace(rows("refusal?behaviour=judged", items=1)[0], behaviour=(0, None))
    with pytest.raises(UsageError, match="take the task with behaviour=opening"):
        book.lessons(judged, None, CHOSEN)


def test_a_prompt_that_exceeds_the_context_is_named(byte_tokenizer: Any) -> None:
    short = LessonBook(make_chat(byte_tokenizer, "bytes"), "bytes", 50)
    with pytest.raises(PromptError, match="hint_facts/"):
        short.lessons(rows(items=1)[0], SecondReply(), CHOSEN)


@settings(max_examples=8)
@given(seed=st.integers(0, 99), tokens=st.sampled_from([700, 2000, 9000]), together=st.integers(1, 4))
def test_an_epoch_holds_every_case_once_in_an_order_of_its_seed(
    seed: int, tokens: int, together: int, book: LessonBook
) -> None:
    chosen = replace(CHOSEN, seed=seed, batch_tokens=tokens, cases_together=together)
    every = rows()
    steps = Steps(every, book, chosen, SecondReply(), 4000)
    seen = Counter(case for number in range(len(steps)) for case in steps[number].cases)
    assert seen == Counter(row.case.id for row in every)
    again = Steps(every, book, chosen, SecondReply(), 500)
    assert [again[number].cases for number in range(len(again))] == [
        steps[number].cases for number in range(len(steps))
    ]


def test_the_terms_of_a_step_are_means_over_its_cases(book: LessonBook) -> None:
    every = [replace(row, verdict=None) if number % 3 else row for number, row in enumerate(rows())]
    step = Steps(every, book, replace(CHOSEN, kl_weight=0.5, batch_tokens=4000), SecondReply(), 700)[0]
    sums = {
        term: sum(float(pack.placed[term].weights.sum()) for pack in step.packs if term in pack.placed)
        for term in ("explanation", "verdict", "keep")
    }
    assert min(sums.values()) > 0
    # The token that decides the verdict is a part of the explanation.
    assert sums["explanation"] + sums["verdict"] == pytest.approx(1.0, rel=1e-5)
    assert sums["keep"] == pytest.approx(0.5, rel=1e-5)
    assert len(step.packs) > 1


def test_steps_may_be_counted_and_a_part_of_an_epoch_is_a_part_of_the_cases(book: LessonBook) -> None:
    every = rows()
    assert len(Steps(every, book, replace(CHOSEN, steps=40), SecondReply(), 4000)) == 40
    half = Steps(every, book, replace(CHOSEN, epochs=0.5), SecondReply(), 4000)
    assert sum(len(half[number].cases) for number in range(len(half))) == len(every) // 2
    nothing = [replace(row, verdict=None, keep=(False, False)) for row in every]
    with pytest.raises(UsageError, match="nothing to learn"):
        Steps(nothing, book, CHOSEN, SecondReply(), 4000)


def test_a_plan_without_a_step_is_refused(book: LessonBook) -> None:
    every = rows()
    with pytest.raises(UsageError, match=rf"epochs 0\.01: of {len(every)} cases that is less than one, and no step"):
        Steps(every, book, replace(CHOSEN, epochs=0.01), SecondReply(), 4000)
    assert len(Steps(every, book, replace(CHOSEN, epochs=1 / len(every)), SecondReply(), 4000)) == 1
    assert len(Steps(every, book, replace(CHOSEN, epochs=0.01, steps=1), SecondReply(), 4000)) == 1


def test_only_checkpoints_that_are_whole_count(tmp_path: Path) -> None:
    for step in (2, 10):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        for name in ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "trainer_state.json"):
            (folder / name).write_text(f"{name} {step}")
        seal(folder)
    assert last_whole(tmp_path) == tmp_path / "checkpoint-10"
    (tmp_path / "checkpoint-10" / "optimizer.pt").write_text("torn")
    assert last_whole(tmp_path) == tmp_path / "checkpoint-2"
    assert not (tmp_path / "checkpoint-10").exists()
    (tmp_path / "checkpoint-2" / "scheduler.pt").unlink()
    assert last_whole(tmp_path) is None
