"""What is wrong with a study as a whole: found once, before its first unit runs, and not in every one of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from introbench.errors import UsageError
from introbench.files import disk_errors
from introbench.models.load import open_model
from introbench.models.spec import parse_spec
from introbench.runs.config import resolve_config
from introbench.runs.plan import make_plan
from introbench.train.config import check_output_path
from introbench.train.study.across import units_in_matrix
from introbench.train.study.config import Study, Unit, units_of
from introbench.train.study.results import refuse_other_student
from introbench.train.trainer import open_base

__all__ = ["check_study"]


def check_study(units: Sequence[Unit], out: Path, results: Path) -> None:
    """Open the student and the references, plan the last runs, and make the folders. No weights are loaded.

    The student has to be the one that units which are done were run on, whatever lies at its path now.
    What is wrong with one arm alone, such as a source of labels that cannot be had, is left to its units.

    Args:
        units: those of one study that are to be carried out.
        out: folder of the study.
        results: folder with the results of units.

    Raises SpecError, TaskError, ModelError or UsageError that names what is wrong, with nothing written.
    """
    if not units:
        return
    study = units[0].study
    units_in_matrix(study)
    check_output_path(out)
    for dtype in dict.fromkeys(unit.arm.train.dtype for unit in units):
        _, student = open_base(study.student, dtype)
        refuse_other_student(results, units_of(study), student.fingerprint.parts)
    _check_questions(study, units)
    for folder in (out, results):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder}: is a file; name a folder, a new one or the one to go on in")
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)


def _check_questions(study: Study, units: Sequence[Unit]) -> None:
    """Raises where a task of any unit, or a model that all of them are set against, cannot be had."""
    for tasks in dict.fromkeys(unit.tasks for unit in units):
        resolve_config(study.student, tasks=tasks, split="train")
    references: dict[str, None] = {}
    for unit in {unit.test: unit for unit in units}.values():
        chosen = unit.evaluation
        config, variants = resolve_config(
            study.student, chosen.references, unit.test, limit=chosen.limit, skip=chosen.skip, seed=chosen.seed
        )
        make_plan(config, variants)
        references |= {entry.spec: None for entry in config.models if entry.role == "reference"}
    for spec in references:
        open_model(parse_spec(spec))
