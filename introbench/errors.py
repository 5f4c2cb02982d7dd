"""Every error that introbench raises on purpose, and the exit code that each one ends a command with.

IntrobenchError                 5  a defect of introbench itself
├── UsageError                  2  the input is wrong; the message names it and the way out
│   ├── SpecError                  a model or task spec that names nothing
│   ├── TaskError                  a task plugin whose templates or items break the contract
│   ├── ModelError                 a model that cannot be loaded or cannot answer
│   ├── PromptError                a prompt that the model cannot take (named by case)
│   ├── DiskError                  a file that the disk refuses to read or write
│   └── RunDirectoryError          a run directory that cannot be used as asked
├── NotComparableError          3  two results that must not be compared
├── InterruptedRunError         4  the run stopped midway; the same command goes on
│   └── UnansweredError            a model left requests unanswered, after every attempt
└── FollowedError               -  another process of the same run has failed, and said why
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = [
    "DiskError",
    "FollowedError",
    "InterruptedRunError",
    "IntrobenchError",
    "ModelError",
    "NotComparableError",
    "PromptError",
    "RunDirectoryError",
    "SpecError",
    "TaskError",
    "UnansweredError",
    "UsageError",
]


class IntrobenchError(Exception):
    """Root of the tree. Commands print its message on one line and exit with `exit_code`."""

    exit_code: int = 5


class UsageError(IntrobenchError):
    """The input is wrong."""

    exit_code = 2


class SpecError(UsageError):
    """A model or task spec names nothing that exists."""


class TaskError(UsageError):
    """A task plugin breaks the contract of `introbench.tasks`."""


class ModelError(UsageError):
    """A model cannot be loaded, or cannot answer what is asked of it."""


class PromptError(UsageError):
    """A prompt does not fit the model: too long, a double BOS, no generation prompt."""


class DiskError(UsageError):
    """The disk refuses to read or write a file: full, read-only, not permitted."""


class RunDirectoryError(UsageError):
    """A run directory cannot be used as asked: of another run, in use, or damaged."""


class FolderInUseError(RunDirectoryError):
    """Another process is at work in the folder."""


class NotComparableError(IntrobenchError):
    """Two results differ in something that forbids comparing them."""

    exit_code = 3


class InterruptedRunError(IntrobenchError):
    """A run stopped midway and left a directory from which the same command goes on."""

    exit_code = 4


class UnansweredError(InterruptedRunError):
    """A model left requests unanswered after every attempt: a server that is down, a reply that cannot be read.

    Attributes:
        answers: what was answered, in the order of the requests; None where nothing was.
    """

    def __init__(self, message: str, answers: Sequence[Any]) -> None:
        super().__init__(message)
        self.answers = answers


class FollowedError(IntrobenchError):
    """Another process of the same run has failed and said why: this one ends with its exit code and says nothing.

    Attributes:
        exit_code: that process's exit code.
    """

    def __init__(self, exit_code: int) -> None:
        super().__init__("")
        self.exit_code = exit_code
