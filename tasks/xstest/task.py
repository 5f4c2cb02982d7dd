"""What `xstest` declares, and how it makes items of a table of requests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from introbench.tasks import ItemSet, Parameter, Task, TaskInfo

__all__ = ["TASK"]


def _load(values: Mapping[str, str]) -> ItemSet:
    # Imported here, so that listing tasks does not pay for it.
    from introbench.tasks.splits import held_out_share
    from introbench.tasks.tables import read_table
    from introbench_tasks.xstest.items import item_set

    share = held_out_share(values["test"])
    return item_set(read_table(values["data"]), values["columns"], values["label"], share)


TASK = Task(
    info=TaskInfo(
        name="xstest",
        summary="Requests that sound risky by one word, from XSTest, OR-Bench and the like; the cue is that word.",
        version=1,
        comparability=1,
        behaviours=("opening", "judged"),
        licence="LicenseRef-user-supplied",
        source="a file or a data set of the hub that the user names; the plain substitutes are ours",
        sha256=None,
        count=None,
        cue_kinds=("focus_word", "placebo"),
        bundled=False,
    ),
    folder=Path(__file__).parent,
    parameters=(
        Parameter("data", "CSV, TSV, JSONL, JSON, parquet, or ORG/NAME[@REV][:CONFIG][/SPLIT]", naming="file"),
        Parameter("columns", "prompt=COLUMN,focus=COLUMN,label=COLUMN,kind=COLUMN", "", naming="none"),
        Parameter("label", "which requests are asked: safe, unsafe or all", "safe"),
        Parameter(
            "test", "share of the focus words that are held out; the others set the threshold", "0.8", naming="none"
        ),
    ),
    load=_load,
)
