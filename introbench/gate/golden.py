"""The deterministic gate: has a change of parser, scorer or templates moved what a stored run comes to?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from introbench.errors import NotComparableError, RunDirectoryError
from introbench.files import disk_errors
from introbench.gate.baseline import Baseline, read_baseline
from introbench.gate.measures import MEASURES
from introbench.gate.outcomes import Outcomes, read_outcomes
from introbench.gate.pairing import seen_of
from introbench.metrics.difference import MAY_LACK
from introbench.metrics.read import Run, read_run
from introbench.metrics.summary import DECIMALS, dump, summarise_run
from introbench.report.prompts import rebuilt_texts
from introbench.runs.directory import RunDirectory, read_manifest

__all__ = ["Moved", "check_golden", "estimates_of"]

_COLUMNS = ("choice without the cue", "choice with it", "verdict said", "content said", "probability of changed")


@dataclass(frozen=True, slots=True)
class Moved:
    """Something that is not what it was.

    Attributes:
        what: "prompt", "case" or "estimate".
        where: id of the case, name of the task, or path of the estimate.
        detail: before and now, in words.
    """

    what: str
    where: str
    detail: str


def estimates_of(outcomes: Outcomes, run: Run) -> dict[str, float]:
    """Every estimate of the target that its cases give, by "task/estimate", rounded as results are stored."""
    found = {}
    for task in outcomes.facts.tasks:
        reference = next((model.name for model in outcomes.facts.references), None)
        seen = seen_of(outcomes, run, task.name, reference)
        for name, measure in MEASURES.items():
            if seen is None or measure.lacking(seen, referenced=reference is not None):
                continue
            value = measure.of(seen).value
            if value is not None:
                found[f"{task.name}/{name}"] = round(value, DECIMALS) + 0.0
    return found


def check_golden(run: Path, golden: Path, include_paths: Sequence[Path] = ()) -> list[Moved]:
    """What moved in a stored run since its golden was written. Writes nothing.

    Args:
        golden: a baseline file of the run, which names every case that moved, or a run directory with the summary.json
            that the run is to give again.
        include_paths: folders with the plugins of tasks that are not installed.

    Raises NotComparableError where the golden is of other answers, UsageError where a file cannot be read.
    """
    moved = list(_prompts(run, include_paths))
    if golden.is_dir():
        return [*moved, *_summaries(run, golden)]
    held = read_baseline(golden)
    outcomes, stored = read_outcomes(run, held.rolling.facts.target.name)
    if outcomes.facts.target.fingerprint != held.rolling.facts.target.fingerprint:
        raise NotComparableError(
            f"{golden}: is of other answers than {run} holds; a golden is checked against the run it was made of"
        )
    return [*moved, *_cases(held.rolling, outcomes), *_estimates(held, estimates_of(outcomes, stored))]


def _prompts(run: Path, include_paths: Sequence[Path]) -> Iterator[Moved]:
    """Prompts that the tasks as they are now would not make again."""
    directory = RunDirectory(run)
    with disk_errors(directory.cases):
        lines = directory.cases.read_bytes().split(b"\n")
    try:
        rows = [json.loads(line) for line in lines if line]
    except ValueError as error:
        raise RunDirectoryError(f"{directory.cases}: is no JSON: {error}") from error
    for task, texts in rebuilt_texts(read_manifest(run), rows, include_paths).items():
        if texts.missing:
            yield Moved("prompt", task, f"{texts.missing} cases: {texts.reason}")


def _cases(before: Outcomes, now: Outcomes) -> Iterator[Moved]:
    rows = {case: place for place, case in enumerate(now.ids.tolist())}
    for place, case in enumerate(before.ids.tolist()):
        if case not in rows:
            yield Moved("case", case, "is not in the run any more")
            continue
        here = rows.pop(case)
        if before.hashes[place] != now.hashes[here]:
            yield Moved("case", case, "asks other questions")
        sides = before.target[place], now.target[here]
        if not np.array_equal(*sides):
            pairs = zip(_COLUMNS, *(side.tolist() for side in sides), strict=True)
            yield Moved("case", case, ", ".join(f"{name} {old} → {new}" for name, old, new in pairs if old != new))
    yield from (Moved("case", case, "is new in the run") for case in rows)


def _estimates(held: Baseline, now: Mapping[str, float]) -> Iterator[Moved]:
    for name in dict.fromkeys([*held.estimates, *now]):
        before, found = held.estimates.get(name), now.get(name)
        if before != found:
            yield Moved("estimate", name, f"{_shown(before)} → {_shown(found)}")


def _summaries(run: Path, golden: Path) -> Iterator[Moved]:
    """Where the summary of a run is not the one that a directory holds."""
    file = RunDirectory(golden).summary
    with disk_errors(file):
        data = file.read_bytes()
    try:
        before: Any = json.loads(data)
    except ValueError as error:
        raise RunDirectoryError(
            f"{file}: is no JSON; run `introbench score {golden}` with the version it is of"
        ) from error
    yield from _differences("", before, json.loads(dump(summarise_run(read_run(run)))))


def _differences(path: str, before: Any, now: Any) -> Iterator[Moved]:
    if isinstance(before, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*before, *now]):
            if name in MAY_LACK and before.get(name) is None:
                continue
            yield from _differences(f"{path}.{name}" if path else name, before.get(name), now.get(name))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from _differences(f"{path}[{number}]", one, other)
    elif before != now:
        yield Moved("estimate", path, f"{_shown(before)} → {_shown(now)}")


def _shown(value: object) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
