"""Questions of one's own: columns, lists, keys and clusters as tables have them, and items that depend on content."""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from introbench.errors import SpecError, TaskError, UsageError
from introbench.metrics.summary import dump, summarise
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.plan import make_plan
from introbench.tasks import Item, ItemSet
from introbench.tasks.conformance import problems
from introbench.tasks.registry import find_tasks, resolve_task
from introbench_tasks.hint_mcq.keys import key_reading, read_key
from introbench_tasks.hint_mcq.questions import _written_list

WORDS = ("red", "green", "blue", "yellow")


def items_of(path: Path, task: str = "hint_mcq", **values: str) -> ItemSet:
    return resolve_task(task, find_tasks(), {"data": str(path), **values}).items()


def right(item: Item) -> str | None:
    return None if item.key is None else item.choices[item.key]


def table(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    import csv

    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def colours(path: Path, keys: Sequence[str]) -> Path:
    """A question per key; the right answer of question n is colour n."""
    rows = [[f"Which colour has number {n}?", *WORDS, key] for n, key in enumerate(keys)]
    return table(path, [["question", "a", "b", "c", "d", "answer"], *rows])


@pytest.mark.parametrize(
    "keys", ["ABCD", "abcd", ["(A)", "B.", "C)", "D"], "0123", ["0.0", "1.0", "2.0", "3.0"], "1234", WORDS]
)
def test_keys_are_letters_indices_or_texts(keys: Sequence[str], tmp_path: Path) -> None:
    found = items_of(colours(tmp_path / "t.csv", keys))
    assert [right(item) for item in found.items] == list(WORDS)
    assert not found.skipped


def test_indices_that_could_begin_at_0_or_1_are_asked_about(tmp_path: Path) -> None:
    path = colours(tmp_path / "t.csv", "12")
    with pytest.raises(TaskError, match="its keys can be read as index0 or index1; say which: key=index0"):
        items_of(path)
    assert [right(item) for item in items_of(path, key="index0").items] == ["green", "blue"]
    assert [right(item) for item in items_of(path, key="index1").items] == ["red", "green"]


def test_keys_that_fit_no_one_reading_are_counted_and_then_left_out_by_row(tmp_path: Path) -> None:
    path = colours(tmp_path / "t.csv", ["0", "1", "4", "9"])
    with pytest.raises(
        TaskError, match=r"no one reading fits all keys .of 3 rows: letter 0, index0 2, index1 2, text 0"
    ):
        items_of(path)
    found = items_of(path, key="index0")
    assert found.skipped == {"its key is none of its choices": 2}
    assert f"Left out, its key is none of its choices: {path}:4, {path}:5" in found.notes


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.sampled_from(["letter", "index0", "index1", "text"]))
def test_a_reading_that_is_told_reads_the_keys_as_they_were_written(places: list[int], form: str) -> None:
    write = {"letter": "ABCD".__getitem__, "index0": str, "index1": lambda place: str(place + 1)}
    cells = [write.get(form, WORDS.__getitem__)(place) for place in places]
    rows = [(cell, WORDS) for cell in cells]
    assert [read_key(cell, WORDS, [form]) for cell in cells] == places
    if form in ("letter", "text"):
        assert key_reading("t", rows) == form
    elif form == "index0" and 0 in places:
        assert key_reading("t", rows) == "index0"
    elif form == "index1" and 3 in places:
        assert key_reading("t", rows) == "index1"
    else:
        with pytest.raises(TaskError, match="index0 or index1"):
            key_reading("t", rows)


@pytest.mark.parametrize(
    "cell",
    [
        '["red", "it\'s green", "blue", "a, b"]',
        "['red', \"it's green\", 'blue', 'a, b']",
        "['red' \"it's green\" 'blue'\n 'a, b']",
        "array(['red', \"it's green\", 'blue', 'a, b'], dtype=object)",
        '{"text": ["red", "it\'s green", "blue", "a, b"], "label": ["1", "2", "3", "4"]}',
    ],
)
def test_choices_in_one_column_are_a_list_of_json_python_or_numpy(cell: str, tmp_path: Path) -> None:
    found = items_of(
        table(tmp_path / "t.csv", [["question", "choices", "answer"], ["Q?", cell, "2"], ["P?", cell, "4"]])
    )
    assert [set(item.choices) for item in found.items] == [{"red", "it's green", "blue", "a, b"}] * 2
    assert [right(item) for item in found.items] == ["it's green", "a, b"]


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",))).filter(str.strip), min_size=1, max_size=5))
def test_a_list_that_python_or_numpy_printed_is_read_back(texts: list[str]) -> None:
    texts = [text.strip() for text in texts]
    assert _written_list(repr(texts)) == tuple(texts)
    assert _written_list("[" + " ".join(map(repr, texts)) + "]") == tuple(texts)


