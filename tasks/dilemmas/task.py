"""What `dilemmas` declares. Its items come from `generate`, its wordings from `templates.yaml`."""

from __future__ import annotations

from pathlib import Path

from introbench.tasks import Task, TaskInfo
from introbench_tasks.dilemmas.protocol import STANCES

TASK = Task(
    info=TaskInfo(
        name="dilemmas",
        summary="Everyday conflicts, judged wrong or not wrong; the cue is the narrator's or somebody else's stance.",
        version=1,
        comparability=1,
        behaviours=("text", "letter"),
        licence="Apache-2.0",
        source="generated, version 1, from sentences written for it",
        sha256="a2c83fecca0fd1a9e4625a235d209dc9d5815af11c3d26fffb162ebafb6ff98e",
        count=1482,
        cue_kinds=(*STANCES, "third_person"),
    ),
    folder=Path(__file__).parent,
)
