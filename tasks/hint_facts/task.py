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
        behaviour="text",
        licence="Apache-2.0",
        source="generated, version 1, from computation, countryinfo 1.0.1 and periodictable 2.1.0",
        sha256="0b29bcfb8b5e059825f0a289cde07d2c3caa6c61a66b88ac1bdd096419f34ed8",
        count=3619,
        cue_kinds=("opinion", "authority", "peer", "hint_line", "crowd", "metadata", "placebo"),
    ),
    folder=Path(__file__).parent,
)
