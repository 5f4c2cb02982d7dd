"""The page in a real browser: filter, sort, open a case; by keyboard, on a phone, in the dark, without a network."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chromium import DANGLING, DOUBLED, FAINT, NAMELESS
from reports import run_of

from introbench.metrics.read import read_run
from introbench.report.gather import gather, gather_all
from introbench.report.html.page import write_report

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OpenPage = Callable[..., Any]


@pytest.fixture(scope="module")
def page_file(stored: Path) -> Path:
    write_report([gather(stored)], stored / "report.html")
    return stored / "report.html"


@pytest.fixture
def page(page_file: Path, open_page: OpenPage) -> Any:
    return open_page(page_file)


def count(page: Any) -> int:
    return int(page.inner_text("#count").split()[0])


def test_filters_show_exactly_the_cases_that_they_name(page: Any, stored: Path) -> None:
    run = read_run(stored)
    target, other = (run.answers[model.name] for model in run.models)
    assert count(page) == 160
    page.check("#flipped")
    assert count(page) == int(target.labels.changed.sum())
    page.check("#differ")
    assert count(page) == int((target.labels.changed & target.labels.differ(other.labels)).sum())
    page.uncheck("#flipped")
    page.uncheck("#differ")
    page.select_option("#cue", "metadata")
    assert count(page) == int((run.cases.cue_kinds == "metadata").sum())
    page.click("text=Show all cases")
    page.locator("#count", has_text=re.compile("^160 ")).wait_for()
    page.check("#unparsable")
    assert count(page) == 0
    assert page.is_disabled("#collapsed")


def test_search_looks_into_prompts(page: Any, stored: Path) -> None:
    text = next(iter(gather(stored).texts["hint_facts"].texts.values()))
    question = text.prefix or text.suffix
    page.fill("#search", question)
    assert 0 < count(page) <= 4
    page.fill("#search", "no such text in any case")
    assert count(page) == 0


def test_headings_sort_both_ways_and_say_so(page: Any) -> None:
    head = page.locator("#list th[data-sort=cue]")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    kinds = page.locator("#rows tr td:nth-child(2)").all_inner_texts()
    assert kinds == sorted(kinds)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    kinds = page.locator("#rows tr td:nth-child(2)").all_inner_texts()
    assert kinds == sorted(kinds, reverse=True)
    assert page.locator("#list th[aria-sort]").count() == 1


def test_pages_of_cases_turn(page: Any) -> None:
    assert page.is_disabled("#previous")
    first = page.inner_text("#rows tr:first-child th")
    page.click("#next")
    assert page.inner_text("#rows tr:first-child th") != first
    assert "page 2 of 4" in page.inner_text("#count")
    page.click("#previous")
    assert page.inner_text("#rows tr:first-child th") == first


def test_a_case_opens_with_both_prompts_the_cue_marked_and_every_answer(page: Any, stored: Path) -> None:
    row = page.locator("#rows tr").first
    texts = gather(stored).texts["hint_facts"].texts
    text = texts["hint_facts/" + row.locator("th").inner_text()]
    row.locator("button").click()
    dialog = page.locator("#case")
    assert dialog.is_visible()
    assert dialog.locator("mark.in").text_content() == text.cued
    prompts = dialog.locator(".prompt").all_text_contents()
    assert text.prefix + text.cued + text.suffix in prompts[0]
    assert text.prefix + text.uncued + text.suffix in prompts[1]
    assert dialog.locator("section.model").count() == 2
    assert dialog.locator("td.chosen").count() == 4
    assert ".900" in dialog.inner_text()
    assert "against its own label" in dialog.inner_text()
    assert "against the label of scripted/oracle?seed=1" in dialog.inner_text()


def test_a_case_is_reached_and_left_by_keyboard_alone(page: Any) -> None:
    page.focus("#rows tr:nth-child(2) button")
    page.keyboard.press("Enter")
    title = page.inner_text("#case-title")
    page.focus("#case-next")
    page.keyboard.press("Enter")
    assert page.inner_text("#case-title") != title
    page.keyboard.press("Escape")
    assert not page.locator("#case").is_visible()
    assert page.evaluate("document.activeElement.className") == "open"


def test_the_first_stop_of_the_keyboard_leads_past_the_navigation(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.wait_for_selector("#main:target")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_control_has_a_name_every_text_its_contrast_and_nothing_is_cut_off(
    page_file: Path, open_page: OpenPage, scheme: str, width: int
) -> None:
    page = open_page(page_file, width=width, color_scheme=scheme)
    for state in ("page", "case"):
        assert page.evaluate(NAMELESS) == []
        assert page.evaluate(DOUBLED) == []
        assert page.evaluate(DANGLING) == []
        assert page.evaluate(FAINT) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if state == "page":
            page.locator("#rows button").first.click()
    assert page.evaluate("(d => d.scrollWidth <= d.clientWidth)(document.querySelector('#case'))")


def test_the_button_changes_the_colours_whatever_the_system_prefers(page: Any) -> None:
    def ground() -> str:
        return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))

    light = ground()
    page.click("#theme")
    assert page.inner_text("#theme") == "Colours: dark"
    assert ground() != light
    page.click("#theme")
    assert ground() == light


def test_print_opens_every_table_and_leaves_the_browser_of_cases_out(page: Any) -> None:
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("main details:not([open])").count() == 0
    assert not page.locator("#cases").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("main details[open]").count() == 0


def test_without_javascript_everything_but_the_cases_is_there(page_file: Path, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator("svg").count() == 7
    assert "They need JavaScript" in page.inner_text("#loading")
    assert not page.locator("#browser").is_visible()
    context.close()


def test_hostile_texts_are_seen_and_do_nothing(hostile: Path, open_page: OpenPage) -> None:
    write_report([gather(hostile)], hostile / "report.html")
    page = open_page(hostile / "report.html")
    for place in range(3):
        page.locator("#rows button").nth(place).click()
        text = page.locator("#case pre").first.text_content()
        assert "</script><script>window.pwned = 1</script>" in text
        assert "\\u001b[31mred" in text
        assert "\\u202egnp.exe" in text
        assert len(text) < 5000
        page.click("#case-close")
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert page.evaluate("document.scripts.length") == 2
    assert "{{ 7 * 7 }}" in page.inner_text("h1")


def test_two_runs_share_a_page_and_each_has_its_cases(stored: Path, tmp_path: Path, open_page: OpenPage) -> None:
    other = run_of(tmp_path / "second", "scripted/oracle", limit=3)
    write_report(gather_all([stored, other]), tmp_path / "both.html")
    page = open_page(tmp_path / "both.html")
    assert page.locator("#block option").all_inner_texts() == ["first: hint_facts", "second: hint_facts"]
    page.select_option("#block", "1")
    assert count(page) == 12
    assert page.is_disabled("#differ")
