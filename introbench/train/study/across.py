"""Units of a study against each other: emitter × teacher, and the first arm against M0 and each of its controls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ValidationError

from introbench.errors import NotComparableError, UsageError
from introbench.files import write_whole
from introbench.metrics.contrast import Contrast, contrast_of
from introbench.metrics.frozen import Frozen
from introbench.metrics.matrix import Matrix, matrix_of
from introbench.metrics.read import Run, read_run
from introbench.metrics.significance import with_holm
from introbench.train.study.config import Study, Unit, units_of
from introbench.train.study.results import kept_bytes, read_results

__all__ = ["FIRST_ARMS", "Across", "across_units", "kept_across", "units_in_matrix"]

_MATRIX, _CONTRASTS = "matrix.json", "contrasts.json"

_Kept = TypeVar("_Kept", bound=Frozen)

_Pair = tuple[tuple[Run, Run], tuple[str, str], Literal["target", "base"]]

FIRST_ARMS = 3
"""Arms whose units are set against each other where the study names none."""


def units_in_matrix(study: Study) -> list[Unit]:
    """The units that are set against each other: all are trained and run on the tasks of the study.

    Raises UsageError where an arm is named that the study lacks.
    """
    units = units_of(study)
    known = list(dict.fromkeys(unit.group for unit in units))
    # An arm is named as its units are, or by its spec.
    named = {unit.arm.name: unit.group for unit in reversed(units)} | {group: group for group in known}
    if absent := [arm for arm in study.in_matrix if arm not in named]:
        raise UsageError(f"in_matrix: {absent[0]!r} is no arm of the study; it has {', '.join(known)}")
    chosen = [named[arm] for arm in study.in_matrix] or known[:FIRST_ARMS]
    usual = study.tasks, study.test or study.tasks
    return [unit for unit in units if unit.group in chosen and (unit.tasks, unit.test) == usual]


class Across(Frozen):
    """What a study's units are against each other; made from runs, and kept as files for when they are gone."""

    matrix: Matrix | None
    """Emitter × teacher; null where it has not been made."""
    contrasts: tuple[Contrast, ...]
    """The first arm of those in the matrix against M0 and against each of the others, seed by seed."""


class _Contrasts(Frozen):
    contrasts: tuple[Contrast, ...]


def across_units(study: Study, out: Path, results: Path) -> list[str]:
    """Make both from the last runs of units that are there, M0 among them, and keep them. Nothing with fewer than two.

    What was made before stays where units that are done have no runs there.

    Args:
        out: folder of the study.
        results: folder of its results.

    Returns what was left out, and why, a sentence each.
    """
    found = [(unit, out / "units" / unit.id / "run") for unit in units_in_matrix(study)]
    ready = [(unit, read_run(run)) for unit, run in found if (run / "summary.json").is_file()]
    here = {unit.id for unit, _ in ready}
    done = read_results(results, [unit for unit, _ in found])
    absent = [name for name, result in done.items() if result.status == "done" and name not in here]
    if absent and (results / _MATRIX).exists():
        return [f"{out} has no runs of {', '.join(absent)}: units stand against each other as they did before"]
    if len(ready) < 2:
        return []
    matrix = matrix_of([run for _, run in ready], [unit.id for unit, _ in ready])
    write_whole(results / _MATRIX, kept_bytes(matrix))
    contrasts, refused = _contrasts(ready, found[0][0].group)
    write_whole(results / _CONTRASTS, kept_bytes(_Contrasts(contrasts=contrasts)))
    return refused


def _contrasts(ready: Sequence[tuple[Unit, Run]], first: str) -> tuple[tuple[Contrast, ...], list[str]]:
    """The contrasts, and the reasons for those that cannot be made: runs of two machines may have two M0."""
    mine = [each for each in ready if each[0].group == first]
    pairs: list[_Pair] = [((run, run), (unit.id, "M0"), "base") for unit, run in mine]
    pairs += [
        ((run, other_run), (unit.id, other.id), "target")
        for unit, run in mine
        for other, other_run in ready
        if other.group != first and other.seed == unit.seed
    ]
    found: list[Contrast] = []
    refused = []
    for runs, names, second in pairs:
        try:
            found += contrast_of(runs, names, second)
        except NotComparableError as error:
            refused.append(f"{' − '.join(names)} is left out: {error}")
    # Each number is tested in every pair.
    for name in ("exact_match", "verdict_j", "gap"):
        tests = with_holm([getattr(each, name).test for each in found])
        found = [
            each.model_copy(update={name: getattr(each, name).model_copy(update={"test": test})})
            for each, test in zip(found, tests, strict=True)
        ]
    return tuple(found), refused


def kept_across(results: Path) -> Across:
    """Both as they were kept. Raises UsageError where a file is not what it should be."""
    matrix, contrasts = _kept(results / _MATRIX, Matrix), _kept(results / _CONTRASTS, _Contrasts)
    return Across(matrix=matrix, contrasts=contrasts.contrasts if contrasts else ())


def _kept(path: Path, kind: type[_Kept]) -> _Kept | None:
    if not path.is_file():
        return None
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UsageError(f"{path}: not of this version ({str(error).splitlines()[0]}); remove it") from error
