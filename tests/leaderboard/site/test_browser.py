"""The site in a real browser, from disk: sort, filter, compare, open a case; by keyboard, on a phone, in the dark."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from chromium import DANGLING, DOUBLED, FAINT, NAMELESS, watched
from loopback import Asked, Loopback, Reply

from introbench_leaderboard.entry import TIERS, read_entry, read_outcomes

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OpenPage = Callable[..., Any]
TIERS_OF_TABLE = list(reversed(TIERS))


def address(site: Path, page: str = "index.html", state: str = "") -> str:
    return (site / page).as_uri() + (f"#{state}" if state else "")


@pytest.fixture
def page(site: Path, open_page: OpenPage) -> Any:
    return open_page(address(site, state="board=hint_facts+c1"))


def count(page: Any) -> int:
    return int(page.inner_text("#count").split()[0])


def names(page: Any) -> list[str]:
    return list(page.locator("#ranking tbody th[scope=row] a").all_inner_texts())


def tiers(page: Any) -> list[str]:
    return [text.split("\n")[0] for text in page.locator("#ranking th[scope=rowgroup]").all_inner_texts()]


def test_the_more_trusted_tiers_stand_first_whatever_the_order(page: Any) -> None:
    assert tiers(page) == TIERS_OF_TABLE
    heads = page.locator("#heads th[data-sort] button")
    for place in range(heads.count()):
        for _ in range(2):
            heads.nth(place).click()
            assert tiers(page) == TIERS_OF_TABLE, heads.nth(place).inner_text()
    assert page.locator("#ranking tbody").nth(2).locator("a").filter(has_text="acme/best").count() == 1


def test_headings_sort_within_tiers_both_ways_and_say_so(page: Any) -> None:
    head = page.locator("#heads th[data-sort=above]")
    assert head.get_attribute("aria-sort") == "descending"
    falling = [page.locator("#ranking tbody").nth(place).locator(".figure").all_inner_texts() for place in range(3)]
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert page.locator("#heads th[aria-sort]").count() == 1
    rising = [page.locator("#ranking tbody").nth(place).locator(".figure").all_inner_texts() for place in range(3)]

    def values(texts: list[str]) -> list[float]:
        return [float(text.rstrip("*").replace("−", "-")) for text in texts]

    for one, other in zip(falling, rising, strict=True):
        assert values(one) == sorted(values(one), reverse=True)
        assert values(other) == sorted(values(other))
    assert page.evaluate("document.activeElement.textContent") == "J above its floor"


def test_filters_show_exactly_the_submissions_that_they_name(page: Any, site: Path) -> None:
    rows = [row for row in json.loads((site / "data/board.json").read_text("utf-8")) if row["board"] == "hint_facts c1"]
    assert count(page) == len(rows) == 8

    def holds(control: str, value: str, wanted: Callable[[dict[str, Any]], bool]) -> None:
        page.select_option(f"#{control}", value)
        assert sorted(names(page)) == sorted(f"{row['organisation']}/{row['model']}" for row in rows if wanted(row))
        page.select_option(f"#{control}", "")

    holds("tier", "spot-checked", lambda row: row["tier"] != "recomputed")
    holds("tier", "reproduced", lambda row: row["tier"] == "reproduced")
    holds("trained", "true", lambda row: row["trained on labels"] is True)
    holds("trained", "null", lambda row: row["trained on labels"] is None)
    holds("relation", "independent", lambda row: row["relation"] == "independent")
    holds("weights", "false", lambda row: row["open weights"] is False)
    holds("size", "small", lambda row: row["parameters"] is not None and row["parameters"] < 1e9)
    holds("size", "unknown", lambda row: row["parameters"] is None)
    page.select_option("#tier", "reproduced")
    page.fill("#search", "CHECKED")
    assert count(page) == 0
    page.click("text=Show all submissions")
    assert count(page) == 8
    page.fill("#search", "acme/che")
    assert names(page) == ["acme/checked"] * 3


def test_the_address_holds_what_is_shown(page: Any, open_page: OpenPage) -> None:
    page.select_option("#tier", "spot-checked")
    page.fill("#search", "checked")
    page.locator("#heads th[data-sort=model] button").click()
    page.locator("#ranking input[type=checkbox]").first.check()
    shown = page.inner_text("#ranking")
    other = open_page(page.url)
    assert other.inner_text("#ranking") == shown
    assert other.input_value("#search") == "checked"
    assert other.locator("#heads th[data-sort=model]").get_attribute("aria-sort") == "ascending"
    assert other.locator("#ranking input[type=checkbox]").first.is_checked()
    assert other.inner_text("#compare") == "See the cases of the chosen run"


@pytest.mark.parametrize(
    "state",
    [
        "board=nothing",
        "board=hint_facts+c1&sort=constructor&page=-5",
        "tier=x&size=%3Cimg%3E&runs=a,b,c",
        "page=1e9&rising=2",
    ],
)
def test_an_address_that_means_nothing_shows_the_table(site: Path, open_page: OpenPage, state: str) -> None:
    assert count(open_page(address(site, state=state))) == 8


def test_all_boards_stand_side_by_side(page: Any) -> None:
    page.select_option("#board", "")
    heads = page.locator("#heads th").all_inner_texts()
    assert {"hint_facts c1", "hint_facts?behaviour=letter c1"} <= set(heads)
    page.locator("#heads th[data-sort='above.hint_facts c1'] button").click()
    assert tiers(page) == TIERS_OF_TABLE


def test_runs_are_compared_case_by_case_with_flipped_cases_first(page: Any, store: Path) -> None:
    chosen = page.locator("#ranking tbody").nth(1).locator("input[type=checkbox]")
    for place in range(2):
        chosen.nth(place).check()
    assert page.inner_text("#compare") == "Compare the 2 chosen runs case by case"
    page.click("#compare")
    page.wait_for_selector("html[data-ready] #standing table")
    wanted = []
    for name in ("step3/run3", "step2/run2"):
        folder = store / "submissions" / "acme__checked" / name
        outcomes = read_outcomes(folder, next(e for e in read_entry(folder).tasks if e.board.task == "hint_facts"))
        places = range(len(outcomes.cases))
        wanted.append({outcomes.cases[n]: outcomes.exact(n) for n in places if outcomes.scored(n)})
    flipped = {case for case in wanted[0] if wanted[0][case] != wanted[1][case]}
    assert flipped
    gained = sum(wanted[1][case] for case in flipped)
    assert f"{gained} gained, {len(flipped) - gained} lost" in page.inner_text("#standing")
    page.select_option("#which", "flipped")
    assert count(page) == len(flipped)
    page.select_option("#which", "")
    first = page.locator("#rows tr").first.inner_text()
    assert "flipped" in first
    assert page.locator("#rows button").first.inner_text() in flipped


def test_no_more_than_four_are_compared(page: Any, site: Path, open_page: OpenPage) -> None:
    boxes = page.locator("#ranking input[type=checkbox]")
    for place in range(4):
        boxes.nth(place).check()
    assert boxes.nth(4).is_disabled()
    boxes.nth(0).uncheck()
    assert not boxes.nth(4).is_disabled()
    five = ",".join(row["id"] for row in page.evaluate("board.load('board')")["runs"][:5])
    other = open_page(address(site, "cases.html", f"runs={five}"))
    assert "At most four" in other.inner_text("#loading")


def test_a_case_opens_with_prompts_and_answers_and_has_an_address(site: Path, open_page: OpenPage) -> None:
    state = "runs=acme__checked/step3/run3,acme__checked/step2/run2&board=hint_facts+c1"
    page = open_page(address(site, "cases.html", state))
    page.locator("#rows button").nth(1).click()
    page.wait_for_selector("#case[data-filled]")
    title = page.inner_text("#case-title")
    assert page.locator("#case mark.in").count() == 1
    assert page.locator("#case section.model").count() == 2
    page.click("#case-next")
    page.click("#case-previous")
    other = open_page(page.url)
    other.wait_for_selector("#case[data-filled]")
    assert other.inner_text("#case-title") == title
    assert other.inner_text("#case-body") == page.inner_text("#case-body")
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "case=" not in url)
    assert page.evaluate("document.activeElement.className") == "open"


def test_a_case_shows_the_probability_of_every_choice(site: Path, store: Path, open_page: OpenPage) -> None:
    page = open_page(address(site, "cases.html", "runs=acme__checked/step3/run3&board=hint_facts+c1"))
    page.locator("#rows button").first.click()
    page.wait_for_selector("#case[data-filled]")
    folder = store / "submissions/acme__checked/step3/run3"
    outcomes = read_outcomes(folder, next(e for e in read_entry(folder).tasks if e.board.task == "hint_facts"))
    place = outcomes.cases.index(page.inner_text("#case-title"))
    wanted = []
    for column, chosen in ((outcomes.p_uncued, outcomes.uncued), (outcomes.p_cued, outcomes.cued)):
        shown = column[place]
        assert shown and len(shown) == len(outcomes.choices[place]) and abs(sum(shown) - 1000) <= len(shown)
        assert shown[chosen[place] or 0] == max(shown)
        wanted.append(["1.00" if each == 1000 else f".{each:03}" for each in shown])
    cells = page.locator("#case section.model tbody td")
    texts = [text.replace("✓", "").strip() for text in cells.all_inner_texts()]
    assert [texts[0::2], texts[1::2]] == wanted
    assert page.locator("#case section.model meter").count() == 2 * len(outcomes.choices[place])


@pytest.mark.parametrize(
    ("state", "said"),
    [("", "Choose one to four runs"), ("runs=acme__gone/a/b", "has no run acme__gone/a/b")],
)
def test_cases_of_no_run_say_what_to_do(site: Path, open_page: OpenPage, state: str, said: str) -> None:
    assert said in open_page(address(site, "cases.html", state)).inner_text("#loading")


def test_the_table_is_used_by_keyboard_alone(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.wait_for_selector("#main:focus")
    page.focus("#heads th[data-sort=n] button")
    page.keyboard.press("Enter")
    assert page.locator("#heads th[data-sort=n]").get_attribute("aria-sort") == "descending"
    page.focus("#ranking input[type=checkbox]")
    page.keyboard.press("Space")
    page.focus("#compare")
    page.keyboard.press("Enter")
    page.wait_for_selector("html[data-ready] #rows button")
    page.focus("#rows button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#case[open]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_control_has_a_name_every_text_its_contrast_and_nothing_is_cut_off(
    site: Path, open_page: OpenPage, scheme: str, width: int
) -> None:
    runs = "runs=acme__checked/step3/run3,acme__hostile/main/run8&board=hint_facts+c1"
    case = f"{runs}&case="
    listed = open_page(address(site, "cases.html", runs), width=width, color_scheme=scheme)
    case += listed.locator("#rows button").first.inner_text()
    pages = [
        *(("index.html", state) for state in ("board=hint_facts+c1", "board=")),
        *(("cases.html", state) for state in (runs, case)),
        *(
            (page, "")
            for page in ("boards/hint_facts-c1.html", "models/acme__checked.html", "models/acme__hostile.html")
        ),
    ]
    for name, state in pages:
        ready = "html[data-ready]" if name in ("index.html", "cases.html") else "#theme:not([hidden])"
        page = open_page(address(site, name, state), width=width, color_scheme=scheme, ready=ready)
        for details in page.locator("main details").all():
            details.evaluate("node => { node.open = true; }")
        assert page.evaluate(NAMELESS) == [], name
        assert page.evaluate(DOUBLED) == [], name
        assert page.evaluate(DANGLING) == [], name
        assert page.evaluate(FAINT) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert page.locator("h1").count() == 1 and page.locator("main").count() == 1, name


def test_texts_that_attack_are_seen_and_do_nothing(site: Path, open_page: OpenPage) -> None:
    table = open_page(address(site, state="board=hint_facts+c1&search=hostile"))
    table.click("#ranking .warnings summary")
    assert "</script><script>window.pwned = 1</script>" in table.inner_text("#ranking")
    page = open_page(address(site, "models/acme__hostile.html"), ready="#theme:not([hidden])")
    assert "</script><script>window.pwned = 1</script>" in page.inner_text("ul.warning")
    for each in (table, page):
        assert each.evaluate("window.pwned") is None
        assert each.evaluate("document.querySelectorAll('img').length") == 0
        assert each.evaluate("document.scripts.length") <= 2


def test_without_javascript_the_boards_hold_the_same_numbers(site: Path, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address(site))
    assert "It needs JavaScript; the boards below do not" in page.inner_text("#loading")
    page.click("#boards a >> nth=0")
    assert page.locator("tbody th[scope=row]").count() == 8
    assert page.locator("svg.plot").count() == 1
    context.close()


def test_the_site_works_from_any_host_and_in_a_folder_of_it(site: Path, browser: Any) -> None:
    def answer(asked: Asked) -> Reply:
        file = site.parent / unquote(urlsplit(asked.path).path).lstrip("/")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return Reply(file.read_bytes(), headers={"Content-Type": kind}) if file.is_file() else Reply(status=404)

    with Loopback(answer) as server:
        opened = watched(browser, server.url)
        page = next(opened)(f"{server.url}/{site.name}/index.html#board=hint_facts+c1")
        assert count(page) == 8
        page.locator("#ranking input[type=checkbox]").first.check()
        page.click("#compare")
        page.wait_for_selector("html[data-ready] #rows button")
        assert list(opened) == []
        assert all(asked.path.startswith(f"/{site.name}/") for asked in server.asked)