def test_lists_of_jsonl_and_rows_that_are_no_question(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows = [
        {"question": "Q?", "choices": ["x", "y"], "answer": 0},
        {"question": "", "choices": ["x", "y"], "answer": 0},
        {"question": "Q?", "choices": "x or y", "answer": 0},
        {"question": "Q?", "choices": ["x", " "], "answer": 0},
        {"question": "Q?", "choices": ["x"], "answer": 0},
        {"question": "Q?", "choices": ["x", "y"], "answer": None},
        {"question": "Q?", "answer": 1},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = items_of(path)
    assert len(found.items) == 1
    assert found.skipped == {
        "its choices are no list": 2,
        "no question": 1,
        "an empty choice": 1,
        "fewer than 2 or more than 26 choices": 1,
        "no key": 1,
    }


def test_choices_that_read_the_same_are_for_letters_only(tmp_path: Path) -> None:
    path = table(
        tmp_path / "t.csv", [["question", "A", "B", "answer"], ["Genes?", "aa", "AA", "B"], ["Q?", "x", "y", "A"]]
    )
    assert [right(item) for item in items_of(path).items] == ["AA", "x"]
    by_text = items_of(path, "hint_mcq?behaviour=text")
    assert len(by_text.items) == 1
    assert by_text.skipped == {"choices that read the same (behaviour=letter takes them)": 1}


def test_ids_and_items_depend_on_content_and_not_on_order_or_file(tmp_path: Path) -> None:
    rows = [[f"Question {n}?", f"a{n}", f"b{n}", f"c{n}", "ABC"[n % 3]] for n in range(40)]
    header = ["question", "A", "B", "C", "answer"]
    first = items_of(table(tmp_path / "one.csv", [header, *rows, rows[7]]))
    random.Random(1).shuffle(rows)
    second = items_of(
        table(tmp_path / "two.csv", [header, *rows, next(row for row in rows if row[0] == "Question 7?")])
    )
    assert {item.id: item for item in first.items} == {item.id: item for item in second.items}
    assert first.sha256 == second.sha256
    assert len({item.id for item in first.items}) == 41
    (twins,) = [found for found in Counter(item.cluster for item in first.items).values() if found > 1]
    assert twins == 2
    assert "1 questions stand twice; equal ones are one cluster" in first.notes[0]


def test_options_are_shuffled_unless_they_speak_of_one_another(tmp_path: Path) -> None:
    header = ["question", "A", "B", "C", "D", "answer"]
    plain = [[f"Question {n}?", "one", "two", "three", "four", "D"] for n in range(400)]
    above = [[f"Other {n}?", "one", "two", "three", "All of the above", "D"] for n in range(10)]
    found = items_of(table(tmp_path / "t.csv", [header, *plain, *above])).items
    places = Counter(item.key for item in found[:400])
    assert all(70 <= places[place] <= 130 for place in range(4))
    assert all(item.choices[3] == "All of the above" for item in found[400:])


def test_a_cluster_column_and_a_share_make_the_split(tmp_path: Path) -> None:
    header = ["question", "A", "B", "answer", "passage"]
    rows = [[f"Question {n}?", "x", "y", "A", f"p{n // 4}"] for n in range(400)]
    path = table(tmp_path / "t.csv", [header, *rows])
    found = items_of(path, cluster="passage", test="0.25").items
    assert len({item.cluster for item in found}) == 100
    splits = {item.cluster: item.split for item in found}
    assert all(item.split == splits[item.cluster] for item in found)
    assert 15 <= sum(split == "test" for split in splits.values()) <= 35
    assert {item.split for item in items_of(path).items} == {"test"}
    with pytest.raises(TaskError, match="test=2: must be a share from 0 to 1"):
        items_of(path, test="2")
    with pytest.raises(TaskError, match=r"has no column 'chapter' .cluster.; it has: question, A, B, answer, passage"):
        items_of(path, cluster="chapter")


def test_the_conformance_kit_finds_nothing_wrong_with_a_table_of_ones_own(tmp_path: Path) -> None:
    rows = [[f"Which number comes behind {n}?", str(n + 1), str(n + 2), str(n + 4), "A"] for n in range(0, 1600, 10)]
    path = table(tmp_path / "t.csv", [["question", "A", "B", "C", "answer"], *rows])
    assert problems(find_tasks()["hint_mcq"], {"data": str(path), "test": "0.5"}) == []


def test_the_name_of_a_variant_holds_the_file_and_not_its_folder(tmp_path: Path) -> None:
    path = colours(tmp_path / "my questions.csv", "ABCD")
    config, (variant,) = resolve_config("scripted/oracle", tasks=["hint_mcq"], task_values={"data": str(path)})
    assert config.tasks == (variant.name,) == ("hint_mcq?data=my questions.csv",)
    assert variant.parameters["data"] == str(path)
    cases = make_plan(config, [variant]).tasks[0].cases
    assert cases
    assert not any(str(tmp_path) in case.id for case in cases)
    assert all(case.uncued.choices == ("A", "B", "C", "D") for case in cases)


def test_nothing_that_a_run_writes_names_the_folder_of_the_data(tmp_path: Path) -> None:
    mine = colours(tmp_path / "mine" / "t.csv", ["A", "B", "C", "E"])
    copy = mmlu_copy(tmp_path / "copy")
    (copy / "test" / "zoology_test.csv").write_text(
        "question,choice0,choice1,choice2,choice3,answer\nNo key?,1,2,3,4,\n"
    )
    found = []
    for name, source, split in (("hint_mcq", mine, "test"), ("hint_mmlu", copy, "train")):
        tasks = [f"{name}?data={source}"]
        run = execute(*resolve_config("scripted/oracle", tasks=tasks, split=split), tmp_path / name)
        found += [(run / "manifest.json").read_text(), dump(summarise(run)).decode(), (run / "cases.jsonl").read_text()]
    assert not any(str(tmp_path) in text for text in found)
    (first,), (second,) = (json.loads(found[at])["tasks"] for at in (0, 3))
    assert (first["parameters"]["data"], second["parameters"]["data"]) == ("t.csv", "copy")
    assert "Left out, its key is none of its choices: t.csv:5" in first["notes"]
    assert any("copy/test/zoology_test.csv:2" in note for note in second["notes"])


def test_a_missing_file_is_named_with_its_folder(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=re.escape(f"{tmp_path}/none.csv: no such file")):
        items_of(tmp_path / "none.csv")


def test_data_that_no_task_takes_or_that_is_missing_or_twice_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--data: taken by none of the tasks hint_facts"):
        resolve_config("scripted/oracle", tasks=["hint_facts"], task_values={"data": "x.csv"})
    with pytest.raises(SpecError, match="'hint_mcq' needs data"):
        resolve_config("scripted/oracle", tasks=["hint_mcq"])
    (tmp_path / "other").mkdir()
    paths = [colours(folder / "t.csv", "ABCD") for folder in (tmp_path, tmp_path / "other")]
    with pytest.raises(UsageError, match=r"are both called 'hint_mcq\?data=t.csv'; run them apart"):
        resolve_config("scripted/oracle", tasks=[f"hint_mcq?data={path}" for path in paths])


def mmlu_copy(folder: Path) -> Path:
    (folder / "test").mkdir(parents=True)
    header = ["question", "choice0", "choice1", "choice2", "choice3", "answer"]
    table(folder / "test" / "anatomy_test.csv", [header, ["Two\nlines?", *WORDS, "1"], ["Twice?", *WORDS, "2"]])
    table(folder / "test" / "zoology_test.csv", [header, ["Twice?", *WORDS, "2"]])
    return folder


def test_a_local_copy_of_mmlu_is_its_subjects(tmp_path: Path) -> None:
    found = items_of(mmlu_copy(tmp_path / "mmlu"), "hint_mmlu")
    assert [item.kind for item in found.items] == ["anatomy", "anatomy", "zoology"]
    assert [right(item) for item in found.items] == ["green", "blue", "blue"]
    assert found.items[0].question == "Two\nlines?"
    assert found.items[1].cluster == found.items[2].cluster != found.items[0].cluster
    assert found.notes[0] == "These are 3 questions; the test split of MMLU has 14042."
    assert resolve_task("hint_mmlu", find_tasks(), {"data": str(tmp_path / "mmlu")}).name == "hint_mmlu"
    (tmp_path / "empty" / "test").mkdir(parents=True)
    with pytest.raises(TaskError, match=r"holds no SUBJECT_test\.csv"):
        items_of(tmp_path / "empty", "hint_mmlu")


def test_a_table_in_the_layout_of_the_hub_gives_the_items_of_a_local_copy(tmp_path: Path) -> None:
    from_folder = items_of(mmlu_copy(tmp_path / "mmlu"), "hint_mmlu")
    path = tmp_path / "all.jsonl"
    rows = [("Two\nlines?", "anatomy", "B"), ("Twice?", "anatomy", "C"), ("Twice?", "zoology", "C")]
    path.write_text(
        "".join(
            json.dumps({"question": question, "subject": subject, "choices": WORDS, "answer": key}) + "\n"
            for question, subject, key in rows
        )
    )
    assert items_of(path, "hint_mmlu").sha256 == from_folder.sha256


def test_all_of_mmlu_loads_in_seconds_with_the_split_sizes_of_the_paper(shared_data: Path) -> None:
    started = time.process_time()
    found = items_of(shared_data / "mmlu", "hint_mmlu")
    seconds = time.process_time() - started
    assert len(found.items) == len({item.id for item in found.items}) == 14_042
    assert not found.skipped
    assert Counter(item.split for item in found.items) == {"train": 12_642, "test": 1_400}
    assert seconds < 10
    places = Counter(item.key for item in found.items)
    assert all(0.24 < places[place] / 14_042 < 0.26 for place in range(4))
    # 105 rows equal another one to the byte, some more but for the order of their options.
    (twice,) = re.findall(r"(\d+) questions stand twice", found.notes[0])
    assert 105 <= int(twice) < 115
