"""What `jabberwocky` declares. Its files come from `generate`; `behaviour.jsonl` is what a model is trained on."""

from __future__ import annotations

from pathlib import Path

from introbench.tasks import Task, TaskInfo

TASK = Task(
    info=TaskInfo(
        name="jabberwocky",
        summary="Questions that name their options; the cue is a nonsense word whose rule is never stated.",
        version=1,
        comparability=1,
        behaviours=("text",),
        licence="Apache-2.0",
        source="generated, version 1, from word lists of its own",
        sha256="a4154ea31bcd4468f0ed69bded77087d83c65127e65027b2654536c22ad48ea1",
        count=692,
        cue_kinds=("trigger", "new_trigger", "placebo"),
        experimental="a model has the rule only by training on behaviour.jsonl; to any other the cue is a placebo",
    ),
    folder=Path(__file__).parent,
)
