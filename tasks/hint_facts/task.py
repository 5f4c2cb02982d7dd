"""What `hint_facts` declares. Its items come from `generate`, its wordings from `templates.yaml`."""

from __future__ import annotations

from pathlib import Path

from introbench.tasks import Task, TaskInfo

TASK = Task(
    info=TaskInfo(
        name="hint_facts",
        summary="Short factual questions; the cue is a hint or an opinion.",
        version=1,
        comparability=1,
        behaviours=("text", "letter"),
        licence="Apache-2.0",
        source="generated, version 1, from computation, countryinfo 1.0.1 and periodictable 2.1.0",
        sha256="eeec61deb23dc9d4fe176bdb39d7bd743f4d7ec52784694495bd1396828cdf34",
        count=3619,
        cue_kinds=("opinion", "authority", "peer", "hint_line", "crowd", "metadata", "placebo"),
        labels_sha256="db4a61b6ce8bbafd1ccfe56b6a0988f31a160d9e5b374462134ed2169c274efe",
    ),
    folder=Path(__file__).parent,
)
