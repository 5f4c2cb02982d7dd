"""Tables as users bring them: every form, with the line of every record, and nothing lost without a word."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from introbench.errors import TaskError
from introbench.tasks.columns import Role, map_columns
from introbench.tasks.delimited import read_delimited
from introbench.tasks.rows import count_bad
from introbench.tasks.tables import read_table

ROWS = [
    {"question": "Wie heißt »das«?", "answer": "Größe; und, mehr"},
    {"question": "two\nlines", "answer": 'a "quote"'},
    {"question": "three", "answer": ""},
]


def written(delimiter: str = ",", newline: str = "\n") -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["question", "answer"], delimiter=delimiter, lineterminator=newline)
    writer.writeheader()
    writer.writerows(ROWS)
    return out.getvalue()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_and_every_record_has_the_line_on_which_it_begins(
    delimiter: str, newline: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(written(delimiter, newline).encode())
    table = read_table(str(path))
    assert [dict(row.values) for row in table.rows] == ROWS
    assert [row.where for row in table.rows] == [f"{path}:2", f"{path}:3", f"{path}:5"]
    assert table.note == f"delimiter {delimiter!r}, encoding utf-8"


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
        ("latin-1", "cp1252"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json"])
def test_the_encoding_is_told(encoding: str, said: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"t{suffix}"
    text = {
        ".csv": written(),
        ".jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS),
        ".json": json.dumps(ROWS, ensure_ascii=False, indent=1),
    }[suffix]
    path.write_bytes(text.encode(encoding))
    table = read_table(str(path))
    assert [dict(row.values) for row in table.rows] == ROWS
    assert table.note.endswith(f"encoding {said}")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy"),
        ("cp1251", "Какая столица России? Москва"),
        ("cp1253", "Ποια είναι η πρωτεύουσα της Ελλάδας;"),
        ("shift_jis", "日本の首都はどこですか。東京です"),
        ("gb18030", "中国的首都是哪里？北京是首都"),
        ("euc_kr", "대한민국의 수도는 어디입니까? 서울입니다"),
    ],
)
def test_other_alphabets_are_told_by_what_makes_words(encoding: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(f"question,answer\n{text},1\n".encode(encoding))
    (row,) = read_table(str(path)).rows
    assert row.values["question"] == text


def test_one_byte_that_is_no_utf_8_costs_its_row_and_not_the_letters_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("question\nGröße\nMaß\n".encode() + b"br\xfcken\n")
    table = read_table(str(path))
    assert [row.values["question"] for row in table.rows] == ["Größe", "Maß"]
    assert [(row.where, row.reason) for row in table.bad] == [(f"{path}:4", "bytes that are not utf-8")]


def test_a_file_with_one_column_keeps_the_commas_of_its_texts(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("prompt\nHello, how are you\nWell; thanks\n")
    assert [row.values["prompt"] for row in read_table(str(path)).rows] == ["Hello, how are you", "Well; thanks"]


def test_rows_that_cannot_be_read_are_named_with_file_and_line_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,2\n3\n"two\nlines",4\n5,6,7\n"x"y,8\n9,10\n')
    table = read_table(str(path))
    assert [row.where for row in table.rows] == [f"{path}:2", f"{path}:4", f"{path}:8"]
    assert [row.where for row in table.bad] == [f"{path}:3", f"{path}:6", f"{path}:7"]
    counts, lines = count_bad("t", table.bad, len(table.rows))
    assert sum(counts.values()) == 3
    assert f"Left out, 1 fields where the header has 2: {path}:3" in lines


def test_a_quote_that_is_never_closed_is_an_error_and_swallows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,2\n"open,3\n4,5\n')
    with pytest.raises(TaskError, match=r"t\.csv:3: a quote opens in this record and is never closed"):
        read_table(str(path))


def test_bad_lines_of_jsonl_are_named_and_the_others_read(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1}\n\n{"a": \n[1]\n{"a": 2, "b": null}\n')
    table = read_table(str(path))
    assert [(row.where, dict(row.values)) for row in table.rows] == [
        (f"{path}:1", {"a": 1}),
        (f"{path}:5", {"a": 2, "b": None}),
    ]
    assert [(row.where, row.reason) for row in table.bad] == [
        (f"{path}:3", "not JSON"),
        (f"{path}:4", "not a JSON object"),
    ]
    assert table.columns == ("a", "b")


def test_json_is_a_list_an_object_around_one_or_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    for text, places in (
        ('[\n {"a": 1},\n\n {"a":\n 2}\n]\n', [":2", ":4"]),
        ('{"version": 1, "data": [{"a": 1}, {"a": 2}]}', [": record 1", ": record 2"]),
        ('{"a": 1}\n{"a": 2}\n', [":1", ":2"]),
    ):
        path.write_text(text)
        table = read_table(str(path))
        assert [row.values["a"] for row in table.rows] == [1, 2]
        assert [row.where for row in table.rows] == [f"{path}{place}" for place in places]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "", "has no header"),
        ("t.csv", "a,b\n", "holds no rows"),
        ("t.csv", "a,b,a\n1,2,3\n", "the column 'a' stands twice"),
        ("t.json", '[{"a": 1}, {"a": ]', r"t\.json:1: the record that begins there is not JSON"),
        ("t.json", '[{"a": 1} {"a": 2}]', "no comma"),
        ("t.json", '[{"a": 1}', "no comma and no ']'"),
        ("t.xlsx", "x", "of no known form"),
        ("t.parquet", "x", "cannot read it"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(TaskError, match=message):
        read_table(str(tmp_path / name))


def test_what_is_not_there_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no such file"):
        read_table(str(tmp_path / "none.csv"))
    with pytest.raises(TaskError, match="neither a file, nor a folder, nor an id"):
        read_table("what is this?")
    with pytest.raises(TaskError, match="the hub cannot be reached; fetch it where there is a network"):
        read_table("nobody/nothing@main:default/test")


CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8), st.sampled_from(",;\t|"))
def test_what_a_csv_writer_wrote_is_read_back(rows: list[tuple[str, str]], delimiter: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("first", "second"), *rows])
    table = read_delimited(Path("t.csv"), out.getvalue().encode())
    assert [tuple(row.values.values()) for row in table.rows] == rows
    assert not table.bad


ROLES = (
    Role("question", ("question", "prompt")),
    Role("choices", ("choices", "choice*", "A|B")),
    Role("answer", ("answer",), needed=False),
)


def test_columns_are_found_by_their_usual_names_or_as_the_user_says(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"

    def mapped(header: str, asked: str = "") -> dict[str, tuple[str, ...]]:
        path.write_text(f"{header}\n{','.join('x' * len(header.split(',')))}\n")
        return map_columns(read_table(str(path)), asked, ROLES)

    assert mapped("prompt,choices,answer") == {
        "question": ("prompt",),
        "choices": ("choices",),
        "answer": ("answer",),
    }
    assert mapped("question,choice1,choice0,choice_count")["choices"] == ("choice1", "choice0")
    assert mapped("question,A,B")["choices"] == ("A", "B")
    assert mapped("q,x,y,answer", "question=q,choices=x|y,answer=") == {"question": ("q",), "choices": ("x", "y")}
    for header, asked, message in (
        ("q,choices", "", "no column for 'question'; name it: --columns question=COLUMN; it has: q, choices"),
        ("q,choices", "question=Q", "has no column 'Q' .question.; it has: q, choices"),
        ("q,choices", "question=q,choices=a|b", "has no column 'a|b'".replace("|", r"\|")),
        ("q,choices", "questions=q", "must be ROLE=COLUMN with a role of question, choices, answer"),
        ("q,choices", "question=q,question=q", "'question' is given twice"),
    ):
        with pytest.raises(TaskError, match=message):
            mapped(header, asked)


def test_a_table_of_which_no_row_can_be_used_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1\n2\n3\n4\n")
    table = read_table(str(path))
    with pytest.raises(TaskError, match=r"no row can be used: Left out, 1 fields .*: .*:2, .*:3, .*:4 and 1 more"):
        count_bad(str(path), table.bad, len(table.rows))
