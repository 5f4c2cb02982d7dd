"""How long a browser takes to paint the table, to sort it and to open a case."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["measure_page"]

_UNTIL_PAINTED = """(act) => new Promise((resolve) => {
  const began = performance.now();
  act();
  requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
})"""
"""Milliseconds from an action to the end of the frame that shows what it did."""


def measure_page(browser: Any, site: Path, tries: int = 5) -> dict[str, Any]:
    """Milliseconds from the start of the load, every time without a cache, and of every way to change the table."""
    address = f"{(site / 'index.html').as_uri()}#board=hint_facts+c1"
    loads = [_load(browser, address) for _ in range(tries)]
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("html[data-ready]", state="attached")
    count = page.locator("#heads th[data-sort]").count()
    # Twice each: a second click turns the order round.
    sorts = [_sorted(page, n) for n in range(count) for _ in range(2)]
    searches = [_timed(page, _typed(text)) for text in ("m", "model-1", "model-17", "")]
    page.select_option("#board", "")
    wide = [_sorted(page, n) for n in range(1, 7) for _ in range(2)]
    context.close()
    return {
        "first_paint_ms": _spread([load["paint"] for load in loads]),
        "rows_ms": _spread([load["rows"] for load in loads]),
        "sort_ms": _spread(sorts),
        "sort_all_boards_ms": _spread(wide),
        "search_ms": _spread(searches),
    }


def _load(browser: Any, address: str) -> dict[str, float]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(
        "new MutationObserver(() => { if (document.documentElement && 'ready' in document.documentElement.dataset) "
        "window.rowsAt ??= performance.now(); }).observe(document, { attributes: true, subtree: true });"
    )
    page.goto(address)
    page.wait_for_function("window.rowsAt !== undefined && performance.getEntriesByType('paint').length > 1")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    rows = page.evaluate("window.rowsAt")
    context.close()
    return {"paint": paint, "rows": rows}


def _timed(page: Any, action: str) -> float:
    return float(page.evaluate(f"({_UNTIL_PAINTED})(() => {{ {action}; }})"))


def _sorted(page: Any, column: int) -> float:
    return _timed(page, f"document.querySelectorAll('#heads th[data-sort] button')[{column}].click()")


def _typed(text: str) -> str:
    return f"const box = document.getElementById('search'); box.value = '{text}'; box.dispatchEvent(new Event('input'))"


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": round(median(values), 1), "min": round(min(values), 1), "max": round(max(values), 1)}
