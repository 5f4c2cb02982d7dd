"""From an arm to a training set: which cases, whose labels, what is done to them, and how they fit the student."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from introbench.errors import UsageError
from introbench.metrics.headline import RAREST_VERDICT
from introbench.models.load import open_model
from introbench.models.spec import parse_spec
from introbench.runs.config import RunConfig, resolve_config
from introbench.runs.execute import execute
from introbench.runs.plan import make_plan
from introbench.tasks.noise import Noise
from introbench.tasks.registry import TaskVariant, find_tasks, resolve_task
from introbench.tasks.types import Case
from introbench.train.arm import Arm
from introbench.train.measured import (
    Asking,
    Measured,
    Source,
    Stated,
    is_stored,
    labelled_items,
    labels_of,
    measured,
    stored_labels,
)
from introbench.train.mixing import balanced, change_rate, cut_to, few_per_item, flipped, mixed, share_kept, shuffled
from introbench.train.rows import LabelOrigin, TrainingCase, TrainingSet
from introbench.train.shift import beside_rows, shifted
from introbench.train.sources import Measure

__all__ = ["LOW_AGREEMENT", "M0", "SHUFFLED", "SetRequest", "relabelled", "stand_in_set", "training_set"]

M0 = "M0"
"""The label source that is the student before training."""

SHUFFLED = "shuffled"
"""As the other source of a mixture: the first one's labels, moved between cases."""

LOW_AGREEMENT = 0.7
"""Below this share of labels that are E(student), coupling collapses, as readers relay of arXiv 2606.32038."""


@dataclass(frozen=True)
class SetRequest:
    """What a training set is made from.

    Attributes:
        student: spec of the model to be trained, as it is before training (M0).
        tasks: specs of the tasks to be explained.
        arm: what is learnt.
        folder: where the runs that measure labels have their folders; runs of the same cases are shared.
        seed: of noise, shuffles, mixtures and subsets.
        case_seed: root seed of the cases: which cues and hints an item gets, and their order.
        options: options of the student (`dtype`, `device`), as `resolve_config` takes them.
        include_paths: folders with task plugins.
        task_values: values of task parameters.
    """

    student: str
    tasks: tuple[str, ...]
    arm: Arm
    folder: Path
    seed: int = 0
    case_seed: int = 0
    options: Mapping[str, str] = field(default_factory=dict)
    include_paths: tuple[Path, ...] = ()
    task_values: Mapping[str, str] = field(default_factory=dict)


def training_set(request: SetRequest, measure: Measure = execute) -> TrainingSet:
    """Make the training set of an arm; what has been measured before is not measured again.

    Args:
        measure: carries out the runs that measure labels.

    Raises UsageError, SpecError or TaskError where labels cannot be had, are of other cases, or are too unbalanced.
    """
    arm = request.arm
    beside = _beside(request)
    if arm.labels is None and arm.concurrent is None:
        return TrainingSet(tuple(beside), _names(beside), (), _counted(behaviour=beside))
    asking = _asking(request, measure)
    stored = None if arm.labels in (None, M0) else stored_labels(asking, str(arm.labels))
    counts: dict[str, int] = {}
    if stored is not None:
        # Items behind the last one with a label would be asked for nothing.
        planned, asking = asking, _asking(request, measure, labelled_items(_cases(asking), stored.stated))
        counts["items behind the last label"] = _items(planned) - _items(asking)
    _open_sources(arm)
    student = measured(asking, asking.config.models[0].spec)
    own = student.source(M0)
    first = own if arm.labels in (None, M0) else stored or labels_of(asking, str(arm.labels))
    other = _other(asking, arm, own, first)
    counts["held-out cues left out"] = len(_cases(asking)) - len(asking.cases)
    sources = [own, first, *([other] if other else [])]
    cases = _chosen(asking.cases, sources, request, counts)
    stated, origins = _stated(cases, first, other, request, student, counts)
    rows = [_row(case, stated[case.id], explained=arm.labels is not None) for case in cases]
    if arm.concurrent:
        rows, counts["behaviour to learn"] = shifted(rows, arm.concurrent, student.does, request.seed)
    made = TrainingSet((*rows, *beside), _names([*rows, *beside]), origins, counts | _counted(behaviour=beside))
    made = replace(made, warnings=tuple(dict.fromkeys(said for source in sources for said in source.warnings)))
    return made if arm.labels is None else _with_facts(made, own.stated, arm)


