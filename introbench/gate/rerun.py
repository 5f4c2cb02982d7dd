"""A/A: what the same model answers otherwise when it is asked again, and whether a margin is above it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from introbench.errors import UsageError
from introbench.gate.config import Rule
from introbench.gate.influence import Seen
from introbench.gate.measures import MEASURES, Measure
from introbench.gate.pairing import Pairing, TaskPair
from introbench.metrics.intervals import cluster_count, variance

__all__ = ["NOISE_MARGIN", "check_noise", "noise_of"]

NOISE_MARGIN = 2.0
"""A margin has to be at least so many times the noise."""


def noise_of(measure: Measure, first: Seen, second: Seen, clusters: int) -> float | None:
    """Standard deviation that reruns alone give a change over so many clusters; None where it cannot be estimated.

    A candidate and a baseline differ by the rerun noise of both, as a first and a second answer of one model do.
    """
    one, other = measure.of(first), measure.of(second)
    among = one.among | other.among
    here = first.cases.clusters[among]
    count = cluster_count(here)
    if one.value is None or other.value is None or count < 2:
        return None
    return math.sqrt(variance((other.parts - one.parts)[among], here) * count / clusters)


def check_noise(rules: Sequence[Rule], pairing: Pairing, where: str) -> list[str]:
    """What the replicates say, gate by gate. Raises UsageError for a margin under twice the noise, or without any."""
    words = []
    for rule in rules:
        pair = pairing.tasks.get(rule.task)
        measure = MEASURES[rule.estimate]
        if pair is None or pair.reasons:
            continue
        noise, asked = _noise(measure, pair, rule.reference)
        if noise is None and asked and measure.needs == "reference":
            words.append(
                f"rerun noise of {rule.estimate} on {rule.task}: cannot be estimated from {asked} cases asked twice"
            )
            continue
        if noise is None:
            raise UsageError(
                f"{where}: --aa: {rule.estimate} on {rule.task}: no case was asked twice; run with --aa-share 0.2"
            )
        if rule.margin < NOISE_MARGIN * noise:
            raise UsageError(
                f"{where}: {rule.estimate} on {rule.task}: margin {rule.margin:g} is under twice the rerun noise "
                f"({noise:.4f}); raise the margin, ask more items, or run in float32"
            )
        words.append(f"rerun noise of {rule.estimate} on {rule.task}: {100 * noise:.2f} points")
    return words


def _noise(measure: Measure, pair: TaskPair, reference: str | None) -> tuple[float | None, int]:
    """The larger one of both sides' noise, for the clusters that the gate rests on, and how many cases show it."""
    clusters = cluster_count(pair.cases.clusters)
    twice = [found for side in (0, 1) if (found := pair.reruns(side, reference)) is not None]
    noises = [noise for first, second in twice if (noise := noise_of(measure, first, second, clusters)) is not None]
    asked = max((first.cases.clusters.size for first, _ in twice), default=0)
    return (float(np.max(noises)) if noises else None), asked
