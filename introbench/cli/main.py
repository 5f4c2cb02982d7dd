"""The `introbench` command: its verbs, and how every error ends.

Exit codes: 0 ok, 1 negative verdict, 2 usage or input, 3 not comparable, 4 interrupted and resumable, 5 internal.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from introbench.cli.say import say
from introbench.cli.verbs import add_verbs
from introbench.errors import InterruptedRunError, IntrobenchError
from introbench.ranks import local_rank
from introbench.runs.launch import LAUNCHED
from introbench.texts import shortened

__all__ = ["main"]

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


def main() -> NoReturn:
    """Run the command line and exit with the code of its outcome."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        add_verbs(app, next((argument for argument in sys.argv[1:] if not argument.startswith("-")), None))
        outcome = app(args=sys.argv[1:] or ["--help"], standalone_mode=False)
        sys.stdout.flush()
    except (_Interrupted, InterruptedRunError) as error:
        way_out = "; the same command goes on from there" if _goes_on(sys.argv[1:]) else ""
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


def _goes_on(arguments: Sequence[str]) -> bool:
    """Whether a command that is given again takes up what it has left behind."""
    return arguments[:1] in (["run"], ["train"]) or arguments[:2] == ["study", "run"]


class _Interrupted(BaseException):
    """A signal asked to stop. No Exception: libraries that swallow those must not swallow it."""


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise _Interrupted


def _fail(message: str, code: int) -> NoReturn:
    if message:
        say(f"introbench: error: {shortened(' '.join(message.split()), _LONGEST_MESSAGE)}", err=True)
    if _is_rank():
        # What joins the ranks still has threads: taken down with the interpreter, it may abort the process, whose exit
        # code would be lost.
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, OSError, ValueError):  # it may be closed
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _is_rank() -> bool:
    try:
        return local_rank() is not None
    except IntrobenchError:
        return False
