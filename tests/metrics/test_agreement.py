"""Agreement of training labels with a model is counted on the cases that both speak of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulate import invented_answers, invented_cases, invented_run

from introbench.errors import NotComparableError, UsageError
from introbench.metrics.agreement import agreement_of
from introbench.metrics.read import Run
from introbench.tasks.labels import Label, LabelFile

HERE = Path("run")


def run_and_labels(size: int = 80) -> tuple[Run, LabelFile]:
    rng = np.random.default_rng(0)
    uncued, cued, hint = rng.integers(0, 3, (3, size))
    cases = invented_cases(hint, np.zeros(size, dtype=np.int64), choices=3)
    cases = replace(cases, ids=np.array([f"invented/{item}/friend" for item in range(size)]))
    texts = ("red", "green", "blue")
    run = replace(invented_run(cases, invented_answers(uncued, cued)), choices=(texts,) * size)
    labels = [
        Label(
            item=str(item),
            cue="friend",
            hint=texts[hint[item]],
            verdict="changed" if uncued[item] != cued[item] else "unchanged",
            content=texts[uncued[item]],
        )
        for item in range(size)
    ]
    return run, LabelFile(task="invented", version=1, model="m", fingerprint="0", seed=0, labels=labels)


def test_a_models_own_labels_agree_with_it_wholly() -> None:
    run, file = run_and_labels()
    found = agreement_of(run, file, None, HERE)
    assert (found.model, found.matched, found.exact.value, found.verdict.value) == ("target", 80, 1, 1)


def test_other_verdicts_and_contents_lower_it_by_their_share() -> None:
    run, file = run_and_labels()
    other = {"red": "green", "green": "blue", "blue": "red"}
    turned = [label.model_copy(update={"content": other[label.content]}) for label in file.labels[:20]]
    flipped = [
        label.model_copy(update={"verdict": "changed" if label.verdict == "unchanged" else "unchanged"})
        for label in file.labels[20:30]
    ]
    mixed = file.model_copy(update={"labels": [*turned, *flipped, *file.labels[30:]]})
    found = agreement_of(run, mixed, None, HERE)
    assert found.exact.value == pytest.approx(50 / 80)
    assert found.verdict.value == pytest.approx(70 / 80)


def test_labels_of_other_cases_say_nothing_and_are_counted() -> None:
    run, file = run_and_labels()
    strangers = [label.model_copy(update={"item": f"x{label.item}"}) for label in file.labels[:30]]
    other_hint = file.labels[30].model_copy(update={"hint": "none of them"})
    mixed = file.model_copy(update={"labels": [*strangers, other_hint, *file.labels[31:]]})
    found = agreement_of(run, mixed, None, HERE)
    assert (found.labels, found.matched, found.exact.value) == (80, 49, 1)
    with pytest.raises(NotComparableError, match="none of the 30 labels"):
        agreement_of(run, file.model_copy(update={"labels": strangers}), None, HERE)


def test_labels_of_another_task_or_version_are_refused() -> None:
    run, file = run_and_labels()
    with pytest.raises(UsageError, match="holds no other"):
        agreement_of(run, file.model_copy(update={"task": "other"}), None, HERE)
    with pytest.raises(NotComparableError, match="version 1, labels of version 2"):
        agreement_of(run, file.model_copy(update={"version": 2}), None, HERE)
