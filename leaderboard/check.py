"""The static check: whether a bundle's rows can be what they are said to be, and what they give.

Messages are rebuilt from the board's own tasks, replies are read again, and every number is computed anew. What no
check of texts can see, invented answers that fit together, is what a re-run is for (`introbench_leaderboard.rerun`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from introbench.errors import RunDirectoryError
from introbench.files import disk_errors
from introbench.hashing import bytes_hash, canonical_json, content_hash
from introbench.runs.plan import Plan
from introbench_leaderboard.archive import LIMITS, ArchiveError, Limits, unpack
from introbench_leaderboard.asked import Request, TaskRefusedError, asked_of, plan_of, planned_tasks
from introbench_leaderboard.entry import EntryId
from introbench_leaderboard.identity import identity_reasons
from introbench_leaderboard.layout import CASES, HEADER, MANIFEST, Header, Manifest, ledger_name
from introbench_leaderboard.privacy import private_texts
from introbench_leaderboard.reasons import Reason, few_of, reason, shape_reasons
from introbench_leaderboard.recompute import Recomputed, answers_hash, recompute
from introbench_leaderboard.rows import case_reasons, ledger_reasons, ledger_rows
from introbench_leaderboard.rules import Rules
from introbench_leaderboard.strict import JsonError, strict_json

__all__ = ["Submission", "Verdict", "check_bundle", "open_bundle", "read_bundle"]

_RUN_DIGITS = 16
_LARGEST_FILE = 4 << 20
"""Bytes of the header and of the manifest."""

_Sent = TypeVar("_Sent", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Submission:
    """A bundle that passed the static check.

    Attributes:
        header: who sends what.
        manifest: what was run.
        members: its files, by name.
        sha256: hash of its files.
        size: bytes of the archive.
        answers: hash of what the target answered.
        plan: what the board's own tasks ask.
        asked: every request of it.
        results: every number.
    """

    header: Header
    manifest: Manifest
    members: Mapping[str, bytes]
    sha256: str
    size: int
    answers: str
    plan: Plan
    asked: tuple[Request, ...]
    results: Recomputed

    @property
    def id(self) -> EntryId:
        """Where it lies in the store: the run's name follows from what was measured."""
        measured = content_hash([self.manifest.models[0].fingerprint, bytes_hash(self.members[CASES]), self.answers])
        return self.header.entry_id(measured[:_RUN_DIGITS])


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of the static check.

    Attributes:
        reasons: why the bundle is not taken; empty where it is.
        submission: the bundle, where it is taken.
    """

    reasons: tuple[Reason, ...]
    submission: Submission | None

    @property
    def accepted(self) -> bool:
        """Whether the bundle is taken."""
        return self.submission is not None


def check_bundle(data: bytes, rules: Rules | None = None, limits: Limits = LIMITS) -> Verdict:
    """Check a bundle with every means that needs no model. Opens nothing that it names and runs nothing of it."""
    rules = rules or Rules()
    try:
        members = unpack(data, limits)
    except ArchiveError as error:
        return Verdict(tuple(few_of(reason(code, "archive", text) for code, text in error.reasons)), None)
    reasons: list[Reason] = []
    header = _part(members, HEADER, Header, limits, reasons)
    manifest = _part(members, MANIFEST, Manifest, limits, reasons)
    if header is None or manifest is None:
        return Verdict(tuple(few_of(reasons)), None)
    reasons += identity_reasons(header, manifest, rules)
    reasons += _rule_reasons(manifest, rules)
    reasons += _file_reasons(members, manifest)
    try:
        plan = plan_of(manifest.config)
    except TaskRefusedError as error:
        reasons.append(reason("task-refused", f"{MANIFEST}, config.tasks", str(error)))
        return Verdict(tuple(few_of(reasons)), None)
    asked = asked_of(plan)
    reasons += _task_reasons(manifest, planned_tasks(plan))
    reasons += case_reasons(members.get(CASES, b""), plan.cases_jsonl(), limits)
    for model in manifest.models:
        reasons += ledger_reasons(members, model, asked, manifest.config.tasks, limits)
    if reasons:
        return Verdict(tuple(few_of(reasons)), None)
    try:
        return Verdict((), _submission(data, members, header, manifest, plan, asked, limits))
    except RunDirectoryError as error:
        return Verdict((reason("metrics", "bundle", str(error)),), None)


def open_bundle(data: bytes, limits: Limits = LIMITS) -> tuple[Header, Manifest, Mapping[str, bytes]]:
    """Header, manifest and files of a bundle that the store holds, whose tasks may have changed since.

    Raises ArchiveError where it is damaged.
    """
    members = unpack(data, limits)
    reasons: list[Reason] = []
    header = _part(members, HEADER, Header, limits, reasons)
    manifest = _part(members, MANIFEST, Manifest, limits, reasons)
    if header is None or manifest is None:
        raise ArchiveError(*((each.code, f"{each.where}: {each.text}") for each in reasons))
    return header, manifest, members


def _submission(
    data: bytes,
    members: Mapping[str, bytes],
    header: Header,
    manifest: Manifest,
    plan: Plan,
    asked: list[Request],
    limits: Limits,
) -> Submission:
    target = ledger_rows(members, manifest.models[0], manifest.config.tasks, limits)
    return Submission(
        header=header,
        manifest=manifest,
        members=members,
        sha256=content_hash({name: bytes_hash(content) for name, content in members.items()}),
        size=len(data),
        answers=answers_hash(target),
        plan=plan,
        asked=tuple(asked),
        results=recompute(members, manifest.config.explanations),
    )


def _part(
    members: Mapping[str, bytes], name: str, kind: type[_Sent], limits: Limits, reasons: list[Reason]
) -> _Sent | None:
    """One of the files that describe the bundle; None, with the reasons added, where it is not as it should be."""
    if name not in members:
        reasons.append(reason("file-missing", name, "is not in the bundle"))
        return None
    if len(members[name]) > _LARGEST_FILE:
        reasons.append(reason("json-size", name, f"has more than {_LARGEST_FILE} bytes"))
        return None
    try:
        value = strict_json(members[name].removesuffix(b"\n"), limits)
        found = kind.model_validate(value)
    except JsonError as error:
        reasons.append(reason(error.code, name, str(error)))
        return None
    except ValidationError as error:
        reasons += shape_reasons(name, error)
        return None
    # Tasks are compared with the board's own, text by text.
    own = {field: part for field, part in value.items() if field != "tasks"}
    reasons += [reason(code, f"{name}, {where}", text) for code, where, text in private_texts(own)]
    return found


def _rule_reasons(manifest: Manifest, rules: Rules) -> Iterator[Reason]:
    config = manifest.config
    for code, name, found, wanted in (
        ("seed", "seed", config.seed, rules.seed),
        ("split", "split", config.split, rules.split),
        ("coverage", "limit", config.limit, rules.limit),
    ):
        if found != wanted:
            shown, asked = ("all" if value is None else value for value in (found, wanted))
            yield reason(code, f"{MANIFEST}, config.{name}", f"is {shown}; this board takes {asked}")


def _file_reasons(members: Mapping[str, bytes], manifest: Manifest) -> Iterator[Reason]:
    tasks = manifest.config.tasks
    if len({ledger_name("", task) for task in tasks}) < len(tasks):
        yield reason("task-twice", f"{MANIFEST}, config.tasks", "name a task twice, or two that share a file")
    ledgers = {ledger_name(model.folder, task) for model in manifest.models for task in tasks}
    wanted = {HEADER, MANIFEST, CASES, *ledgers}
    for name in sorted(members.keys() - wanted):
        yield reason("file-unknown", name, "is no file of a bundle: manifest, cases and ledgers are all that is sent")
    for name in sorted(wanted - members.keys()):
        yield reason("file-missing", name, "is not in the bundle")


def _task_reasons(manifest: Manifest, expected: list[dict[str, Any]]) -> Iterator[Reason]:
    """How the manifest's tasks differ from what the board's own give."""
    if len(manifest.tasks) != len(expected):
        yield reason("task-listing", f"{MANIFEST}, tasks", "are not those of the configuration")
        return
    codes = {"version": "task-version", "comparability": "task-version", "items_sha256": "task-items"}
    for place, (found, own) in enumerate(zip(manifest.tasks, expected, strict=True)):
        where = f"{MANIFEST}, tasks.{place}"
        for name in sorted(found.keys() | own.keys()):
            if name not in found or name not in own:
                yield reason("task-fields", where, f"{'lacks' if name in own else 'has an unknown field'} {name}")
            elif canonical_json(found[name]) != canonical_json(own[name]):
                code = codes.get(name, "task-fields")
                yield reason(code, where, f"{name} is not that of the board's {own['name']}")


def read_bundle(file: Path, limits: Limits = LIMITS) -> bytes:
    """The bytes of a bundle, at most one more than are taken. Raises UsageError where there is no such file."""
    with disk_errors(file), file.open("rb") as opened:
        return opened.read(limits.packed + 1)