def stand_in_set(request: SetRequest) -> TrainingSet:
    """The cases of a training set before anything is measured, with stand-ins for labels and behaviour; to count them.

    Cases that turn out to have no label, or are left out to balance verdicts, are among them.

    Raises UsageError where there cannot be as many labels as the arm asks for, or it names a kind of items that no
    case is of.
    """
    arm, beside = request.arm, _beside(request)
    rows: list[TrainingCase] = []
    counts: dict[str, int] = {}
    if arm.labels is not None or arm.concurrent is not None:
        cases, stand_in = _asking(request, execute).cases, Stated("unchanged", 0)
        same = Source(LabelOrigin("stand-in", "", "", "", len(cases)), {case.id: stand_in for case in cases})
        # Of one verdict nothing can be balanced: cases that this leaves out are among them.
        unbalanced = replace(request, arm=arm.model_copy(update={"balance": False}))
        cases = _chosen(cases, [same, same], unbalanced, counts)
        rows = [_row(case, stand_in, explained=arm.labels is not None) for case in cases]
        if arm.concurrent:
            does = {case.id: (stand_in.content, stand_in.content) for case in cases}
            rows, counts["behaviour to learn"] = shifted(rows, arm.concurrent, does, request.seed)
    return TrainingSet((*rows, *beside), _names([*rows, *beside]), (), counts | _counted(behaviour=beside))


def relabelled(training: TrainingSet, source: Source) -> TrainingSet:
    """The same cases with labels made anew, as `fresh` asks for; those without a new one keep theirs, and are counted.

    Args:
        source: labels of the student as it is now, from `measured(asking, spec).source(name)`.
    """
    rows, kept = [], 0
    for row in training.cases:
        new = source.stated.get(row.case.id)
        if row.candidate is None or new is None:
            kept += row.candidate is not None
            rows.append(row)
        else:
            rows.append(replace(row, verdict=new.verdict, content=new.content))
    origin = replace(source.origin, cases=training.explained - kept)
    rate = change_rate(_learnt(rows))
    warnings = [*training.warnings]
    if min(rate, 1 - rate) < RAREST_VERDICT:
        warnings.append(
            f'{rate:.1%} of the labels made anew are "changed": with a verdict this rare a constant is learnt'
        )
    return replace(
        training,
        cases=tuple(rows),
        origins=(origin,),
        counts={**training.counts, "kept an older label": kept},
        change_rate=rate,
        warnings=tuple(warnings),
    )


def relabeller(request: SetRequest, measure: Measure = execute) -> Callable[[TrainingSet, str], TrainingSet]:
    """What makes the labels of a training set anew from a checkpoint of the student, whose spec it is given."""
    asking = _asking(request, measure)

    def relabel(training: TrainingSet, checkpoint: str) -> TrainingSet:
        fingerprint = open_model(parse_spec(checkpoint)).fingerprint.hex
        return relabelled(training, measured(asking, checkpoint, fingerprint).source(checkpoint))

    return relabel


def _asking(request: SetRequest, measure: Measure, items: int | None = None) -> Asking:
    arm = request.arm
    limit = min((number for number in (arm.items, items) if number is not None), default=None)
    config, variants = _resolved(request, limit)
    return Asking(config, variants, make_plan(config, variants).tasks, request.folder, measure)


def _resolved(request: SetRequest, limit: int | None) -> tuple[RunConfig, list[TaskVariant]]:
    hints = request.arm.hints
    asked = [f"{task}{'&' if '?' in task else '?'}hints={hints}" if hints > 1 else task for task in request.tasks]
    config, variants = resolve_config(
        request.student,
        tasks=asked,
        split="train",
        limit=limit,
        seed=request.case_seed,
        explanations="none",
        aa_share=0.0,
        options=request.options,
        include_paths=request.include_paths,
        task_values=request.task_values,
    )
    # A student that is an adapter on a base is asked alone: labels are its own.
    return replace(config, models=config.models[:1]), variants


def _cases(asking: Asking) -> list[Case]:
    return [case for task in asking.tasks for case in task.cases]


def _items(asking: Asking) -> int:
    return len({(case.task, case.item.id) for case in _cases(asking)})


def _open_sources(arm: Arm) -> None:
    """Open the models that are to label, so that one that cannot be had ends the call before the student is measured.

    Raises SpecError or ModelError as `open_model` does.
    """
    for source in (arm.labels, arm.mix.other if arm.mix else None):
        if source not in (None, M0, SHUFFLED) and not is_stored(source):
            open_model(parse_spec(source))


def _other(asking: Asking, arm: Arm, own: Source, first: Source) -> Source | None:
    if arm.mix is None:
        return None
    if arm.mix.other == SHUFFLED:
        return replace(first, origin=replace(first.origin, source=f"{first.origin.source}, shuffled"))
    if arm.mix.other == M0:
        return own
    return labels_of(asking, arm.mix.other)


