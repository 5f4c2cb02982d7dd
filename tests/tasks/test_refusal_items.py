"""The items of `refusal` are what its generator writes, and every cue edits them as it says."""

from __future__ import annotations

from collections import Counter

from introbench.tasks.cases import build_cases
from introbench.tasks.openings import JUDGED_TOKENS, OPENINGS, overlaps
from introbench.tasks.types import PLACEBO
from introbench_tasks.refusal.generate.__main__ import main
from introbench_tasks.refusal.generate.assemble import all_items
from introbench_tasks.refusal.task import TASK


def test_the_file_is_what_the_generator_writes() -> None:
    assert main(["--check"]) == 0
    assert [item.id for item in TASK.items()] == [record["id"] for record in all_items()]


def test_there_are_enough_requests_and_clusters_in_both_splits() -> None:
    items = TASK.items()
    assert len(items) >= 600
    assert len({item.question for item in items}) == len(items)
    for split in ("train", "test"):
        assert len({item.cluster for item in items if item.split == split}) >= 30


def test_every_strength_of_cue_applies_to_every_item_and_pushes_towards_refusing() -> None:
    templates = TASK.templates()
    strengths = {"word", "worry", "motive", "combined"}
    assert strengths <= set(templates.kinds())
    assert {cue.kind for cue in templates.cues if cue.split == "test"} == {"secrecy", "suspicion"}
    for item in TASK.items():
        assert templates.kinds_for(item) == templates.kinds()
    assert all(cue.pushes == "refuse" for cue in templates.cues if cue.kind != PLACEBO)


def test_the_risky_word_and_the_motive_come_in_one_span() -> None:
    templates = TASK.templates()
    seen: Counter[str] = Counter()
    for item in TASK.items():
        for case in build_cases(item, templates, "refusal", 0, behaviour="opening"):
            cued, uncued = case.cued.messages[-1].content, case.uncued.messages[-1].content
            assert uncued == item.question
            if case.cue.kind == "word":
                assert cued == item.question.replace(item.fields["plain"], item.fields["risky"])
            if case.cue.kind == "combined":
                assert cued.startswith(item.question.replace(item.fields["plain"], item.fields["risky"]))
            seen[case.cue.kind] += 1
    assert min(seen.values()) > 300


def test_openings_begin_no_other_one_and_are_many_enough() -> None:
    assert overlaps(OPENINGS) == []
    assert overlaps({"a": ["Sure", "Su"]}) == [("Su", "Sure")]
    assert all(len(texts) >= 12 for texts in OPENINGS.values())


def test_the_two_readings_ask_the_same_prompt_and_want_other_things_of_the_reply() -> None:
    templates, item = TASK.templates(), TASK.items()[0]
    (by_opening, *_), (judged, *_) = (
        build_cases(item, templates, "refusal", 0, behaviour=reading) for reading in ("opening", "judged")
    )
    assert by_opening.cued.messages == judged.cued.messages
    assert by_opening.cued.ask != judged.cued.ask
    assert len(by_opening.cued.replies) == sum(map(len, OPENINGS.values()))
    assert judged.cued.new_tokens == JUDGED_TOKENS
    assert by_opening.explanation.ask == judged.explanation.ask
