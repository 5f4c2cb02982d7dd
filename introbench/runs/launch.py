"""Starting several ranks of one run on this machine, and saying how they ended."""

from __future__ import annotations

import logging
import os
import signal
import sys
import uuid
from collections.abc import Sequence

from introbench.errors import FollowedError, InterruptedRunError, UsageError

__all__ = ["launch_ranks"]

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
        rank, failure = error.get_first_failure()
        if failure.exitcode > 0:
            raise FollowedError(failure.exitcode) from error
        name = signal.Signals(-failure.exitcode).name
        raise InterruptedRunError(
            f"rank {rank} of {ranks} was ended by {name}; what was answered is kept, the same command goes on"
        ) from error
    except SignalException as error:
        raise InterruptedRunError("interrupted; the same command goes on from there") from error
