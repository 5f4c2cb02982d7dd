"""The board's own answers of base models: what a submission's base has to agree with before coupling is shown."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from introbench.errors import UsageError
from introbench.files import disk_errors, slug, write_whole
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench_leaderboard.archive import LIMITS, ArchiveError
from introbench_leaderboard.check import Submission, open_bundle
from introbench_leaderboard.entry import BUNDLE, Declared
from introbench_leaderboard.identity import identity_hash
from introbench_leaderboard.layout import Manifest, ManifestModel
from introbench_leaderboard.prepare import prepare
from introbench_leaderboard.reasons import Reason, reason
from introbench_leaderboard.rerun import allowed
from introbench_leaderboard.rows import ledger_rows
from introbench_leaderboard.rules import Rules

__all__ = ["BASES", "base_state", "judged_base", "pin_base"]

BASES = "bases"
"""Folder of the store: `bases/<identity>/<task>/bundle.tar.gz`, replaced when a base is pinned again."""

_DIGITS = 16

State = Literal["matches", "differs", "not pinned"]
_Answers = Mapping[tuple[str, int], Mapping[str, Any]]


def pin_base(store: Path, spec: str, task: str, rules: Rules) -> tuple[Path, list[str]]:
    """Run a base model on a task here and keep its answers. Returns the file, and what differs from what was kept.

    Raises UsageError where spec or task name nothing, and as a run does.
    """
    known: list[str] = []
    config, variants = resolve_config(spec, (), (task,), split=rules.split, limit=rules.limit, seed=rules.seed)
    with tempfile.TemporaryDirectory(prefix="introbench-base-") as made:
        run = execute(config, variants, Path(made) / "run")
        prepared = prepare(run, _OF_THE_BOARD, name="board/base")
    target = prepared.submission.manifest.models[0]
    file = _file(store, target, config.tasks[0])
    if file.exists():
        manifest, before = _pinned_answers(file)
        margin = max(target.tie_margin, manifest.models[0].tie_margin)
        after = _answers(prepared.submission.members, target, config.tasks)
        known = [f"{ask[:12]}: {text}" for ask, text in _differences(before, after, margin)]
    with disk_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, prepared.data)
    return file, known


_OF_THE_BOARD = Declared(
    trained_on_labels=None, runs_made=None, relation="independent", open_weights=None, parameters=None, contact=""
)


def base_state(store: Path, manifest: Manifest, members: Mapping[str, bytes]) -> State:
    """Whether the base of a bundle answers as the board's own on every task."""
    states = [state for _, state, _ in _judged(store, manifest, members)]
    if "differs" in states:
        return "differs"
    return "matches" if states and all(state == "matches" for state in states) else "not pinned"


def judged_base(store: Path, submission: Submission) -> Iterator[Reason]:
    """Why the base's ledger is not taken: it is not that of the model that it is said to be."""
    for task, state, text in _judged(store, submission.manifest, submission.members):
        if state == "differs":
            yield reason("base-differs", f"ledger of the base, {task}", text)


def _judged(store: Path, manifest: Manifest, members: Mapping[str, bytes]) -> Iterator[tuple[str, State, str]]:
    """Per task: how the base compares, and the first difference in words."""
    if len(manifest.models) < 2:
        return
    base = manifest.models[1]
    sent = _answers(members, base, manifest.config.tasks)
    for task in manifest.config.tasks:
        file = _file(store, base, task)
        if not file.exists():
            yield task, "not pinned", ""
            continue
        pinned, kept = _pinned_answers(file)
        found = list(_differences(kept, sent, pinned.models[0].tie_margin, partly=True))
        text = f"{len(found)} answers are not the board's own; {found[0][0][:12]}: {found[0][1]}" if found else ""
        yield task, "differs" if found else "matches", text


def _file(store: Path, model: ManifestModel, task: str) -> Path:
    return store / BASES / identity_hash(model.fingerprint_parts)[:_DIGITS] / slug(task) / BUNDLE


def _pinned_answers(file: Path) -> tuple[Manifest, _Answers]:
    try:
        with disk_errors(file):
            data = file.read_bytes()
        _, manifest, members = open_bundle(data)
    except ArchiveError as error:
        raise UsageError(f"{file}: is damaged ({error}); pin the base again") from error
    return manifest, _answers(members, manifest.models[0], manifest.config.tasks)


def _answers(members: Mapping[str, bytes], model: ManifestModel, tasks: Sequence[str]) -> _Answers:
    return {(row["ask"], row["replicate"]): row for row in ledger_rows(members, model, tasks, LIMITS)}


def _differences(kept: _Answers, found: _Answers, margin: float, *, partly: bool = False) -> Iterator[tuple[str, str]]:
    """Hash of the question and words for every answer beyond what rounding explains.

    Args:
        margin: the board's own tie margin, in nats.
        partly: pass over what only one side was asked, as where two tasks share a bundle.
    """
    for request, row in kept.items():
        other = found.get(request)
        if other is None:
            if not partly:
                yield request[0], "is not answered"
            continue
        if row["text"] != other["text"] or len(row["logprobs"]) != len(other["logprobs"]):
            yield request[0], "is another reply"
            continue
        for mine, theirs in zip(row["logprobs"], other["logprobs"], strict=True):
            if abs(mine - theirs) > allowed(mine, margin):
                yield request[0], f"{theirs:.6f} nats, the board's own {mine:.6f}"
                break
