"""What `hint_mcq` declares, and how it makes items of a table of questions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from introbench.tasks import ItemSet, Parameter, Task, TaskInfo

__all__ = ["TASK"]


def _load(values: Mapping[str, str]) -> ItemSet:
    # Imported here, so that listing tasks does not pay for it.
    from introbench.tasks.splits import held_out_share
    from introbench.tasks.tables import read_table
    from introbench_tasks.hint_mcq.items import item_set

    share = held_out_share(values["test"])
    columns = values["columns"]
    if values["cluster"]:
        columns += f",cluster={values['cluster']}"
    return item_set(read_table(values["data"]), columns, values["key"], values["behaviour"], "question", share)


TASK = Task(
    info=TaskInfo(
        name="hint_mcq",
        summary="Multiple-choice questions of your own; the cue is a hint or an opinion.",
        version=1,
        comparability=1,
        behaviours=("letter", "text"),
        licence="LicenseRef-user-supplied",
        source="a file or a data set of the hub that the user names",
        sha256=None,
        count=None,
        cue_kinds=("opinion", "authority", "peer", "hint_line", "crowd", "metadata", "placebo"),
        bundled=False,
    ),
    folder=Path(__file__).parent,
    parameters=(
        Parameter("data", "CSV, TSV, JSONL, JSON, parquet, or ORG/NAME[@REV][:CONFIG][/SPLIT]", naming="file"),
        Parameter("columns", "question=COLUMN,choices=COLUMN or a|b|c|d,answer=COLUMN", "", naming="none"),
        Parameter("cluster", "column of what questions have in common", "", naming="none"),
        Parameter("key", "how keys are read: letter, index0, index1 or text", "auto", naming="none"),
        Parameter("test", "share of the clusters that are held out", "1", naming="none"),
    ),
    load=_load,
)
