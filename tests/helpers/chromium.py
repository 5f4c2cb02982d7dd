"""Headless Chromium, pages in it that are watched for whatever they should not do, and what makes them hard to use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["CHROMIUM", "DANGLING", "DOUBLED", "FAINT", "NAMELESS", "launched", "watched"]

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


def launched() -> Iterator[Any]:
    """A headless Chromium, driven by playwright; skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium, or name one in CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    with playwright.sync_playwright() as driver:
        # Tests run as root in containers, where Chromium has no sandbox of its own.
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


def watched(browser: Any, root: str = "") -> Iterator[Callable[..., Any]]:
    """A function that opens a page; in the end no console message, error, dialog or request may have been seen.

    Args:
        root: address below which a page may load what it wants; without one it may load nothing but itself.
    """
    complaints: list[str] = []
    contexts = []

    def open_it(
        file: Path | str, width: int = 1280, height: int = 900, ready: str = "html[data-ready]", **options: Any
    ) -> Any:
        address = file.as_uri() if isinstance(file, Path) else file
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()

        def request(each: Any) -> None:
            own = each.url.startswith(root) if root else each.url == address
            if not own and not each.url.startswith("data:"):
                complaints.append(f"request: {each.url}")

        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("request", request)
        page.goto(address)
        page.wait_for_selector(ready, state="attached")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


NAMELESS = """() => [...document.querySelectorAll("button, select, input, summary, a, meter, dialog, [role=region]")]
    .filter((node) => node.getAttribute("aria-hidden") !== "true")
    .filter((node) => !(node.textContent.trim() || (node.labels && node.labels.length)
        || node.getAttribute("aria-label") || node.getAttribute("aria-labelledby")))
    .map((node) => node.outerHTML.slice(0, 120))"""
DOUBLED = """() => { const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
    return ids.filter((id, place) => ids.indexOf(id) !== place); }"""
DANGLING = """() => [...document.querySelectorAll("[aria-labelledby]")]
    .flatMap((node) => node.getAttribute("aria-labelledby").split(" "))
    .filter((id) => !document.getElementById(id))"""
FAINT = """() => {
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (node) => { for (; node; node = node.parentElement) {
    const c = parse(getComputedStyle(node).backgroundColor); if (c[3] > 0) return c; } return [255, 255, 255, 1]; };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    if (!node.checkVisibility() || node.closest("svg")) continue;
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(node.outerHTML.slice(0, 120));
  }
  return found; }"""
