"""Carrying a study out: which units are done, what the others will take, and one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from statistics import fmean
from typing import Literal

from introbench.errors import DiskError, RunDirectoryError, UsageError
from introbench.train.study.config import Study, Unit, units_of
from introbench.train.study.results import UnitResult, read_results

__all__ = ["PlannedUnit", "chosen_units", "plan_study", "run_units", "unfinished"]

State = Literal["done", "failed", "begun", "pending"]


@dataclass(frozen=True, slots=True)
class PlannedUnit:
    """A unit, and how far it is.

    Attributes:
        unit: which one.
        state: how far it is; a failed one is tried again.
        seconds: what it took; None where it is not done.
        expected: what it will take, from the units that are done, those of another seed alone first; None without any.
    """

    unit: Unit
    state: State
    seconds: float | None
    expected: float | None


def plan_study(study: Study, results: Path, out: Path | None = None) -> list[PlannedUnit]:
    """Every unit of a study in its order.

    Args:
        results: folder with the results of units.
        out: folder of the study, where units may have begun.

    Raises UsageError where a result is not of its unit.
    """
    units = units_of(study)
    found = read_results(results, units)
    taken = {unit.id: seconds for unit in units if (seconds := _seconds(found.get(unit.id))) is not None}
    kinds = {unit.id: unit.kind for unit in units}
    return [
        PlannedUnit(
            unit,
            _state(unit, found, out),
            taken.get(unit.id),
            None if unit.id in taken else _expected(unit.id, kinds, taken),
        )
        for unit in units
    ]


def _seconds(result: UnitResult | None) -> float | None:
    if result is None or result.cost is None or result.status != "done":
        return None
    return result.cost.seconds


def _state(unit: Unit, found: Mapping[str, UnitResult], out: Path | None) -> State:
    if unit.id in found:
        return found[unit.id].status
    return "begun" if out and (out / "units" / unit.id).is_dir() else "pending"


def _expected(unit: str, kinds: Mapping[str, str], taken: Mapping[str, float]) -> float | None:
    same = [seconds for other, seconds in taken.items() if kinds[other] == kinds[unit]]
    return fmean(same or taken.values()) if taken else None


def chosen_units(study: Study, patterns: Sequence[str]) -> list[Unit]:
    """The units whose id fits one of some patterns with "*", all without any. Raises UsageError where one fits none."""
    units = units_of(study)
    for pattern in patterns:
        if not any(fnmatch(unit.id, pattern) for unit in units):
            raise UsageError(f"--unit {pattern}: fits none of {', '.join(unit.id for unit in units)}")
    return [unit for unit in units if not patterns or any(fnmatch(unit.id, pattern) for pattern in patterns)]


def unfinished(units: Sequence[Unit], results: Path) -> list[Unit]:
    """The units without a result, or with one that says why there is none. Raises as `read_results` does."""
    found = read_results(results, units)
    return [unit for unit in units if unit.id not in found or found[unit.id].status != "done"]


def run_units(
    units: Sequence[Unit], results: Path, carry_out: Callable[[Unit], UnitResult]
) -> Iterator[tuple[Unit, UnitResult]]:
    """Carry out the units that are not done, and write the result of each as soon as it is there.

    One that cannot be carried out is written down with the reason, and the next one goes on.

    Args:
        carry_out: runs a unit to its end.
    """
    for unit in unfinished(units, results):
        try:
            result = carry_out(unit)
            result.write(results)
        except (RunDirectoryError, DiskError):
            # A folder in use or of something else, or a full disk, is no finding about the unit.
            raise
        except UsageError as error:
            result = _failed(unit, str(error))
            result.write(results)
        yield unit, result


def _failed(unit: Unit, reason: str) -> UnitResult:
    return UnitResult(
        study=unit.study.name,
        unit=unit.id,
        unit_hash=unit.hash,
        arm={**unit.arm.model_dump(mode="json", exclude={"train"}), "train": unit.arm.train.as_json()},
        seed=unit.seed,
        student=unit.study.student,
        status="failed",
        error=reason,
    )
