"""What `hint_mmlu` declares, and where its questions come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from introbench.errors import TaskError
from introbench.tasks import ItemSet, Parameter, Task, TaskInfo

if TYPE_CHECKING:
    from introbench.tasks.rows import Table

__all__ = ["TASK"]

_REVISION = "c30699e8356da336a370243923dbaf21066bb9fe"
_HUB = f"cais/mmlu@{_REVISION}:all/test"
_QUESTIONS = 14_042
_HELD_OUT = 0.09997
"""Share of the clusters that is held out, chosen so that 1,400 of the 14,042 questions are, as in arXiv 2511.08579."""


def _load(values: Mapping[str, str]) -> ItemSet:
    # Imported here, so that listing tasks does not pay for it.
    from introbench.tasks.tables import read_table
    from introbench_tasks.hint_mcq.items import item_set

    folder = Path(values["data"]).expanduser()
    table = _subjects(folder) if (folder / "test").is_dir() else read_table(values["data"])
    found = item_set(table, values["columns"], "letter|index0", values["behaviour"], "mmlu", _HELD_OUT)
    if len(found.items) == _QUESTIONS:
        return found
    short = f"These are {len(found.items)} questions; the test split of MMLU has {_QUESTIONS}."
    return ItemSet(found.items, found.sha256, found.skipped, (short, *found.notes))


def _subjects(folder: Path) -> Table:
    """The files `test/SUBJECT_test.csv` of a local copy as one table with the column "subject"."""
    from introbench.tasks.rows import Row, Table
    from introbench.tasks.tables import read_table

    files = sorted((folder / "test").glob("*_test.csv"))
    if not files:
        raise TaskError(f"{folder / 'test'}: holds no SUBJECT_test.csv; name a copy of MMLU, or leave data out")
    tables = {path.name.removesuffix("_test.csv"): read_table(str(path)) for path in files}
    return Table(
        source=str(folder),
        columns=("subject", *dict.fromkeys(name for table in tables.values() for name in table.columns)),
        rows=tuple(
            Row(row.where, {**row.values, "subject": subject})
            for subject, table in tables.items()
            for row in table.rows
        ),
        bad=tuple(row for table in tables.values() for row in table.bad),
        note=f"{len(files)} files",
    )


TASK = Task(
    info=TaskInfo(
        name="hint_mmlu",
        summary="The test questions of MMLU; the cue is a hint or an opinion.",
        version=1,
        comparability=1,
        behaviours=("letter", "text"),
        licence="MIT",
        source=f"Hendrycks et al. 2021, cais/mmlu at revision {_REVISION}",
        sha256=None,
        count=None,
        cue_kinds=("opinion", "authority", "peer", "hint_line", "crowd", "metadata", "placebo"),
        bundled=False,
    ),
    folder=Path(__file__).parent,
    parameters=(
        Parameter("data", "a local copy: a folder with test/SUBJECT_test.csv, or a table", _HUB, naming="none"),
        Parameter("columns", "question=COLUMN,choices=COLUMN or a|b|c|d,answer=COLUMN", "", naming="none"),
    ),
    load=_load,
    wordings=Path(__file__).parent.parent / "hint_mcq" / "templates.yaml",
)
