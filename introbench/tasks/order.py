"""The plan order: a seeded interleave in which every prefix is balanced."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from introbench.hashing import content_hash, named_random

__all__ = ["interleave"]

T = TypeVar("T")


def interleave(
    members: Sequence[T],
    levels: Sequence[Callable[[T], Hashable]],
    identity: Callable[[T], str],
    seed: int,
    path: tuple[str, ...] = (),
) -> list[T]:
    """Order members so that every prefix holds each group of each level in proportion.

    Members are split by the first level, each group is ordered by the remaining levels, and the
    groups are merged by fractional rank (rank + offset) / size, a systematic sample. The offset
    depends on the seed and the group's names alone, so groups do not all begin together.
    Below the last level the order is by hash of the identity.
    """
    if not levels:
        return sorted(members, key=lambda member: content_hash([seed, identity(member)]))
    groups: dict[Hashable, list[T]] = {}
    for member in members:
        groups.setdefault(levels[0](member), []).append(member)
    ranked: list[tuple[float, str, T]] = []
    for name, group in groups.items():
        below = (*path, str(name))
        offset = named_random(seed, "interleave", *below).random()
        ordered = interleave(group, levels[1:], identity, seed, below)
        ranked += [((rank + offset) / len(ordered), identity(member), member) for rank, member in enumerate(ordered)]
    return [member for _, _, member in sorted(ranked, key=lambda entry: entry[:2])]
