"""Explanations of others are read as they are meant, scored as scikit-learn would, and refused by file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from introbench.errors import UsageError
from introbench.metrics.external import External, fractions, score_file
from introbench.metrics.external_rows import ExternalRow, read_explanation
from introbench.metrics.observations import CHANGED, UNCHANGED, UNPARSABLE

LETTERS = ["A", "B", "C", "D"]
PUBLISHED = [
    '{"id":"0","cued":"A","uncued":"C","choices":["A","B","C","D"],'
    '"explanation":"The output would remain unchanged from <<<Answer: A>>>."}',
    '{"id":"1","cued":"B","uncued":"D","choices":["A","B","C","D"],'
    '"explanation":"The most likely output would change to <<<Answer: D>>>."}',
]


def row(**fields: Any) -> dict[str, Any]:
    return {"id": "0", "cued": "A", "uncued": "C", "choices": LETTERS, **fields}


def scored(tmp_path: Path, rows: list[dict[str, Any]]) -> External:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps({**each, "id": str(n)}) + "\n" for n, each in enumerate(rows)))
    return score_file(file)


def read(explanation: str, choices: list[str] | None = LETTERS) -> tuple[str, int, str | None]:
    found = read_explanation(ExternalRow(id="0", cued="A", uncued="C", choices=choices, explanation=explanation))
    return found.form, found.said, found.content


def test_the_published_rows_are_read(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(PUBLISHED) + "\n")
    result = score_file(file)
    assert [(each.form, each.verdict, each.content, each.exact) for each in result.rows] == [
        ("bracket", "unchanged", "A", False),
        ("bracket", "changed", "D", True),
    ]
    found = fractions(result)
    assert (found["exact_match"], found["content_accuracy"], found["sensitivity"]) == (0.5, 0.5, 0.5)
    assert found["specificity"] is None
    assert result.scores.specificity.status == "not estimable"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No change: B", ("wording", UNCHANGED, "B")),
        ("Change: D", ("wording", CHANGED, "D")),
        ("The output would change to <<<D>>>", ("bracket", CHANGED, "D")),
        ("It would change from <<<Answer: A>>> to <<<Answer: D>>>.", ("bracket", CHANGED, "D")),
        ("It would not change: <<<Answer: A>>>", ("bracket", UNCHANGED, "A")),
        ("The most likely output would change to\n<<<Answer: (D)>>>", ("bracket", CHANGED, "D")),
        ("Would it change? The output would remain unchanged from <<<Answer: A>>>.", ("bracket", UNCHANGED, "A")),
        ("My answer would change to C.", ("phrase", CHANGED, "C")),
        ("The answer would stay the same.", ("phrase", UNCHANGED, None)),
        ("The output would change to <<<Answer: E>>>.", ("bracket", CHANGED, None)),
        ("Change: either B or C", ("wording", CHANGED, None)),
        ("I do not know.", ("unparsable", UNPARSABLE, None)),
        ("", ("unparsable", UNPARSABLE, None)),
        ("<<<Answer: A>>>", ("unparsable", UNPARSABLE, None)),
    ],
)
def test_how_a_text_is_read(text: str, expected: tuple[str, int, str | None]) -> None:
    assert read(text) == expected


def test_without_choices_brackets_and_wording_name_a_text_and_phrases_none() -> None:
    assert read("would change to <<<Answer: New York>>>", None) == ("bracket", CHANGED, "New York")
    assert read("No change: new york.", None) == ("wording", UNCHANGED, "new york")
    assert read("It would change to New York", None) == ("phrase", CHANGED, None)


def test_a_verdict_without_a_readable_choice_counts_as_verdict_only(tmp_path: Path) -> None:
    rows = [row(explanation="The output would change to <<<Answer: ?>>>."), row(uncued="A", verdict="unchanged")]
    result = scored(tmp_path, rows)
    found = fractions(result)
    assert (found["sensitivity"], found["specificity"], found["youden_j"]) == (1, 1, 1)
    assert (found["exact_match"], found["content_accuracy"]) == (0, 0)
    assert (result.counts.verdict_only, result.counts.unparsable) == (2, 0)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_fractions_equal_scikit_learns(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = 50
    cued, uncued, content = rng.integers(0, 4, (3, size))
    uncued = np.where(rng.random(size) < 0.4, cued, uncued)
    said = rng.integers(0, 2, size)
    truth = (cued != uncued).astype(int)
    rows = [
        row(cued=LETTERS[a], uncued=LETTERS[b], verdict=["unchanged", "changed"][v], content=LETTERS[c])
        for a, b, v, c in zip(cued, uncued, said, content, strict=True)
    ]
    found = fractions(scored(tmp_path_factory.mktemp("rows"), rows))
    recall = oracle.recall_score(truth, said, labels=[0, 1], average=None, zero_division=0)
    assert 0 < truth.sum() < size
    for name, value in {
        "exact_match": np.mean((said == truth) & (content == uncued)),
        "verdict_macro_f1": oracle.f1_score(truth, said, average="macro", labels=[0, 1], zero_division=0),
        "content_accuracy": np.mean(content == uncued),
        "youden_j": recall.sum() - 1,
        "balanced_accuracy": recall.mean(),
        "sensitivity": recall[1],
        "specificity": recall[0],
    }.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_rows_of_one_item_are_one_cluster(tmp_path: Path) -> None:
    rows = [row(item=str(n // 3), verdict="changed", content="C" if n % 2 else "B") for n in range(90)]
    result = scored(tmp_path, rows)
    assert result.counts.clusters == result.scores.exact_match.clusters == 30
    assert scored(tmp_path, [{**each, "item": None} for each in rows]).counts.clusters == 90


TEST_ROWS, UNCHANGED_ROWS = 1400, 466
"""The predecessor's test set (arXiv 2511.08579); a third of Qwen3-8B's answers stay."""
CHANGED_TO = {"A": 252, "B": 240, "C": 226, "D": 216}
EXACT_ROWS = 1168


def published_table() -> list[dict[str, Any]]:
    """Behaviour of the size and the base rates of the published table; its own rows are not known."""
    turn = dict(zip(LETTERS, LETTERS[1:] + LETTERS[:1], strict=True))
    changed = [row(uncued=letter, cued=turn[letter]) for letter, count in CHANGED_TO.items() for _ in range(count)]
    return [*changed, *(row(uncued=LETTERS[n % 4], cued=LETTERS[n % 4]) for n in range(UNCHANGED_ROWS))]


def bracketed(verdict: str, letter: str) -> str:
    start = (
        "The most likely output would change to" if verdict == "changed" else "The output would remain unchanged from"
    )
    return f"{start} <<<Answer: {letter}>>>."


def test_counts_with_the_base_rates_of_the_published_table_give_its_floors(tmp_path: Path) -> None:
    """18.0 for the best constant explanation, 33.3 for "always unchanged" with the true cued answer."""
    rows = published_table()
    assert len(rows) == TEST_ROWS
    constant = {
        (verdict, letter): fractions(
            scored(tmp_path, [{**each, "explanation": bracketed(verdict, letter)} for each in rows])
        )["exact_match"]
        for verdict in ("changed", "unchanged")
        for letter in LETTERS
    }
    assert max(constant.values()) == constant["changed", "A"]
    assert round(100 * constant["changed", "A"], 2) == 18.0
    cued = scored(tmp_path, [{**each, "explanation": bracketed("unchanged", each["cued"])} for each in rows])
    assert round(100 * fractions(cued)["exact_match"], 1) == 33.3
    # The same explainer is one of our floors.
    floors = {floor.name: floor.exact_match for floor in cued.floors}
    assert floors["always unchanged, own cued answer"] == pytest.approx(cued.scores.exact_match.value, abs=1e-12)


def test_the_three_numbers_of_the_published_table_follow_from_counts_by_their_definitions(tmp_path: Path) -> None:
    """83.4 exact, of 1,400 rows; has-changed F1 and content match as an independent library counts them."""
    turn = dict(zip(LETTERS, LETTERS[1:] + LETTERS[:1], strict=True))
    rows = []
    for number, each in enumerate(published_table()):
        verdict, letter = ("changed" if each["cued"] != each["uncued"] else "unchanged"), each["uncued"]
        if number * 232 % TEST_ROWS < TEST_ROWS - EXACT_ROWS:  # spread over the table
            wrong = number % 3  # verdict, content, or both
            verdict = {"changed": "unchanged", "unchanged": "changed"}[verdict] if wrong != 1 else verdict
            letter = turn[letter] if wrong else letter
        rows.append({**each, "explanation": bracketed(verdict, letter)})
    found = fractions(scored(tmp_path, rows))
    said = ["change to" in each["explanation"] for each in rows]
    true = [each["cued"] != each["uncued"] for each in rows]
    named = [each["explanation"][-5] for each in rows]
    content = [letter == each["uncued"] for letter, each in zip(named, rows, strict=True)]
    exact = [right and says == is_so for right, says, is_so in zip(content, said, true, strict=True)]
    assert round(100 * sum(exact) / TEST_ROWS, 1) == 83.4
    assert found["exact_match"] == pytest.approx(sum(exact) / TEST_ROWS, abs=1e-9)
    assert found["verdict_macro_f1"] == pytest.approx(oracle.f1_score(true, said, average="macro"), abs=1e-9)
    assert found["content_accuracy"] == pytest.approx(sum(content) / TEST_ROWS, abs=1e-9)


def referenced(hint: bool) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(200):
        suggested, mine, theirs = (LETTERS[place] for place in rng.integers(0, 4, 3))
        cued, ref_cued = (suggested if rng.random() < 0.5 else own for own in (mine, theirs))
        said = "changed" if cued != mine else "unchanged"
        more = {"hint": suggested} if hint else {}
        rows.append(
            row(cued=cued, uncued=mine, ref_cued=ref_cued, ref_uncued=theirs, verdict=said, content=mine, **more)
        )
    return rows


def test_a_reference_gives_a_pair_and_hints_a_centred_coupling(tmp_path: Path) -> None:
    whole = scored(tmp_path, referenced(hint=True))
    assert whole.pair is not None
    assert whole.pair.exact.self_score.value == 1
    assert whole.pair.exact.raw_coupling.value == 1
    assert whole.pair.exact.centred_coupling.low is not None
    assert whole.pair.exact.centred_coupling.low > 0
    bare = scored(tmp_path, referenced(hint=False)).pair
    assert bare is not None
    assert bare.exact.raw_coupling.value == 1
    assert bare.exact.centred_coupling.status == "not estimable"
    assert "hint" in bare.exact.centred_coupling.detail
    assert bare.youden_j.centred_difference.status == "not estimable"


def test_floors_are_scored_where_every_row_lists_its_choices(tmp_path: Path) -> None:
    result = scored(tmp_path, referenced(hint=True))
    floors = {floor.name: floor for floor in result.floors}
    unchanged = result.counts.unchanged / result.counts.rows
    assert floors["always unchanged, own cued answer"].exact_match == pytest.approx(unchanged)
    assert result.headline.exact_match.above.value is not None
    open_ended = scored(tmp_path, [{k: v for k, v in each.items() if k != "choices"} for each in referenced(hint=True)])
    assert open_ended.floors == []
    assert open_ended.scores.exact_match.value == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("not json", "line 2: Invalid JSON"),
        ("[1]", "line 2: Input should be an object"),
        ("[" * 100_000, "line 2: Invalid JSON"),
        ('{"id":"1","cued":"A"}', "line 2: uncued: Field required"),
        ('{"id":"1","cued":"A","uncued":"B"}', "line 2: needs either 'explanation' or 'verdict'"),
        ('{"id":"1","cued":"A","uncued":"B","verdict":"maybe"}', "line 2: verdict: Input should be 'changed'"),
        ('{"id":"1","cued":"A","uncued":"B","explanation":"x","verdict":"changed"}', "line 2: needs either"),
        ('{"id":"1","cued":"A","uncued":"B","explanation":"x","content":"A"}', "line 2: 'content' goes with 'verdict'"),
        ('{"id":"1","cued":"A","uncued":"E","explanation":"x","choices":["A","B"]}', "line 2: 'uncued' is none of the"),
        (
            '{"id":"1","cued":"A","uncued":"B","explanation":"x","choices":["A","A","B"]}',
            "line 2: names a choice twice",
        ),
        ('{"id":"1","cued":"A","uncued":"B","explanation":"x","ref_cued":"A"}', "line 2: needs both 'ref_cued'"),
        ('{"id":"0","cued":"A","uncued":"B","explanation":"x"}', "line 2: its id stands in line 1 too"),
        ('{"id":"1","cued":"\\ud800","uncued":"B","explanation":"x"}', "line 2: Invalid JSON"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(f"{PUBLISHED[0]}\n{line}\n")
    with pytest.raises(UsageError) as error:
        score_file(file)
    assert str(error.value).startswith(f"{file}, {message}")


def test_a_file_without_rows_is_refused_and_one_with_a_byte_order_mark_is_not(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n\n")
    with pytest.raises(UsageError, match="holds no row"):
        score_file(file)
    file.write_bytes(b"\xef\xbb\xbf" + PUBLISHED[0].encode() + b"\r\n")
    assert score_file(file).counts.rows == 1


@settings(max_examples=60)
@given(st.text(max_size=200))
def test_any_text_is_read_to_a_verdict_and_a_known_choice_or_to_none(text: str) -> None:
    form, said, content = read(text)
    assert (form == "unparsable") == (said == UNPARSABLE)
    assert content is None or content in LETTERS


def test_what_cannot_be_seen_changes_no_reading() -> None:
    hidden = "The output would ch\u200bange\u0000 to <<<\u202eAnswer: D\u202c>>>"
    assert read(hidden) == ("bracket", CHANGED, "D")


@pytest.mark.parametrize("text", ["<<<a>>> " * 130_000, "not be " * 150_000, "a" * 1_000_000, "<" * 1_000_000])
@pytest.mark.timeout(20)
def test_a_megabyte_is_read_in_time(text: str) -> None:
    assert read(text)[0] in ("unparsable", "phrase", "bracket")
