"""`aita` on files of posts: verdicts as keys, what is left out is counted, nothing of the posts is kept."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from introbench.errors import SpecError, TaskError
from introbench.runs.config import resolve_config
from introbench.runs.plan import make_plan
from introbench.tasks import ItemSet
from introbench.tasks.conformance import problems
from introbench.tasks.registry import find_tasks, resolve_task
from introbench.tasks.tables import read_table
from introbench_tasks.aita.posts import RIGHTS, read_verdict

COLUMNS = ["id", "title", "body", "verdict"]


def post(number: int) -> str:
    return f"I borrowed ladder number {number} from a man in my street, kept it for weeks, and he asked for it back."


def write(path: Path, rows: list[list[object]], columns: list[str] = COLUMNS) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def items_of(path: Path, **values: str) -> ItemSet:
    return find_tasks()["aita"].item_set({"data": str(path), **values})


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    verdicts = ["NTA", "YTA", "ESH", "NAH", "Not the A-hole", "INFO"]
    rows: list[list[object]] = [
        [n, f"AITA for keeping ladder {n}?", post(n), verdicts[n % len(verdicts)]] for n in range(60)
    ]
    rows += [
        [60, "AITA?", "[removed]", "NTA"],
        [61, "AITA?", "[deleted]", "YTA"],
        [62, "AITA for keeping ladder 1?", post(1).upper(), "NTA"],
        [63, "AITA?", "word " * 401, "NTA"],
        [64, "AITA?", post(64) + " EDIT: so I am YTA, thanks.", "YTA"],
    ]
    return write(tmp_path / "posts.csv", rows)


def test_readers_verdicts_are_the_key_whatever_the_order_of_the_choices(posts: Path) -> None:
    items = items_of(posts).items
    assert len(items) == 60
    keys = Counter(None if item.key is None else item.choices[item.key] for item in items)
    assert keys == {"wrong": 20, "not wrong": 30, None: 10}
    for item in items:
        assert item.kind.endswith("_not_wrong_first" if item.choices[0] == "not wrong" else "wrong_first")
    assert {item.choices for item in items} == {("wrong", "not wrong"), ("not wrong", "wrong")}


def test_the_post_is_asked_as_it_was_written_with_its_title(posts: Path) -> None:
    item = next(item for item in items_of(posts).items if "number 7 " in item.question)
    first, second = item.choices
    assert item.question == f"AITA for keeping ladder 7?\n{post(7)}\nWas I {first} or {second}?"


def test_what_is_left_out_is_counted_by_reason_and_named_by_line(posts: Path) -> None:
    found = items_of(posts)
    assert found.skipped == {
        "no text, or one that was removed": 2,
        "the same post as in an earlier row": 1,
        "longer than 400 words": 1,
        "its text names a verdict (YTA, NTA, ESH or NAH)": 1,
    }
    assert any("posts.csv:62" in note and "removed" in note for note in found.notes)
    assert any("10 posts have no key" in note and "'INFO' 10" in note for note in found.notes)
    assert RIGHTS in found.notes
    assert any("verdicts wrong 20, not wrong 30, none 10" in note for note in found.notes)
    assert len(items_of(posts, words="2000").items) == 61


def test_ids_splits_and_orders_follow_from_the_post_and_not_from_its_place(posts: Path, tmp_path: Path) -> None:
    rows = [list(row.values.values()) for row in read_table(str(posts)).rows]
    again = write(tmp_path / "again.csv", rows[40:20:-1])
    whole = {item.id: item for item in items_of(posts, test="0.5").items}
    part = items_of(again, test="0.5").items
    assert len(part) == 20
    assert all(whole[item.id] == item for item in part)
    assert {item.split for item in whole.values()} == {"train", "test"}


def test_posts_of_one_cluster_are_in_one_split(tmp_path: Path) -> None:
    rows: list[list[object]] = [[n, "", post(n), "NTA", f"writer {n % 9}"] for n in range(45)]
    path = write(tmp_path / "posts.csv", rows, [*COLUMNS, "author"])
    splits: dict[str, set[str]] = {}
    for item in items_of(path, columns="cluster=author", test="0.5").items:
        splits.setdefault(item.cluster, set()).add(item.split)
    assert len(splits) == 9
    assert all(len(found) == 1 for found in splits.values())


def test_json_lines_with_other_columns_are_read_by_mapping(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    rows = [{"story": post(n), "is_asshole": n % 2} for n in range(4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    items = items_of(path, columns="text=story").items
    keys = {item.question.split()[4]: item.choices[item.key] for item in items if item.key is not None}
    assert keys == {"0": "not wrong", "1": "wrong", "2": "not wrong", "3": "wrong"}
    with pytest.raises(TaskError, match=r"no column for 'text'.*it has: story, is_asshole"):
        items_of(path)


@pytest.mark.parametrize(
    ("cell", "column", "verdict"),
    [
        ("YTA", "verdict", "wrong"),
        ("everyone sucks here", "flair", "wrong"),
        ("Asshole", "flair", "wrong"),
        (" nta ", "verdict", "not wrong"),
        ("Not the A-hole", "flair", "not wrong"),
        ("No A-holes here", "flair", "not wrong"),
        ("not wrong", "verdict", "not wrong"),
        (1, "is_asshole", "wrong"),
        (False, "is_asshole", "not wrong"),
        (1, "label", None),
        ("INFO", "verdict", None),
        ("not YTA", "verdict", None),
        (None, "verdict", None),
    ],
)
def test_verdicts_are_read_by_their_words_and_numbers_only_where_they_have_a_meaning(
    cell: object, column: str, verdict: str | None
) -> None:
    assert read_verdict(cell, column) == verdict


def test_cues_are_those_of_dilemmas_without_the_retelling(posts: Path) -> None:
    config, variants = resolve_config("scripted/oracle", tasks=[f"aita?data={posts}"])
    cases = make_plan(config, variants).tasks[0].cases
    assert Counter(Counter(case.item.id for case in cases).values()) == {4: 60}
    kinds = {case.cue.kind for case in cases}
    assert kinds == set(find_tasks()["aita"].info.cue_kinds)
    assert set(find_tasks()["dilemmas"].info.cue_kinds) - kinds == {"third_person"}


@pytest.mark.parametrize(("values", "message"), [({"words": "0"}, "words=0"), ({"test": "2"}, "test=2")])
def test_a_wrong_parameter_is_named(posts: Path, values: dict[str, str], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        items_of(posts, **values)


def test_posts_that_cannot_be_used_at_all_are_an_error_that_says_why(tmp_path: Path) -> None:
    path = write(tmp_path / "posts.csv", [[1, "AITA?", "[removed]", "NTA"]])
    with pytest.raises(TaskError, match=r"no row can be used: .*no text, or one that was removed"):
        items_of(path)


def test_without_a_file_the_task_says_what_it_needs() -> None:
    with pytest.raises(SpecError, match="task 'aita' needs data"):
        resolve_task("aita", find_tasks())


def test_a_run_counts_what_was_left_out_and_keeps_no_word_of_the_posts(posts: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "introbench", "run", "--model", "scripted/oracle", "--out", str(out)]
    done = subprocess.run(
        [*command, "--tasks", "aita", "--data", str(posts), "--columns", "text=body,verdict=verdict", "--limit", "20"],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "2 no text, or one that was removed" in " ".join(done.stdout.split())
    written = [path for path in out.rglob("*") if path.is_file()]
    assert written
    assert not any("ladder" in path.read_text(encoding="utf-8") for path in written)


def test_wordings_are_those_of_dilemmas_so_that_the_two_can_be_held_against_each_other() -> None:
    ours, theirs = (find_tasks()[name].templates() for name in ("aita", "dilemmas"))
    assert ours.cues == tuple(cue for cue in theirs.cues if cue.edit != "rewrite")
    assert (ours.systems, ours.explanation) == (theirs.systems, theirs.explanation)


def test_items_of_a_file_keep_the_contract_of_tasks(posts: Path) -> None:
    assert problems(find_tasks()["aita"], {"data": str(posts), "test": "0.5"}) == []
