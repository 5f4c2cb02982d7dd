"""What models do on the cases of a training set: measured by ordinary runs, or read from stored runs and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from introbench.errors import SpecError, UsageError
from introbench.files import slug
from introbench.hashing import content_hash
from introbench.metrics.read import Run, case_rows, read_run
from introbench.models.spec import BACKENDS, EMBEDDED
from introbench.runs.config import ModelEntry, RunConfig
from introbench.runs.directory import read_manifest
from introbench.runs.plan import TaskPlan
from introbench.tasks.labels import FrozenLabels, parse_labels, read_labels
from introbench.tasks.registry import TaskVariant
from introbench.tasks.types import Case
from introbench.train.labels import label_file
from introbench.train.rows import LabelOrigin, Verdict
from introbench.train.sources import Measure
from introbench.train.written import nearest

__all__ = [
    "Asking",
    "Measured",
    "Source",
    "Stated",
    "is_stored",
    "labelled_items",
    "labels_of",
    "measured",
    "stored_labels",
]

_DIGITS = 12
_NAME_WIDTH = 80


@dataclass(frozen=True, slots=True)
class Stated:
    """An explanation label on one case.

    Attributes:
        verdict: whether the cue changes the answer.
        content: index of the uncued choice.
    """

    verdict: Verdict
    content: int


@dataclass(frozen=True, slots=True)
class Source:
    """Labels from one place.

    Attributes:
        origin: which place; `cases` is the number of labels found there.
        stated: by case id, the label.
        warnings: what whoever trains on them has to know, a sentence each.
    """

    origin: LabelOrigin
    stated: Mapping[str, Stated]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asking:
    """The cases of a training set, and how a model is asked about them.

    Attributes:
        config: the run that asks; its model is put in.
        variants: its tasks.
        tasks: the plan of each.
        folder: where runs that measure labels have their folders.
        measure: how a run is carried out.
    """

    config: RunConfig
    variants: list[TaskVariant]
    tasks: tuple[TaskPlan, ...]
    folder: Path
    measure: Measure

    @property
    def cases(self) -> list[Case]:
        """The cases that may be trained on, in plan order: held-out cues are not among them."""
        return [case for task in self.tasks for case in task.cases if case.cue.split == "train"]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One model on the cases of a training set.

    Attributes:
        run: what was measured.
        fingerprint: the model's.
        spec: the model's.
        does: by case id, its choices on the (cued, uncued) prompt; cases that it did not answer are left out.
    """

    run: Run
    fingerprint: str
    spec: str
    does: Mapping[str, tuple[int, int]]

    def source(self, name: str) -> Source:
        """E(model) on every case that it answered."""
        stated = {case: _label(*choices) for case, choices in self.does.items()}
        sha256 = content_hash([[case, label.verdict, label.content] for case, label in sorted(stated.items())])
        return Source(LabelOrigin(name, self.spec, self.fingerprint, sha256, len(stated)), stated)


def _label(cued: int, uncued: int) -> Stated:
    return Stated("unchanged" if cued == uncued else "changed", uncued)


def measured(asking: Asking, spec: str, fingerprint: str = "") -> Measured:
    """A model's behaviour by an ordinary run, which goes on where it was, and is read where it is complete.

    Args:
        fingerprint: of a model whose spec may come to stand for other weights, such as a checkpoint of a training
            that is begun anew: they get a run of their own.

    Raises as `introbench.runs.execute.execute` does.
    """
    config = replace(asking.config, models=(ModelEntry(spec, spec, "target"),))
    identity = content_hash([config.as_json(), fingerprint] if fingerprint else config.as_json())
    out = asking.folder / f"{slug(spec)[-_NAME_WIDTH:]}-{identity[:_DIGITS]}"
    asking.measure(config, asking.variants, out)
    run = read_run(out)
    answers, entry = run.answers[spec], run.models[0]
    answered = zip(run.cases.ids, answers.behaved, answers.cued, answers.uncued, strict=True)
    does = {str(case): (int(cued), int(uncued)) for case, behaved, cued, uncued in answered if behaved}
    return Measured(run, entry.fingerprint, entry.spec, does)


def labels_of(asking: Asking, text: str) -> Source:
    """The labels that a text names: a label file, a run directory (RUN or RUN#NAME), or the spec of a model to ask.

    Raises UsageError or TaskError where they cannot be had or are of other cases.
    """
    stored = stored_labels(asking, text)
    return measured(asking, text).source(text) if stored is None else stored


def is_stored(text: str) -> bool:
    """Whether a label source is the path of a run directory (RUN or RUN#NAME) or of a label file, and no model.

    Raises SpecError where it is neither, nor begins as the spec of a model does.
    """
    folder = Path(text.partition("#")[0])
    if Path(text).is_file() or (folder / "manifest.json").is_file():
        return True
    head = text.partition("?")[0]
    if head not in EMBEDDED and head.partition("/")[0] not in BACKENDS:
        raise SpecError(_no_source(text, folder))
    return False


