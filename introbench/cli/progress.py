"""Progress bars with a time estimate, on stderr, so that the table alone goes to stdout."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from introbench.cli.say import say
from introbench.runs.execute import Progress
from introbench.texts import inert

__all__ = ["shown_progress"]

_SECONDS_BETWEEN_LINES = 15.0
_NAME_WIDTH = 24


@contextmanager
def shown_progress() -> Iterator[Callable[[Progress], None]]:
    """Bars on a terminal; elsewhere (a log, CI) a plain line now and then."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=14),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console) as bars:
        yield _bars(bars)


def _bars(bars: Bars) -> Callable[[Progress], None]:
    known: dict[str, TaskID] = {}

    def show(progress: Progress) -> None:
        if progress.model not in known:
            known[progress.model] = bars.add_task("", total=None)
        name = _short(progress.model)
        description = name if progress.step == "asking" else f"{name} ({progress.step})"
        bars.update(
            known[progress.model], description=description, completed=progress.done, total=progress.total or None
        )

    return show


def _lines() -> Callable[[Progress], None]:
    last: dict[str, float] = {}
    started: dict[str, float] = {}

    def show(progress: Progress) -> None:
        if progress.step == "opening":
            return
        now = time.monotonic()
        finished = progress.total > 0 and progress.done == progress.total
        if progress.step == "waiting":
            if progress.model not in last:
                say(f"{progress.model}: waiting for another process, which measures its labels", err=True)
            last[progress.model] = now
        elif progress.step == "loading":
            say(f"{progress.model}: {progress.step}", err=True)
            started[progress.model] = last[progress.model] = now
        elif finished or now - last.get(progress.model, 0.0) > _SECONDS_BETWEEN_LINES:
            last[progress.model] = now
            asked = progress.done - progress.found
            left = (now - started.get(progress.model, now)) * (progress.total - progress.done) / max(asked, 1)
            estimate = "" if finished else f", about {left:.0f} s left"
            say(f"{progress.model}: {progress.done}/{progress.total}{estimate}", err=True)

    return show


def _short(name: str) -> str:
    name = inert(name)
    return name if len(name) <= _NAME_WIDTH else name[: _NAME_WIDTH - 1] + "…"
