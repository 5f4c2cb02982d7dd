"""`introbench study`: say what a study holds, carry it out unit by unit, and write its page."""

from __future__ import annotations

import shlex
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from introbench.cli.options import Offline
from introbench.cli.say import say

if TYPE_CHECKING:
    from introbench.train.study.config import Study
    from introbench.train.study.runner import PlannedUnit

__all__ = ["app"]

app = typer.Typer(help="Arms × seeds, each trained and run.", rich_markup_mode=None, no_args_is_help=True)

_File = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="The study.")]
_Results = Annotated[
    Path | None,
    typer.Option("--results", metavar="DIR", help="Results of units; results/NAME beside the study if left out."),
]
_PAGE = Path("docs/study.md")


@app.command("plan", short_help="List the units, how far they are and what they will take.")
def plan(
    study: _File,
    results: _Results = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="Folder of the study.")] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Count what units will train on where none of their study is done.")
    ] = False,
) -> None:
    """List every unit of a study: done, begun or not, and the time that the others will take.

    That is what done units took; with --estimate, and without one, what training alone will take on this machine.
    """
    from tabulate import tabulate

    from introbench.train.study.across import units_in_matrix
    from introbench.train.study.config import read_study
    from introbench.train.study.runner import plan_study

    asked = read_study(study)
    units_in_matrix(asked)
    planned = plan_study(asked, _folder(study, asked, results), out)
    if estimate:
        planned = _estimated(planned, out or Path("unnamed"))
    rows = [[each.unit.id, each.state, _minutes(each.seconds), _minutes(each.expected)] for each in planned]
    say(tabulate(rows, headers=["unit", "state", "took", "expected"], tablefmt="simple"))
    say("")
    arms: dict[str, dict[str, None]] = {}
    for each in planned:
        arms.setdefault(each.unit.arm.summary, {})[each.unit.group] = None
    for summary, groups in arms.items():
        _say_filled(f"{', '.join(groups)}: {summary}")
    left = [each for each in planned if each.state != "done"]
    known = [each.expected for each in left if each.expected is not None]
    time = f"about {_minutes(sum(known))}" if left and len(known) == len(left) else "unknown before a unit is done"
    say(f"\n{len(planned) - len(left)} of {len(planned)} units done; the others: {time if left else 'none'}")
    long = [each.unit.id for each in planned if (each.seconds or each.expected or 0) > 60 * asked.minutes_per_unit]
    if long:
        _say_filled(f"longer than {asked.minutes_per_unit:g} minutes: {', '.join(long)}")


@app.command("run", short_help="Carry out the units that are not done.")
def run(
    study: _File,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of trainings and runs.")],
    results: _Results = None,
    unit: Annotated[
        list[str] | None, typer.Option("--unit", metavar="ID", help="Only this one, with * for any text; repeatable.")
    ] = None,
    offline: Offline = False,
) -> int:
    """Label, train and run one unit after the other; killed at any moment, the same command goes on.

    Exit code 1 where a unit could not be carried out, 2 where what all of them need is wrong; nothing is run then.
    """
    from introbench.cli.progress import shown_progress
    from introbench.train.study.check import check_study
    from introbench.train.study.config import read_study
    from introbench.train.study.runner import chosen_units, run_units, unfinished
    from introbench.train.study.unit import run_unit

    asked = read_study(study)
    folder, failed = _folder(study, asked, results), 0
    units = unfinished(chosen_units(asked, unit or []), folder)
    check_study(units, out, folder)
    with shown_progress() as on_progress:
        for each, found in run_units(units, folder, lambda unit: run_unit(unit, out, on_progress)):
            for warning in found.trained_on.warnings if found.trained_on else []:
                say(f"{each.id}: {warning}", err=True)
            failed += found.status == "failed"
            say(f"{each.id}: {found.status}{': ' + found.error if found.error else ''}")
    named = f"{_file_and_results(study, asked, folder)} --out {_named(out)} --page FILE"
    say(f"{folder} holds the results; introbench study report {named} writes a page.")
    return int(failed > 0)


@app.command("report", short_help="Write the page from the results that are present.")
def report(
    study: _File,
    results: _Results = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Folder of the study, to set its units against each other."),
    ] = None,
    page: Annotated[Path, typer.Option("--page", metavar="FILE", help="The page.")] = _PAGE,
) -> None:
    """Write the page of a study; never over that of another one. Needs no torch."""
    from introbench.errors import UsageError
    from introbench.files import write_whole
    from introbench.train.study.across import across_units, kept_across
    from introbench.train.study.config import read_study
    from introbench.train.study.page import study_page
    from introbench.train.study.results import read_results
    from introbench.train.study.runner import plan_study

    asked = read_study(study)
    _refuse_other_page(page, asked)
    for given in filter(None, (results, out)):
        if not given.is_dir():
            raise UsageError(f"{given}: no such folder; introbench study run {_named(study)} --out DIR makes both")
    folder = _folder(study, asked, results)
    planned = plan_study(asked, folder, out)
    found = read_results(folder, [each.unit for each in planned])
    for reason in across_units(asked, out, folder) if out is not None else []:
        say(reason, err=True)
    named = "" if _named(page) == _named(_PAGE) else _named(page)
    file = _file_and_results(study, asked, folder)
    write_whole(page, study_page(asked, planned, found, kept_across(folder), file, named).encode())
    done = sum(each.state == "done" for each in planned)
    say(f"{page}: {done} of {len(planned)} units")


def _file_and_results(path: Path, study: Study, results: Path) -> str:
    """What the commands of a study are given: its file, and its results where they do not lie beside it."""
    return _named(path) if results == _folder(path, study, None) else f"{_named(path)} --results {_named(results)}"


def _named(path: Path) -> str:
    """A path as a page names it in commands: as it was given, and without the folders of this machine above it."""
    here = Path.cwd()
    if not path.is_absolute():
        return shlex.quote(path.as_posix())
    return shlex.quote(path.relative_to(here).as_posix() if path.is_relative_to(here) else path.name)


def _refuse_other_page(page: Path, study: Study) -> None:
    from introbench.errors import UsageError
    from introbench.files import disk_errors
    from introbench.train.study.page import HEADING, heading

    if not page.exists():
        return
    with disk_errors(page):
        text = page.read_text(encoding="utf-8", errors="replace")
    first = text.partition("\n")[0]
    if text and first != heading(study):
        other = first.startswith(HEADING)
        held = (
            f"the page of the study {first.removeprefix(HEADING)}" if other else "something else than a page of a study"
        )
        raise UsageError(f"{page}: holds {held}; name another file with --page, or delete that one")


def _estimated(planned: list[PlannedUnit], out: Path) -> list[PlannedUnit]:
    """The plan with an estimate where nothing is known; seeds of an arm take as long as each other."""
    from dataclasses import replace

    from introbench.train.study.unit import estimated_seconds

    known: dict[str, float] = {}

    def estimated(each: PlannedUnit) -> PlannedUnit:
        if each.seconds is not None or each.expected is not None:
            return each
        kind = each.unit.kind
        if kind not in known:
            known[kind] = estimated_seconds(each.unit, out)
        return replace(each, expected=known[kind])

    return [estimated(each) for each in planned]


def _folder(path: Path, study: Study, results: Path | None) -> Path:
    return results or path.parent / "results" / study.name


def _say_filled(text: str) -> None:
    width = shutil.get_terminal_size().columns
    say(textwrap.fill(text, width, subsequent_indent="    ", break_on_hyphens=False))


def _minutes(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds / 60:.1f} min"