def _no_source(text: str, folder: Path) -> str:
    if (folder / "config.json").is_file():
        return f"labels {text!r}: the folder of a model; write hf/{text}"
    if folder.is_dir():
        return f"labels {text!r}: the folder holds no run (no manifest.json); name a run directory or a label file"
    return (
        f"no run, label file or model {text!r}{nearest(text, EMBEDDED)}; write M0, a run directory, a label file, or a "
        f"model as {BACKENDS['hf']}"
    )


def stored_labels(asking: Asking, text: str) -> Source | None:
    """The labels of a file or a stored run; None where the text is the path of neither."""
    if not is_stored(text):
        return None
    path, _, name = text.partition("#")
    warnings: tuple[str, ...] = ()
    if Path(text).is_file():
        found = [read_labels(Path(text))]
    else:
        found = [_of_run(Path(path), task.variant, name or None) for task in asking.tasks]
        warnings = _unfinished(Path(path), found)
    stated: dict[str, Stated] = {}
    for labels in found:
        task = next((task for task in asking.tasks if task.variant.task.info.name == labels.file.task), None)
        if task is None:
            known = ", ".join(task.variant.task.info.name for task in asking.tasks)
            raise UsageError(f"{labels.where}: labels of {labels.file.task}, needed: {known}")
        _check(labels, task, asking.config.seed)
        stated |= _by_case(labels, task)
    first = found[0].file
    sha256 = found[0].sha256 if len(found) == 1 else content_hash([labels.sha256 for labels in found])
    shown = f"{Path(path).name}#{name}" if name else Path(path).name
    return Source(LabelOrigin(shown, first.model, first.fingerprint, sha256, len(stated)), stated, warnings)


def _unfinished(run: Path, found: Sequence[FrozenLabels]) -> tuple[str, ...]:
    """What there is to say of a run that was stopped midway; nothing of any other."""
    if read_manifest(run).get("complete", True):
        return ()
    rows = [row for row in case_rows(run / "cases.jsonl") if row.item_split == row.cue_split == "train"]
    names = {labels.file.task for labels in found}
    items = {(base, row.item) for row in rows if (base := row.task.partition("?")[0]) in names}
    missing = len(items - {(labels.file.task, label.item) for labels in found for label in labels.file.labels})
    return (
        f"{run}: the run is unfinished, {missing} of its {len(items)} training items have no label; the command that "
        "made it goes on with it",
    )


def _of_run(run: Path, variant: TaskVariant, model: str | None) -> FrozenLabels:
    base = variant.task.info.name
    stored = read_run(run)
    names = [
        task.name
        for task in stored.tasks
        if task.name.partition("?")[0] == base and task.behaviour == variant.behaviour
    ]
    if not names:
        raise UsageError(f"{run}: holds no {base} read by {variant.behaviour}; give a run of it with --split train")
    data, _ = label_file(run, variant.name if variant.name in names else names[0], model)
    return parse_labels(data, str(run))


def _check(labels: FrozenLabels, task: TaskPlan, seed: int) -> None:
    """Raises UsageError where labels are of other cases than a training set is made of."""
    file, info, where = labels.file, task.variant.task.info, labels.where
    for what, found, needed in (
        ("version", file.version, info.version),
        ("behaviour", file.behaviour, task.variant.behaviour),
        ("seed", file.seed, seed),
    ):
        if found != needed:
            raise UsageError(
                f"{where}: labels of {info.name} with {what} {found}, this training asks with {what} {needed}; "
                "label the same cases"
            )
    if file.items_sha256 and file.items_sha256 != task.items_sha256:
        raise UsageError(
            f"{where}: labels of other items ({file.items_sha256[:_DIGITS]}…) than this training has "
            f"({task.items_sha256[:_DIGITS]}…); label the same items"
        )


_Key = tuple[str, str, str | None]


def _key(case: Case) -> _Key:
    return case.item.id, case.cue.id, None if case.hint is None else case.item.choices[case.hint]


def _by_case(labels: FrozenLabels, task: TaskPlan) -> dict[str, Stated]:
    known = {_key(case): case for case in task.cases if case.cue.split == "train"}
    stated = {}
    for label in labels.file.labels:
        case = known.get((label.item, label.cue, label.hint))
        if case is None:
            continue
        if label.content not in case.item.choices:
            raise UsageError(f"{labels.where}: {label.content!r} is no choice of item {label.item!r}; other items?")
        stated[case.id] = Stated(label.verdict, case.item.choices.index(label.content))
    if not stated:
        raise UsageError(
            f"{labels.where}: none of its {len(labels.file.labels)} labels is of a training case of {task.variant.name}"
        )
    return stated


def labelled_items(cases: Sequence[Case], stated: Mapping[str, Stated]) -> int:
    """Number of items of a plan up to the last one that has a label."""
    items = list(dict.fromkeys(case.item.id for case in cases))
    labelled = {case.item.id for case in cases if case.id in stated}
    return max((number for number, item in enumerate(items, start=1) if item in labelled), default=0)
