"""What pipelines read: JUnit, a job summary, annotations, within GitHub's limits; hostile names do nothing."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from gates import invented_result, invented_verdict

from introbench.gate.ci import ANNOTATIONS_A_KIND, SUMMARY_BYTES, render_annotations, render_junit, render_summary
from introbench.gate.text import render_text
from introbench.gate.verdict import Outcome
from introbench.gate.words import sentence

EVERY: list[Outcome] = ["ok", "regression", "inconclusive", "incomparable"]
HOSTILE = "x\n::error::forged\r%0A|<script>`\x1b[2J\u202e]]>&"


def suite(verdict: Any) -> ElementTree.Element:
    found = ElementTree.fromstring(render_junit(verdict)).find("testsuite")
    assert found is not None
    return found


@pytest.mark.parametrize("strict", [False, True])
def test_junit_counts_what_fails_and_what_is_only_a_warning(strict: bool) -> None:
    found = suite(invented_verdict([invented_result(verdict) for verdict in EVERY], strict=strict))
    assert found.get("tests") == "4"
    assert found.get("failures") == ("2" if strict else "1")
    assert found.get("errors") == "1"
    assert found.get("skipped") == ("0" if strict else "1")
    assert len(found.findall("testcase")) == 4


def test_junit_of_what_cannot_be_compared_at_all_is_an_error_and_not_an_empty_suite() -> None:
    found = suite(invented_verdict([], reasons=["other classes"]))
    assert (found.get("tests"), found.get("errors")) == ("1", "1")


def test_the_summary_has_a_row_per_gate_and_ends_with_its_error_rate() -> None:
    page = render_summary(invented_verdict([invented_result(verdict) for verdict in EVERY]))
    assert page.startswith("## ❌ introbench gate: REGRESSION")
    assert page.count("\n| ") == 5
    assert "chance of at most 0.05" in page


def test_a_summary_is_cut_at_a_row_below_a_mebibyte_and_says_so() -> None:
    gates = [invented_result("regression", task=f"task-{number}-{'x' * 400}") for number in range(4000)]
    page = render_summary(invented_verdict(gates))
    assert len(page.encode()) <= SUMMARY_BYTES
    assert "more lines; --json has them all" in page
    assert page.endswith("0.05.\n")


def test_annotations_are_at_most_ten_of_a_kind_and_the_last_one_counts_the_rest() -> None:
    gates = [invented_result("regression", task=f"t{number}") for number in range(25)]
    gates += [invented_result("inconclusive", task=f"t{number}") for number in range(25, 30)]
    lines = render_annotations(invented_verdict(gates)).splitlines()
    errors = [line for line in lines if line.startswith("::error ")]
    assert len(errors) == ANNOTATIONS_A_KIND
    assert "16 more of this kind" in errors[-1]
    assert sum(line.startswith("::warning ") for line in lines) == 5


def test_changed_thresholds_are_annotated() -> None:
    lines = render_annotations(invented_verdict([invented_result("ok")], notes=["threshold changed: margin"]))
    assert lines == "::notice title=introbench gate::threshold changed: margin\n"


def test_hostile_names_forge_no_command_no_markup_and_no_test() -> None:
    gates = [invented_result("regression", task=HOSTILE), invented_result("incomparable", detail=HOSTILE)]
    verdict = invented_verdict(gates, notes=[HOSTILE], reasons=[HOSTILE])
    for line in render_annotations(verdict).splitlines():
        assert line.startswith("::error title=introbench gate")
        assert "\x1b" not in line
    page = render_summary(verdict)
    assert "<script>" not in page.replace(r"\<script\>", "")
    assert all(line.startswith(("|", "-", "#", "baseline", "In points")) for line in page.splitlines() if line)
    assert page.count("\n| ❌") == 1
    assert len(suite(verdict).findall("testcase")) == 2
    for text in (page, render_text(verdict), render_junit(verdict).decode()):
        assert not any(sign in text for sign in ("\x1b", "\u202e"))


@pytest.mark.parametrize("verdict", EVERY)
def test_a_page_of_80_columns_says_what_every_gate_that_is_not_ok_means(verdict: Outcome) -> None:
    result = invented_result(verdict)
    page = render_text(invented_verdict([result], notes=["a note"]))
    assert max(map(len, page.splitlines())) <= 80
    if verdict != "ok":
        assert " ".join(sentence(result).split()) in " ".join(page.split())
    assert "note: a note" in page
