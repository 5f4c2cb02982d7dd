"""The whole way of a submission: sent with curl and with `introbench submit`, then found and read in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from board_server import BoardServer, until
from bundles import run_for_board
from chromium import watched
from reports import introbench

from introbench_leaderboard.prepare import Prepared
from introbench_leaderboard.send import ROUTE

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, scripted_run: Path, sound: Prepared) -> Iterator[BoardServer]:
    """A server that got one model with curl and another one with `introbench submit`, both of which it shows."""
    folder = tmp_path_factory.mktemp("served")
    board = BoardServer(folder, None)
    board.start()
    token = board.token("acme")
    _send_with_curl(board, sound, token, folder)
    other = run_for_board(folder / "other", "me=scripted/reporter?seed=1")
    submit = ("--name", "acme/other", "--relation", "maker", "--to", board.url, "--token", token)
    sent = introbench("submit", other, *submit)
    assert sent.returncode == 0, sent.stderr
    assert [each["state"] for each in board.decided(token)] == ["accepted"] * 2
    until(lambda: "acme,other" in httpx2.get(board.url + "/data/board.csv").text)
    yield board
    board.stop()


def _send_with_curl(board: BoardServer, sound: Prepared, token: str, folder: Path) -> None:
    if not (curl := shutil.which("curl")):
        pytest.skip("needs curl: apt-get install curl")
    file = folder / "bundle.tar.gz"
    file.write_bytes(sound.data)
    headers = ("-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/gzip")
    command = [curl, "-sS", "--fail-with-body", *headers, "--data-binary", f"@{file}", board.url + ROUTE]
    sent = subprocess.run(command, capture_output=True, text=True, check=False)
    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert json.loads(sent.stdout)["state"] == "received"


def names(page: Any) -> list[str]:
    return list(page.locator("#ranking tbody th[scope=row] a").all_inner_texts())


def test_what_was_sent_is_found_filtered_opened_compared_and_reached_by_its_address(
    served: BoardServer, browser: Any
) -> None:
    opened = watched(browser, served.url)
    open_page = next(opened)
    page = open_page(f"{served.url}/#board=hint_facts+c1")
    assert sorted(names(page)) == ["acme/model", "acme/other"]
    page.select_option("#relation", "maker")
    assert names(page) == ["acme/other"]
    permalink = page.url

    page.locator("#ranking input[type=checkbox]").first.check()
    page.click("#compare")
    page.wait_for_selector("html[data-ready] #rows button")
    page.locator("#rows button").first.click()
    page.wait_for_selector("#case[data-filled]")
    assert page.locator("#case section.model").count() == 1
    assert page.locator("#case mark.in").count() <= 1 and page.inner_text("#case-body").strip()

    page.goto(f"{served.url}/#board=hint_facts+c1")
    page.reload()
    page.wait_for_selector("html[data-ready] #ranking tbody")
    for box in page.locator("#ranking input[type=checkbox]").all():
        box.check()
    page.click("#compare")
    page.wait_for_selector("html[data-ready] #rows button")
    assert re.search(r"\d+ gained, \d+ lost", page.inner_text("#standing"))
    page.locator("#rows button").first.click()
    page.wait_for_selector("#case[data-filled]")
    shown = page.inner_text("#case-body")
    assert page.locator("#case section.model").count() == 2

    case = open_page(page.url)
    case.wait_for_selector("#case[data-filled]")
    assert case.inner_text("#case-body") == shown
    assert names(open_page(permalink)) == ["acme/other"]
    assert list(opened) == []
