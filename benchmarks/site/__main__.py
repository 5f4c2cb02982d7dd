"""How long the site of 1,000 submissions on six boards takes to build, to paint and to sort.

usage: python -m benchmarks.site [--json FILE] [--count N]

The store is made of runs of scripted models on six tasks, recomputed by the board and placed under N names.
The site is opened from disk in headless Chromium, without a cache.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.machine import load_average, provenance
from benchmarks.site.measure import measure_page
from benchmarks.site.stores import large_store
from introbench_leaderboard.site.build import build_site

DISTINCT = 12
"""Different runs in the store."""


def measure(folder: Path, count: int, chromium: str) -> dict[str, Any]:
    """Seconds of building, bytes, and milliseconds in the browser."""
    large_store(folder / "store", folder / "runs", count, DISTINCT)
    load = load_average()
    started, processor = time.perf_counter(), time.process_time()
    report = build_site(folder / "store", folder / "site")
    built, worked = time.perf_counter() - started, time.process_time() - processor
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = measure_page(browser, folder / "site")
        version = browser.version
        browser.close()
    return {
        "submissions": report.entries,
        "boards": report.boards,
        "different_runs": DISTINCT,
        "build_seconds": round(built, 1),
        "build_processor_seconds": round(worked, 1),
        "pages": report.pages,
        "site_bytes": report.bytes,
        "table_bytes": (folder / "site" / "data" / "board.js").stat().st_size,
        "case_files": report.shards,
        "largest_case_file_bytes": report.largest_shard,
        "chromium": version,
        **page,
        "load_average_before": load,
    }


def main() -> None:
    """Measure and print; with --json write the measurement with where and of what it was taken."""
    parser = argparse.ArgumentParser(description="Time the site of a large leaderboard.")
    parser.add_argument("--json", type=Path, help="file to write")
    parser.add_argument("--count", type=int, default=1000, help="submissions")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="the browser")
    arguments = parser.parse_args()
    if arguments.chromium is None:
        parser.error("there is no chromium; name a browser with --chromium")
    with tempfile.TemporaryDirectory() as folder:
        costs = measure(Path(folder), arguments.count, arguments.chromium)
    found = {
        **provenance("benchmarks.site", sys.argv[1:]),
        "result": costs,
    }
    text = json.dumps(found, indent=1) + "\n"
    print(text, end="")
    if arguments.json:
        arguments.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
