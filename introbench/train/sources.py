"""Where the labels of noisy tasks come from, beside a task's own folder: files, stored runs, or a first stage.

Labels of the target's own are measured before the run that shows them: its behaviour on training items, by an ordinary
run in a folder beside the other one. They are the target's; every model of the run sees the same prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from introbench.errors import UsageError
from introbench.ranks import ONE_RANK, Ranks
from introbench.runs.config import RunConfig
from introbench.tasks.labels import FrozenLabels, parse_labels, read_labels
from introbench.tasks.noisy import BUNDLED, OWN, PREFIX, NoisyShots, noisy_name
from introbench.tasks.registry import TaskVariant
from introbench.train.labels import label_file

__all__ = ["OWN_ITEMS", "Measure", "first_stage_folder", "with_labels"]

OWN_ITEMS = 64
"""Training items that the target labels: enough for three draws of eight at any usual change rate."""

Measure = Callable[[RunConfig, list[TaskVariant], Path], object]
"""Runs a configuration into a folder, or goes on there."""


def with_labels(
    config: RunConfig,
    variants: list[TaskVariant],
    out: Path | None,
    measure: Measure | None = None,
    ranks: Ranks = ONE_RANK,
) -> tuple[RunConfig, list[TaskVariant]]:
    """The same run with all labels that its noisy tasks show at hand. Others are handed back as they are.

    Args:
        out: run directory, beside which the first stage has its own.
        measure: how the first stage is run; where None, it must have been.

    Raises UsageError or TaskError where labels cannot be read, or the first stage is needed and cannot be run.
    """
    sources = {_source(shots): shots for variant in variants if (shots := variant.noisy) and shots.labels != BUNDLED}
    if not sources:
        return config, variants
    own = {shots.base: variant for variant in variants if (shots := variant.noisy) and shots.labels == OWN}
    if own:
        _first_stage(config, own, out, measure)
    # The first rank reads and the others are told: they may not see its files yet.
    frozen: Mapping[tuple[str, str], FrozenLabels] = ranks.agree(
        lambda: {source: _frozen(shots, out) for source, shots in sources.items()}
    )
    ready = [_with(variant, frozen) for variant in variants]
    return replace(config, tasks=tuple(dict.fromkeys(variant.name for variant in ready))), ready


def first_stage_folder(out: Path) -> Path:
    """Where the labels of a run's target are measured."""
    whole = out if out.name else out.resolve()
    return whole.with_name(f"{whole.name}-own-labels")


def _source(shots: NoisyShots) -> tuple[str, str]:
    return shots.labels, shots.base


def _with(variant: TaskVariant, frozen: Mapping[tuple[str, str], FrozenLabels]) -> TaskVariant:
    shots = variant.noisy
    if shots is None or shots.labels == BUNDLED:
        return variant
    known = replace(shots, frozen=frozen[_source(shots)])
    name = variant.name.removeprefix(PREFIX).partition("&rate=")[0]
    return replace(variant, noisy=known, name=noisy_name(name, known))


def _first_stage(config: RunConfig, own: Mapping[str, TaskVariant], out: Path | None, measure: Measure | None) -> None:
    bare = [replace(variant, name=base, demonstrations=0, noisy=None) for base, variant in own.items()]
    if out is None or (measure is None and not (first_stage_folder(out) / "manifest.json").is_file()):
        raise UsageError(
            f"{next(iter(own.values())).name}: what its demonstrations say is not known before the target has labelled "
            "training items; `introbench run` does that first"
        )
    if measure is not None:
        stage = replace(
            config,
            models=config.models[:1],
            tasks=tuple(variant.name for variant in bare),
            split="train",
            limit=OWN_ITEMS,
            explanations="constrained",
            aa_share=0.0,
        )
        measure(stage, bare, first_stage_folder(out))


def _frozen(shots: NoisyShots, out: Path | None) -> FrozenLabels:
    path = Path(shots.labels)
    if shots.labels == OWN and out is not None:
        path = first_stage_folder(out)
    if not path.is_dir():
        return read_labels(path)
    data, _ = label_file(path, shots.base)
    return parse_labels(data, str(path))
