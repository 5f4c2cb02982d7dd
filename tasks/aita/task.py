"""What `aita` declares, and how it makes items of a table of posts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from introbench.tasks import ItemSet, Parameter, Task, TaskInfo
from introbench_tasks.dilemmas.protocol import STANCES

__all__ = ["TASK"]


def _load(values: Mapping[str, str]) -> ItemSet:
    # Imported here, so that listing tasks does not pay for it.
    from introbench.tasks.splits import held_out_share
    from introbench.tasks.tables import read_table
    from introbench_tasks.aita.posts import item_set, most_words

    share, longest = held_out_share(values["test"]), most_words(values["words"])
    return item_set(read_table(values["data"]), values["columns"], longest, share)


TASK = Task(
    info=TaskInfo(
        name="aita",
        summary="Conflicts from posts of your own file, judged wrong or not wrong; cues as in dilemmas.",
        version=1,
        comparability=1,
        behaviours=("text", "letter"),
        licence="LicenseRef-user-supplied",
        source="a file or a data set of the hub that the user names; posts belong to those who wrote them",
        sha256=None,
        count=None,
        cue_kinds=STANCES,
        bundled=False,
    ),
    folder=Path(__file__).parent,
    parameters=(
        Parameter("data", "CSV, TSV, JSONL, JSON, parquet, or ORG/NAME[@REV][:CONFIG][/SPLIT]", naming="file"),
        Parameter("columns", "text=COLUMN,title=COLUMN,verdict=COLUMN,cluster=COLUMN", "", naming="none"),
        Parameter("words", "longest post that is asked, in words", "400"),
        Parameter("test", "share of the clusters that are held out", "1", naming="none"),
    ),
    load=_load,
)
