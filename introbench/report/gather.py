"""What a report is made of: the files of a run directory, read once."""

from __future__ import annotations

import gc
import json
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from introbench.errors import RunDirectoryError
from introbench.files import disk_errors
from introbench.metrics.ledgers import Records, records_of
from introbench.metrics.read import Run, read_run
from introbench.metrics.schema import SCHEMA_VERSION, Summary
from introbench.metrics.summary import summarise_run
from introbench.report.prompts import TaskTexts, rebuilt_texts
from introbench.runs.directory import RunDirectory, read_manifest

__all__ = ["CaseLines", "ReportedRun", "gather", "gather_all"]

_STEP = re.compile(r"step-(\d+)")
"""How a training names the folders of its runs."""


class CaseLines(Sequence[Mapping[str, Any]]):
    """The rows of a cases.jsonl that `read_run` has held to its schema, each parsed when it is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._starts = array("Q")
        with disk_errors(path), path.open("rb") as lines:
            start = 0
            for line in lines:
                if line != b"\n":
                    self._starts.append(start)
                start += len(line)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return list(self.some(range(*place.indices(len(self)))))
        return next(self.some([place]))

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return self.some(range(len(self)))

    def some(self, places: Iterable[int]) -> Iterator[Mapping[str, Any]]:
        """The rows at some places, in their order. Raises DiskError where the file is gone."""
        with disk_errors(self._path), self._path.open("rb") as lines:
            for place in places:
                lines.seek(self._starts[place])
                yield json.loads(lines.readline())


@dataclass(frozen=True, slots=True, eq=False)
class ReportedRun:
    """One run of a report.

    Attributes:
        name: what the page calls it.
        manifest: what was run, with what and on what.
        summary: every estimate.
        run: cases and decisions, as the metrics see them.
        rows: the rows of cases.jsonl, in the order of `run.cases`; read anew whenever they are asked for.
        replies: by model name, what it answered, by the hash of what was asked.
        texts: by task name, the prompts.
    """

    name: str
    manifest: Mapping[str, Any]
    summary: Summary
    run: Run
    rows: CaseLines
    replies: Mapping[str, Records]
    texts: Mapping[str, TaskTexts]


def gather_all(paths: Sequence[Path], include_paths: Sequence[Path] = ()) -> list[ReportedRun]:
    """Several runs under names that differ, in the order given; those of one training in the order of its steps."""
    ordered = _by_step(paths)
    runs = [gather(path, include_paths) for path in ordered]
    if len({run.name for run in runs}) == len(runs):
        return runs
    return [replace(run, name=str(path)) for run, path in zip(runs, ordered, strict=True)]


def _by_step(paths: Sequence[Path]) -> list[Path]:
    """A shell puts step-100 before step-50: neighbours of one folder are put in the order of their numbers."""

    def step(path: Path) -> int:
        found = _STEP.fullmatch(path.name)
        return int(found[1]) if found else -1

    found = groupby(paths, key=lambda path: (path.parent, step(path) >= 0))
    return [path for (_, steps), group in found for path in (sorted(group, key=step) if steps else group)]


def gather(path: Path, include_paths: Sequence[Path] = (), *, known: tuple[Run, Summary] | None = None) -> ReportedRun:
    """Read a run directory; its summary is built anew where summary.json is missing.

    Args:
        include_paths: folders with the plugins of tasks that are not installed.
        known: what was read and estimated of this directory just now.

    Raises RunDirectoryError where a file is missing or is not what it should be.
    """
    with _without_collector():
        return _gathered(path, include_paths, known)


@contextmanager
def _without_collector() -> Iterator[None]:
    """All that is read is kept, and looking for garbage in it again and again took a fifth of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _gathered(path: Path, include_paths: Sequence[Path], known: tuple[Run, Summary] | None) -> ReportedRun:
    directory = RunDirectory(path)
    run = known[0] if known else read_run(path)
    rows = CaseLines(directory.cases)
    manifest = read_manifest(path)
    return ReportedRun(
        name=path.resolve().name,
        manifest=manifest,
        summary=known[1] if known else _summary(directory, run),
        run=run,
        rows=rows,
        replies={model.name: records_of(path / "records" / model.folder, model.fingerprint)[0] for model in run.models},
        texts=rebuilt_texts(manifest, rows, include_paths),
    )


def _schema_version(data: bytes) -> int | None:
    """The schema version that a summary states, or None where it states none."""
    try:
        found = json.loads(data)["schema_version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return found if isinstance(found, int) else None


def _summary(directory: RunDirectory, run: Run) -> Summary:
    if not directory.summary.exists():
        return summarise_run(run)
    way_out = f"run `introbench score {directory.path}` first"
    with disk_errors(directory.summary):
        data = directory.summary.read_bytes()
    try:
        summary = Summary.model_validate_json(data)
    except ValidationError as error:
        if (found := _schema_version(data)) is not None and found > SCHEMA_VERSION:
            raise RunDirectoryError(
                f"{directory.summary}: has schema version {found}, and this introbench knows {SCHEMA_VERSION}; "
                f"upgrade introbench, or {way_out} to build it anew"
            ) from error
        raise RunDirectoryError(f"{directory.summary}: was not written by this version; {way_out}") from error
    models = [model.name for model in run.models] == [model.name for model in summary.models]
    tasks = [task.name for task in run.tasks] == [task.name for task in summary.tasks]
    if not (models and tasks):
        raise RunDirectoryError(f"{directory.summary}: is of other models or tasks than this run; {way_out}")
    return summary
