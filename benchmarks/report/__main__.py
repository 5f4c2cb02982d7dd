"""How long `introbench report` takes for 20,000 cases and more, and how large its page is.

usage: python -m benchmarks.report [--json FILE]

Two scripted models answer every test item of hint_facts, read by text, by letter and after solved examples; the report
is written by the command in a process of its own, from the stored files.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.command import measured
from benchmarks.machine import load_average, provenance
from introbench.metrics.summary import dump, summarise
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute

TASKS = ["hint_facts", "hint_facts?behaviour=letter", "hint_facts?k=2", "hint_facts?k=4"]


def measure(folder: Path) -> dict[str, Any]:
    """Make the run, then time the report. Seconds, bytes, MiB of the largest resident set."""
    config, variants = resolve_config("scripted/oracle", ["scripted/liar?seed=1"], TASKS, aa_share=0)
    run = execute(config, variants, folder / "run")
    started = time.perf_counter()
    (run / "summary.json").write_bytes(dump(summarise(run)))
    scored = time.perf_counter() - started
    load = load_average()
    cost = measured("report", str(run))
    return {
        "cases": (run / "cases.jsonl").read_bytes().count(b"\n"),
        "models": len(config.models),
        "report_seconds": cost.seconds,
        "report_processor_seconds": cost.processor_seconds,
        "score_seconds": round(scored, 2),
        "report_bytes": (run / "report.html").stat().st_size,
        "report_peak_mib": round(cost.peak_bytes / (1 << 20)),
        "load_average_before": load,
    }


def main() -> None:
    """Measure and print; with --json write the measurement with where and of what it was taken."""
    parser = argparse.ArgumentParser(description="Time the report of a large run.")
    parser.add_argument("--json", type=Path, help="file to write")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        costs = measure(Path(folder))
    found = {
        **provenance("benchmarks.report", sys.argv[1:]),
        "result": costs,
    }
    text = json.dumps(found, indent=1) + "\n"
    print(text, end="")
    if arguments.json:
        arguments.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
