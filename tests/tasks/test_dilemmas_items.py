"""The frozen items of `dilemmas`: what the generator writes, clean English, no two alike, both orders alike."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from introbench.hashing import file_hash, text_hash
from introbench.tasks.registry import find_tasks
from introbench_tasks.dilemmas.generate import GENERATOR_VERSION
from introbench_tasks.dilemmas.generate.__main__ import main
from introbench_tasks.dilemmas.generate.assemble import HELD_OUT, ITEMS_FILE, MOST_ALIKE, items_text
from introbench_tasks.dilemmas.generate.overlap import grams, jaccard, most_alike
from introbench_tasks.dilemmas.generate.people import all_names
from introbench_tasks.dilemmas.generate.persons import in_third_person
from introbench_tasks.dilemmas.generate.situations import situations
from introbench_tasks.dilemmas.protocol import ORDERS


class Item(TypedDict):
    id: str
    kind: str
    cluster: str
    split: str
    question: str
    choices: list[str]
    key: None
    fields: dict[str, str]


FROZEN = ITEMS_FILE.read_text(encoding="utf-8")
ITEMS: list[Item] = [json.loads(line) for line in FROZEN.splitlines()]
RETOLD = [item for item in ITEMS if item["fields"]]
FIELDS = ["id", "kind", "cluster", "split", "question", "choices", "key", "fields"]
MASCULINE = r"\b(?:he|him|his|himself)\b"
FEMININE = r"\b(?:she|her|hers|herself)\b"


def account(item: Item) -> str:
    return item["question"].rpartition("\n")[0]


def retold(item: Item) -> str:
    return item["fields"]["third_person"].rpartition("\n")[0]


def blame(item: Item) -> str:
    return item["kind"].partition("_")[0]


def order(item: Item) -> str:
    return item["kind"].partition("_")[2]


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?]) ", text)


# The file


def test_the_frozen_file_is_what_the_generator_writes() -> None:
    assert items_text() == FROZEN


def test_check_tells_a_changed_file_from_the_right_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "items.jsonl"
    monkeypatch.setattr("introbench_tasks.dilemmas.generate.__main__.ITEMS_FILE", copy)
    monkeypatch.setattr("introbench_tasks.dilemmas.generate.__main__.items_text", lambda: FROZEN)
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0
    copy.write_text(FROZEN.replace("wrong", "Wrong", 1), encoding="utf-8")
    assert main(["--check"]) == 1


def test_the_task_declares_the_file_and_the_version_of_its_generator() -> None:
    info = find_tasks()["dilemmas"].info
    assert info.sha256 == file_hash(str(ITEMS_FILE))
    assert info.count == len(ITEMS)
    assert f"version {GENERATOR_VERSION}," in info.source


def test_there_are_enough_items_situations_and_topics() -> None:
    assert len(ITEMS) >= 1_000
    assert len({item["cluster"] for item in ITEMS}) == len(situations()) >= 100
    topics = Counter(item["cluster"].partition(":")[0] for item in ITEMS)
    assert len(topics) >= 10
    assert max(topics.values()) <= 0.15 * len(ITEMS)
    assert all(list(item) == FIELDS for item in ITEMS)


# Ids, clusters and splits


def test_ids_follow_from_the_account_alone_and_are_unique() -> None:
    for item in ITEMS:
        assert item["id"] == f"{item['cluster'].partition(':')[0]}-{text_hash(account(item))[:10]}"
    assert len({item["id"] for item in ITEMS}) == len(ITEMS)


def test_no_situation_straddles_the_splits_and_every_topic_is_in_both() -> None:
    splits: defaultdict[str, set[str]] = defaultdict(set)
    topics: defaultdict[str, set[str]] = defaultdict(set)
    for item in ITEMS:
        splits[item["cluster"]].add(item["split"])
        topics[item["cluster"].partition(":")[0]].add(item["split"])
    assert all(len(found) == 1 for found in splits.values())
    assert all(found == {"train", "test"} for found in topics.values())
    held_out = sum(found == {"test"} for found in splits.values()) / len(splits)
    assert HELD_OUT - 0.1 <= held_out <= HELD_OUT + 0.1


# Variety


def test_no_two_questions_share_seven_tenths_of_their_runs_of_five_words() -> None:
    index, one, other = most_alike([item["question"] for item in ITEMS])
    assert index < MOST_ALIKE == 0.7, (ITEMS[one]["question"], ITEMS[other]["question"])


@given(st.lists(st.lists(st.sampled_from("ab Anna c. d".split()), min_size=1, max_size=12), min_size=2, max_size=6))
def test_the_most_alike_pair_is_what_comparing_all_pairs_finds(texts: list[list[str]]) -> None:
    joined = [" ".join(words) for words in texts]
    expected = max(jaccard(grams(one), grams(other)) for one, other in itertools.combinations(joined, 2))
    assert most_alike(joined)[0] == expected


def test_texts_that_differ_in_a_name_only_are_the_same_to_the_measure() -> None:
    one, other = (
        "I told my sister {}'s friends about it, and {} left.".replace("{}", name) for name in ("Anna", "Ben")
    )
    assert jaccard(grams(one), grams(other)) == 1
    assert jaccard(grams(one), grams(one.replace("friends", "parents"))) < 1


def test_accounts_have_one_to_six_sentences_and_every_length_is_common() -> None:
    counts = Counter(len(sentences(account(item))) for item in ITEMS)
    assert set(counts) == {1, 2, 3, 4, 5, 6}
    assert min(counts.values()) >= 0.12 * len(ITEMS)


def test_clear_and_unclear_blame_are_all_common() -> None:
    counts = Counter(map(blame, ITEMS))
    assert set(counts) == {"fine", "between", "wrong"}
    assert min(counts.values()) >= 0.2 * len(ITEMS)


# The two orders


def test_both_orders_are_asked_equally_often_in_every_situation() -> None:
    for _, members in itertools.groupby(sorted(ITEMS, key=lambda item: item["cluster"]), lambda item: item["cluster"]):
        counts = Counter(map(order, members))
        assert set(counts) == set(ORDERS)
        assert abs(counts["wrong_first"] - counts["not_wrong_first"]) <= 1


def test_blame_says_nothing_on_the_order() -> None:
    for level, count in Counter(map(blame, ITEMS)).items():
        first = sum(item["kind"] == f"{level}_wrong_first" for item in ITEMS)
        assert abs(first / count - 0.5) < 0.06, level


def test_the_question_names_the_choices_in_their_order() -> None:
    for item in ITEMS:
        assert tuple(item["choices"]) == dict(ORDERS)[order(item)]  # type: ignore[index]
        end = "{} or {}?".format(*item["choices"])
        assert item["question"].endswith("\nWas I " + end)
        assert item["key"] is None
        for text in item["fields"].values():
            assert re.search(rf"\nWas the (?:man|woman) {re.escape(end)}$", text)


# English


def test_accounts_are_clean_sentences_in_either_person() -> None:
    for told in (*map(account, ITEMS), *map(retold, RETOLD)):
        assert told == told.strip() and told.endswith(".") and "  " not in told and "{" not in told and "\n" not in told
        assert all(sentence[0].isupper() for sentence in sentences(told)), told
        assert not re.search(r"\b(?!had\b|that\b)(\w+) \1\b", told, re.IGNORECASE), told
        assert not re.search(r"\ba [aeio]\w|\ban [^aeiouh\W]|\bmy a\b|\b(?:a|the) (?:a|the|my|his|her) ", told), told
        assert not re.search(r" [,.;]|,,|\.\.|''|[^a-z]'s\b", told), told


def test_accounts_are_told_in_the_past_by_one_person() -> None:
    present = r"\bI (?:am|have|do|don't|know|think|want|say|feel|need|believe|earn|like)\b"
    for item in ITEMS:
        assert re.search(r"\b(?:I|me|my)\b", account(item), re.IGNORECASE), item
        assert not re.search(present, account(item)), item
        assert not re.search(r"(?<!thank )\b(?:you|your)\b", account(item)), item


def test_the_other_person_is_he_or_she_throughout() -> None:
    for item in RETOLD:
        other_is_she = "Was the man" in item["fields"]["third_person"]
        wrong = MASCULINE if other_is_she else FEMININE
        assert not re.search(wrong, account(item), re.IGNORECASE), item


def test_the_retold_account_names_the_narrator_once_and_then_by_pronoun() -> None:
    for item in RETOLD:
        told = retold(item)
        assert not re.search(r"\b(?:I|me|my|mine|myself|we|us|our|ours|ourselves)\b", told), told
        narrator = "man" if "Was the man" in item["fields"]["third_person"] else "woman"
        assert len(re.findall(rf"\ba {narrator}\b", told, re.IGNORECASE)) == 1, told
        assert len(sentences(told)) == len(sentences(account(item)))
        assert told != account(item)


@pytest.mark.parametrize(
    ("first", "third"),
    [
        ("I left. My sister saw me.", "A man left. His sister saw him."),
        ("My boss asked me to stay, and I did.", "A man's boss asked him to stay, and he did."),
        ("It was late. Last week I fell. I hurt myself.", "It was late. Last week a man fell. He hurt himself."),
        ("I lost it. Our dog, a friend of mine, and us.", "A man lost it. Their dog, a friend of his, and them."),
    ],
)
def test_an_account_is_retold_in_the_third_person(first: str, third: str) -> None:
    assert in_third_person(first, "m") == third


def test_nobody_is_we_before_the_narrator_is_known() -> None:
    with pytest.raises(ValueError, match="before it has said who the narrator is"):
        in_third_person("We left.", "f")


def test_no_situation_uses_a_name_that_masking_would_not_know() -> None:
    known = {"French", "Japan", "Lisbon", "London", "New", "Paris", "Saturday", "Spanish", "Sunday", "Year"}
    for item in ITEMS:
        for sentence in sentences(account(item)):
            inner = re.findall(r"(?<=[^.!?] )[A-Z][\w']+", sentence)
            assert {word.removesuffix("'s") for word in inner} <= all_names() | known, sentence


def test_all_but_two_situations_are_retold() -> None:
    assert len({item["cluster"] for item in ITEMS} - {item["cluster"] for item in RETOLD}) == 2