def _chosen(
    cases: Sequence[Case], sources: Sequence[Source], request: SetRequest, counts: dict[str, int]
) -> list[Case]:
    """The cases to be explained: labelled by all sources, balanced and cut down as the arm says.

    They are chosen by the labels as they were measured, so that arms that differ in noise or shuffles train on the
    same cases.
    """
    arm, (own, first, *_) = request.arm, sources
    counts["cases"] = len(cases)
    answered = [case for case in cases if case.id in own.stated]
    counts["not answered by the student"] = len(cases) - len(answered)
    found = [case for case in answered if all(case.id in source.stated for source in sources)]
    counts["without a label"] = len(answered) - len(found)
    if not found:
        raise UsageError(f"arm {arm.name!r}: no case is left that has a label; label more items")
    if arm.cases_per_item is not None:
        before, found = len(found), few_per_item(found, arm.cases_per_item, request.seed)
        counts["beyond cases_per_item"] = before - len(found)
    if arm.balance:
        before, found = len(found), balanced(found, first.stated, request.seed)
        counts["left out to balance verdicts"] = before - len(found)
    if arm.labels_count is not None:
        before = len(found)
        found = cut_to(found, first.stated, arm.labels_count, request.seed, balance=arm.balance)
        counts["beyond labels_count"] = before - len(found)
    return found


def _stated(
    cases: Sequence[Case],
    first: Source,
    other: Source | None,
    request: SetRequest,
    student: Measured,
    counts: dict[str, int],
) -> tuple[Mapping[str, Stated], tuple[LabelOrigin, ...]]:
    """The labels of the chosen cases, and where they come from."""
    arm, seed = request.arm, request.seed
    stated: Mapping[str, Stated] = {case.id: first.stated[case.id] for case in cases}
    origins: tuple[LabelOrigin, ...] = (replace(first.origin, cases=len(cases)),)
    name = student.run.models[0].name
    if arm.mix and other:
        others = other.stated
        if arm.mix.other == SHUFFLED:
            others = shuffled(cases, stated, student.run, name, seed)
        stated = mixed(cases, stated, others, arm.mix.share, seed)
        kept = len(share_kept(cases, arm.mix.share, seed))
        origins = (replace(first.origin, cases=kept), replace(other.origin, cases=len(cases) - kept))
    if arm.shuffle:
        before, stated = stated, shuffled(cases, stated, student.run, name, seed)
        counts["other label after the shuffle"] = _different(before, stated)
    if arm.noise:
        before, stated = stated, flipped(cases, stated, Noise(arm.noise.kind, arm.noise.rate), seed)
        counts["flipped"] = _different(before, stated)
    return stated, origins if arm.labels is not None else ()


def _different(before: Mapping[str, Stated], after: Mapping[str, Stated]) -> int:
    return sum(label != after[case] for case, label in before.items())


def _row(case: Case, label: Stated, *, explained: bool) -> TrainingCase:
    return TrainingCase(case, label.verdict if explained else None, label.content if explained else None)


def _with_facts(made: TrainingSet, own: Mapping[str, Stated], arm: Arm) -> TrainingSet:
    """The set with what is known about its labels. Raises UsageError where one verdict is too rare to be learnt."""
    learnt = _learnt(made.cases)
    rate = change_rate(learnt)
    if min(rate, 1 - rate) < RAREST_VERDICT and not arm.allow_unbalanced:
        raise UsageError(
            f'arm {arm.name!r}: {rate:.1%} of {len(learnt)} labels are "changed"; with a verdict rarer than '
            f"{RAREST_VERDICT:.0%} a constant is learnt: set balance=true, or allow_unbalanced=true to train on them"
        )
    agreement = sum(own[case] == label for case, label in learnt.items()) / len(learnt)
    warnings = made.warnings
    if agreement < LOW_AGREEMENT:
        warnings = (
            *warnings,
            f"{agreement:.1%} of the labels are what the student does; below 60 to {LOW_AGREEMENT:.0%} coupling is "
            "reported to collapse (arXiv 2606.32038)",
        )
    return replace(made, agreement=agreement, change_rate=rate, warnings=warnings)


def _learnt(rows: Sequence[TrainingCase]) -> dict[str, Stated]:
    return {
        row.case.id: Stated(row.verdict, row.content)
        for row in rows
        if row.verdict is not None and row.content is not None
    }


def _beside(request: SetRequest) -> list[TrainingCase]:
    if request.arm.beside is None:
        return []
    tasks = find_tasks(request.include_paths)
    return beside_rows(resolve_task(request.arm.beside.task, tasks), learn=request.arm.beside.learn)


def _counted(*, behaviour: Sequence[TrainingCase]) -> dict[str, int]:
    return {"prompts of another task": len(behaviour)} if behaviour else {}


def _names(rows: Sequence[TrainingCase]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_without_hints(row.case.task) for row in rows))


def _without_hints(task: str) -> str:
    """The spec that the task is tested by: several hints an item are a matter of training."""
    name, _, query = task.partition("?")
    kept = "&".join(part for part in query.split("&") if part and not part.startswith("hints="))
    return f"{name}?{kept}" if kept else name
