"""A limit of time on a check in this process: a bundle is written by a stranger, who may mean it to take for ever."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from introbench_leaderboard.reasons import Reason, reason

__all__ = ["TooLongError", "at_most", "too_long"]


class TooLongError(BaseException):
    """What was bounded took longer. No `except Exception` on the way takes it for a failure of its own."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """End what is done inside, by TooLongError, once it takes longer. In the main thread alone."""

    def ring(*_: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, ring)
    left = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *left)
        signal.signal(signal.SIGALRM, before)


def too_long(seconds: float) -> Reason:
    """Why a bundle is not taken whose check did not end in time."""
    return reason("check-time", "bundle", f"takes longer than {seconds:g} seconds")
