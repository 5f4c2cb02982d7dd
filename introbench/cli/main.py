"""The `introbench` command: its verbs, and how every error ends.

Exit codes: 0 ok, 1 negative verdict, 2 usage or input, 3 not comparable, 4 interrupted and resumable, 5 internal.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from types import FrameType
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from introbench.cli.agreement import agreement
from introbench.cli.cache import cache
from introbench.cli.compare import compare
from introbench.cli.diff import diff
from introbench.cli.export import export
from introbench.cli.fetch import fetch
from introbench.cli.judge import judge
from introbench.cli.labels import labels
from introbench.cli.list import list_tasks
from introbench.cli.matrix import matrix
from introbench.cli.report import report
from introbench.cli.run import plan, run
from introbench.cli.say import say
from introbench.cli.score import score
from introbench.cli.score_external import score_external
from introbench.cli.show import show
from introbench.cli.tasks import app as tasks
from introbench.errors import InterruptedRunError, IntrobenchError
from introbench.runs.launch import LAUNCHED
from introbench.texts import shortened

__all__ = ["app", "main"]

_LONGEST_MESSAGE = 2000
"""Characters of an error that are shown; what is quoted in it may be a megabyte."""

app = typer.Typer(
    name="introbench",
    help="When a language model says what its answer depended on, is it telling the truth about itself?",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        from introbench import __version__

        say(f"introbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """When a language model says what its answer depended on, is it telling the truth about itself?"""


app.command("run", short_help="Run a model and show how true its explanations are.")(run)
app.command("plan", short_help="Say what a run would cost; loads no weights.")(plan)
app.command("list", short_help="List tasks and the forms of model specs.")(list_tasks)
app.command("show", short_help="Show the prompts and token ids of a task.")(show)
app.command("score", short_help="Rebuild the numbers of a stored run.")(score)
app.command("score-external", short_help="Score explanations that somebody else produced.")(score_external)
app.command("compare", short_help="Pair two models case by case, flipped cases first.")(compare)
app.command("matrix", short_help="Every model as explainer against every model.")(matrix)
app.command("diff", short_help="Name the first stage at which two runs part.")(diff)
app.command("report", short_help="Write one HTML page of stored runs, with plots and cases.")(report)
app.command("labels", short_help="Freeze the explanation labels of a stored run.")(labels)
app.command("agreement", short_help="Say how far training labels fit what a model does.")(agreement)
app.command("judge", short_help="Say which replies in a file refuse.")(judge)
app.command("fetch", short_help="Bring models and data for runs without network.")(fetch)
app.add_typer(export, name="export", short_help="Write cases out for other harnesses.")
app.add_typer(tasks, name="tasks", short_help="Write, check and describe task plugins.")

app.add_typer(cache)


def main() -> NoReturn:
    """Run the command line and exit with the code of its outcome."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        outcome = app(args=sys.argv[1:] or ["--help"], standalone_mode=False)
        sys.stdout.flush()
    except (_Interrupted, InterruptedRunError) as error:
        way_out = "; the same command goes on from there" if sys.argv[1:2] == ["run"] else ""
        # A rank that --ranks has started leaves the word to it.
        silent = LAUNCHED in os.environ and "WORLD_SIZE" in os.environ
        _fail("" if silent else str(error) or f"interrupted{way_out}", InterruptedRunError.exit_code)
    except IntrobenchError as error:
        _fail(str(error), error.exit_code)
    except TyperException as error:
        _fail(error.format_message(), error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe has seen enough; nothing may be written to it any more, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception:  # noqa: BLE001 - the last resort: every exit has a code of the list above
        say(traceback.format_exc(), err=True, end=False)
        _fail("internal error, a defect of introbench; please report the lines above", IntrobenchError.exit_code)
    sys.exit(outcome if isinstance(outcome, int) else 0)


class _Interrupted(BaseException):
    """A signal asked to stop. No Exception: libraries that swallow those must not swallow it."""


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise _Interrupted


def _fail(message: str, code: int) -> NoReturn:
    if message:
        say(f"introbench: error: {shortened(' '.join(message.split()), _LONGEST_MESSAGE)}", err=True)
    sys.exit(code)
