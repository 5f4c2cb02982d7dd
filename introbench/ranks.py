"""Ranks: processes that share one run. Each takes whole packs; the first one keeps the run directory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from introbench.errors import FollowedError, InterruptedRunError, IntrobenchError, UsageError

__all__ = ["ONE_RANK", "PATIENCE", "Ranks", "joined_ranks", "local_rank"]

PATIENCE = timedelta(days=30)
"""How long a rank waits for the others. One that has died is noticed when they next meet, by its closed connection."""

T = TypeVar("T")


class Ranks:
    """The ranks of a run, as one of them sees them.

    Attributes:
        rank: this process, 0 for the first.
        size: number of processes.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size

    @property
    def first(self) -> bool:
        """Whether this rank keeps the run directory and talks to the user."""
        return self.rank == 0

    def wait(self) -> None:
        """Go on when all ranks are here. Raises InterruptedRunError where one has died."""
        self.agree(lambda: None)

    def agree(self, decide: Callable[[], T]) -> T:
        """What the first rank decides, for all. The others wait for it.

        Raises what `decide` raises on the first rank, FollowedError with the same exit code on the others, and
        InterruptedRunError where a rank has died.
        """
        return decide()


class _JoinedRanks(Ranks):
    """Ranks that speak over torch.distributed."""

    def agree(self, decide: Callable[[], T]) -> T:
        message: list[Any] = [None]
        failure: IntrobenchError | None = None
        if self.first:
            try:
                message = [("value", decide())]
            except IntrobenchError as error:
                failure, message = error, [("exit code", error.exit_code)]
        self._exchange(message)
        if failure is not None:
            raise failure
        kind, value = message[0]
        if kind == "exit code":
            raise FollowedError(value)
        found: T = value
        return found

    def _exchange(self, message: list[Any]) -> None:
        import torch.distributed as dist

        try:
            dist.barrier()
            dist.broadcast_object_list(message, src=0)
        except RuntimeError as error:
            raise InterruptedRunError(
                f"rank {self.rank} of {self.size}: another rank has died; what was answered is kept, the same command "
                "goes on from there"
            ) from error


ONE_RANK = Ranks()


def local_rank(environment: Mapping[str, str] = os.environ) -> int | None:
    """Number of this process on its machine, or None where it runs alone. Raises UsageError on what is no number."""
    if _number(environment, "WORLD_SIZE", "1") == 1 or "LOCAL_RANK" not in environment:
        return None
    return _number(environment, "LOCAL_RANK", "")


def _number(environment: Mapping[str, str], name: str, default: str) -> int:
    value = environment.get(name, default)
    try:
        return int(value)
    except ValueError as error:
        raise UsageError(f"{name} is {value!r}, which is no number; unset it, or start with --ranks") from error


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """The ranks that torchrun or `--ranks` has started, or this process alone."""
    size = _number(os.environ, "WORLD_SIZE", "1")
    if size == 1:
        yield ONE_RANK
        return
    import torch.distributed as dist

    # Messages are few and small, and must work beside models on any device.
    try:
        dist.init_process_group("gloo", timeout=PATIENCE)
    except (ValueError, RuntimeError) as error:
        raise UsageError(
            f"WORLD_SIZE is {size}, but the other processes cannot be reached ({' '.join(str(error).split())}); "
            "start them with --ranks or torchrun, or unset WORLD_SIZE"
        ) from error
    yield _JoinedRanks(dist.get_rank(), size)
    # Only when all went well: with a rank dead, leaving in good order would wait for it.
    dist.destroy_process_group()
