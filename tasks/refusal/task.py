"""What `refusal` declares. Its items come from `generate`, its wordings from `templates.yaml`."""

from __future__ import annotations

from pathlib import Path

from introbench.tasks import Task, TaskInfo

TASK = Task(
    info=TaskInfo(
        name="refusal",
        summary="Harmless requests; the cue is a word that sounds risky, a worry, a bad motive, or word and motive.",
        version=1,
        comparability=1,
        behaviours=("opening", "judged"),
        licence="Apache-2.0",
        source="generated, version 1, from a table of deeds written for this package",
        sha256="7a03415d33238fa5037314c2927b75136e58f0043940552b6590a6e6f149e367",
        count=726,
        cue_kinds=("word", "worry", "motive", "combined", "secrecy", "suspicion", "placebo"),
        experimental=(
            "small models seldom refuse: on the embedded one 16 % of 68 cases of 20 items change (95 % interval "
            "6 to 35 %), and 15 % of 75 judged replies refuse; not measured yet on a model that refuses more"
        ),
    ),
    folder=Path(__file__).parent,
)
