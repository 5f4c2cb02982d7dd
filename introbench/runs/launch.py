"""Starting several ranks of one run on this machine, and saying how they ended."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence

from introbench.errors import FollowedError, InterruptedRunError, IntrobenchError, UsageError

__all__ = ["LAUNCHED", "end_with_launcher", "launch_ranks"]

LAUNCHED = "INTROBENCH_LAUNCHED"
"""The launcher's process id, for ranks that were started here: they leave it to the launcher to say that a run was
interrupted."""

_SECONDS_BETWEEN_LOOKS = 0.2


def launch_ranks(ranks: int, arguments: Sequence[str]) -> None:
    """Run `introbench` with these arguments in as many processes, through torch's own launcher, and wait for them.

    Raises FollowedError with a rank's exit code where it has said itself what is wrong, and InterruptedRunError where
    a rank was killed.
    """
    if ranks < 1:
        raise UsageError(f"--ranks {ranks}: must be 1 or more, at most one per GPU")
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # The launcher reports a dead rank over many lines; one of ours says the same.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    os.environ[LAUNCHED] = str(os.getpid())
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // ranks)))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=ranks,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=_SECONDS_BETWEEN_LOOKS,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "introbench", *arguments)
    except ChildFailedError as error:
        raise _reason({rank: failure.exitcode for rank, failure in error.failures.items()}, ranks) from error
    except SignalException as error:
        raise InterruptedRunError("interrupted; the same command goes on from there") from error


def end_with_launcher() -> None:
    """Let this process end, as at SIGTERM, when the launcher that has started it is gone; nothing where none has.

    A launcher that is killed cannot end its ranks, and they would go on and hold the run directory.
    """
    if (launcher := os.environ.get(LAUNCHED)) is not None and "WORLD_SIZE" in os.environ:
        threading.Thread(target=_watch, args=(int(launcher),), name="launcher", daemon=True).start()


def _watch(launcher: int) -> None:
    while os.getppid() == launcher:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGTERM)


def _reason(exit_codes: Mapping[int, int], ranks: int) -> IntrobenchError:
    """Why a run ended: what a rank has said itself first, as the others are ended because of it."""
    for code in exit_codes.values():
        if code > 0 and code != InterruptedRunError.exit_code:
            return FollowedError(code)
    killed = {rank: -code for rank, code in exit_codes.items() if code < 0 and -code != signal.SIGTERM}
    for rank, number in killed.items():
        return InterruptedRunError(
            f"rank {rank} of {ranks} was ended by {signal.Signals(number).name}; what was answered is kept, the same "
            "command goes on from there"
        )
    return InterruptedRunError(f"interrupted with {ranks} ranks; the same command goes on from there")
