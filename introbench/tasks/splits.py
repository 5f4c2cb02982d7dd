"""Which split a cluster is in, by its name alone: the same in every file, subset and order."""

from __future__ import annotations

from introbench.errors import TaskError
from introbench.hashing import content_hash
from introbench.tasks.types import Split

__all__ = ["cluster_split", "held_out_share"]

_HEX_DIGITS = 13  # 52 bits, what a float holds


def cluster_split(cluster: str, share: float) -> Split:
    """The split of a cluster where a share of all clusters, 0 to 1, is held out as "test"."""
    place = int(content_hash(["split", cluster])[:_HEX_DIGITS], 16) / 16**_HEX_DIGITS
    return "test" if place < share else "train"


def held_out_share(text: str) -> float:
    """The share of clusters that is held out, as a user writes it. Raises TaskError where the text is none."""
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise TaskError(f"test={text}: must be a share from 0 to 1; 1 holds every item out")
    return share
