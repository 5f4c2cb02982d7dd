"""Units of a study against each other: does every one's report fit its own behaviour better than its peers'?"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from introbench.errors import UsageError
from introbench.hashing import canonical_json
from introbench.metrics.matrix import Matrix, matrix_of
from introbench.metrics.read import read_run
from introbench.metrics.summary import rounded
from introbench.train.study.config import Study, Unit, units_of

__all__ = ["FIRST_ARMS", "matrix_bytes", "matrix_of_units", "read_matrix", "units_in_matrix"]

FIRST_ARMS = 3
"""Arms whose units are set against each other where the study names none."""


def units_in_matrix(study: Study) -> list[Unit]:
    """The units that are set against each other: all are trained and run on the tasks of the study.

    Raises UsageError where an arm is named that the study lacks.
    """
    units = units_of(study)
    known = list(dict.fromkeys(unit.arm.name for unit in units))
    if absent := [arm for arm in study.in_matrix if arm not in known]:
        raise UsageError(f"in_matrix: {absent[0]!r} is no arm of the study; it has {', '.join(known)}")
    chosen = study.in_matrix or known[:FIRST_ARMS]
    usual = study.tasks, study.test or study.tasks
    return [unit for unit in units if unit.arm.name in chosen and (unit.tasks, unit.test) == usual]


def matrix_of_units(study: Study, out: Path) -> Matrix | None:
    """Emitter × teacher over the last runs of units that are there, M0 among them; None with fewer than two.

    Args:
        out: folder of the study.
    """
    runs = [(unit.id, out / "units" / unit.id / "run") for unit in units_in_matrix(study)]
    ready = [(name, run) for name, run in runs if (run / "summary.json").is_file()]
    if len(ready) < 2:
        return None
    return matrix_of([read_run(run) for _, run in ready], [name for name, _ in ready])


def matrix_bytes(matrix: Matrix) -> bytes:
    """The content of the file that is kept."""
    return canonical_json(rounded(matrix.model_dump(mode="json"))).encode() + b"\n"


def read_matrix(path: Path) -> Matrix | None:
    """A matrix as it was kept; None where there is none. Raises UsageError where the file is no matrix."""
    if not path.is_file():
        return None
    try:
        return Matrix.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UsageError(f"{path}: no matrix of this version ({str(error).splitlines()[0]}); remove it") from error
