"""Tables hold every number of the summary, whichever models it is made of."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from reports import HOSTILE

from introbench.metrics import Summary
from introbench.metrics.intervals import Estimate, not_estimable
from introbench.metrics.summary import summarise
from introbench.report.files import as_csv, as_markdown
from introbench.report.tables import Row, Table, headline_table, shown, tables_of


@pytest.fixture(scope="module")
def summary(stored: Path) -> Summary:
    return summarise(stored)


def estimates(part: object) -> Iterator[Estimate]:
    if isinstance(part, Estimate):
        yield part
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from estimates(getattr(part, name))
    elif isinstance(part, list | tuple):
        for entry in part:
            yield from estimates(entry)


def test_every_estimate_of_the_summary_stands_in_a_table(summary: Summary) -> None:
    in_tables = [id(cell) for table in tables_of(summary) for row in table.rows for cell in row.cells]
    missing = [estimate for estimate in estimates(summary) if id(estimate) not in in_tables]
    assert missing == []


def test_every_table_is_rectangular_and_has_a_file_of_its_own(summary: Summary) -> None:
    tables = [headline_table(summary), *tables_of(summary)]
    assert len({table.name for table in tables}) == len(tables)
    for table in tables:
        assert table.caption
        assert {len(row.cells) for row in table.rows} == {len(table.headings)}


def test_csv_has_the_numbers_themselves_and_three_columns_for_an_estimate(summary: Summary) -> None:
    table = next(table for table in tables_of(summary) if table.name == "task-0-model-0")
    rows = list(csv.DictReader(io.StringIO(as_csv(table))))
    found = next(row for row in rows if row["quantity"] == "exact match" and row["group"] == "self scores")
    estimate = summary.tasks[0].emitters[0].self_scores.exact_match
    assert (float(found["value"]), float(found["value low"]), float(found["value high"])) == (
        estimate.value,
        estimate.low,
        estimate.high,
    )
    assert (int(found["n"]), int(found["clusters"])) == (estimate.n, estimate.clusters)


def test_what_cannot_be_estimated_is_no_zero() -> None:
    nothing = not_estimable("no cases")
    assert shown(nothing) == "– no cases"
    table = Table("t", "t", ("", "value"), (Row(("a", nothing)),), "")
    assert as_csv(table).splitlines()[1] == "a,,,"


@pytest.mark.parametrize("text", ["=1+1", "@cmd", "+1", "-1", "\x1b[2J", HOSTILE])
def test_a_text_in_a_table_file_is_neither_run_nor_obeyed(text: str) -> None:
    table = Table("t", text, ("", "value"), (Row((text, 1.0), group=text),), "")
    (cell, _, _), *_ = list(csv.reader(io.StringIO(as_csv(table))))[1:]
    assert cell[0] not in "=@+-\x1b"
    markdown = as_markdown(table)
    assert "\x1b" not in markdown
    assert "<script" not in markdown
    row = markdown.splitlines()[-1].replace("\\|", "")
    assert row.count("|") == 4
