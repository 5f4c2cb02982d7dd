"""The store: accepted bundles in folders that only grow, each with its entry; everything else can be built from them.

It can live in git. A bundle is never altered or removed; an entry, which follows from its bundle, from re-runs and from
decisions of the maintainers, is written anew where one of these changes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from introbench.errors import UsageError
from introbench.files import disk_errors, write_whole
from introbench.hashing import canonical_json
from introbench.report.provenance import command_of
from introbench_leaderboard.archive import ArchiveError
from introbench_leaderboard.bases import base_state, judged_base
from introbench_leaderboard.check import Submission, open_bundle
from introbench_leaderboard.entry import (
    BUNDLE,
    ENTRY,
    SUBMISSIONS,
    TIERS,
    Base,
    Entry,
    Outcomes,
    dump_entry,
    entry_folder,
    pack_outcomes,
    read_entries,
    read_entry,
)
from introbench_leaderboard.identity import engine_of, weights_of
from introbench_leaderboard.layout import Manifest
from introbench_leaderboard.reasons import Reason, reason
from introbench_leaderboard.recompute import Recomputed, recompute
from introbench_leaderboard.rerun import Rerun

__all__ = [
    "INDEX",
    "Moved",
    "accept",
    "add_flag",
    "conflicts",
    "find_entry",
    "locked",
    "raise_tier",
    "rescore",
    "utc_now",
    "write_index",
]

INDEX = "index.json"
_LOCK, _NEW = ".lock", ".new-"
"""What lies in a store for the moment and belongs in no repository."""

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Moved:
    """A ranking figure that another version of the scorer gives.

    Attributes:
        entry: id of the entry.
        task: name of the board.
        before: the figure as it stood; None where there was none.
        after: the figure now.
    """

    entry: str
    task: str
    before: float | None
    after: float | None


def utc_now() -> datetime:
    """The time, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Hold the store for this process; others wait."""
    with disk_errors(store):
        store.mkdir(parents=True, exist_ok=True)
        file = (store / _LOCK).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        file.close()


def conflicts(store: Path, submission: Submission) -> Iterator[Reason]:
    """Why a store cannot take a bundle that by itself is in order: what it already holds, or does not."""
    mine, where = submission.id, "store"
    target = submission.manifest.models[0]
    known = {str(entry.id): entry for _, entry in read_entries(store)}
    for entry in known.values():
        if str(entry.id) == str(mine):
            yield reason("store-replayed", where, f"{mine} is there already")
        elif entry.answers_hash == submission.answers:
            yield reason("store-replayed", where, f"its answers are, row for row, those of {entry.id}")
        elif str(entry.id).casefold() == str(mine).casefold() or (
            (entry.id.org, entry.id.model) != (mine.org, mine.model)
            and f"{entry.id.org}/{entry.id.model}".casefold() == f"{mine.org}/{mine.model}".casefold()
        ):
            yield reason("store-look-alike", where, f"differs from {entry.id} in capital letters only")
        same_name = (entry.id.org, entry.id.model, entry.id.revision) == (mine.org, mine.model, mine.revision)
        if same_name and entry.weights != weights_of(target):
            yield reason("store-weights", where, f"the revision {mine.revision} names other weights in {entry.id}")
    old = submission.header.supersedes
    if old is not None:
        found = known.get(old)
        if found is None:
            yield reason("store-supersedes", where, f"{old} is no entry that could be corrected")
        elif (found.id.org, found.id.model) != (mine.org, mine.model):
            yield reason("store-supersedes", where, f"{old} is an entry of another model")
        elif found.superseded_by is not None:
            yield reason("store-supersedes", where, f"{old} is corrected by {found.superseded_by} already")
    yield from judged_base(store, submission)


def accept(
    store: Path, data: bytes, submission: Submission, rerun: Rerun | None = None, clock: Clock = utc_now
) -> Entry:
    """Take a checked bundle in: all of its files or none. Returns its entry.

    Raises UsageError where the store holds it already or cannot take it; see `conflicts`.
    """
    with locked(store):
        if found := list(conflicts(store, submission)):
            raise UsageError(f"{store}: {found[0].text}")
        entry = _entry(store, submission, rerun, clock())
        folder = entry_folder(store, entry.id)
        with disk_errors(folder):
            # Made outside of the submissions, so that nobody reads a half of it; what a killed process left goes.
            for left in store.glob(f"{_NEW}*"):
                shutil.rmtree(left)
            folder.parent.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix=_NEW, dir=store))
        try:
            write_whole(made / BUNDLE, data)
            _write_derived(made, entry, submission.results.outcomes)
            with disk_errors(folder):
                os.chmod(made, 0o755)
                os.rename(made, folder)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        _index(store)
    return entry


def raise_tier(store: Path, entry_id: str, found: Rerun) -> Entry:
    """Write down what a re-run confirmed; a tier is never lowered by asking fewer cases."""
    if found.tier is None:
        raise UsageError(f"{entry_id}: the model did not confirm its rows; flag the entry instead")
    with locked(store):
        entry = find_entry(store, entry_id)
        if TIERS.index(found.tier) >= TIERS.index(entry.tier):
            entry = _replace(store, entry_id, tier=found.tier, rerun=str(found))
        _index(store)
    return entry


def add_flag(store: Path, entry_id: str, text: str | None) -> Entry:
    """Add an open dispute to an entry; with None all of them are settled."""
    with locked(store):
        entry = find_entry(store, entry_id)
        entry = _replace(store, entry_id, flags=[*entry.flags, text] if text is not None else [])
        _index(store)
    return entry


def rescore(store: Path, clock: Clock = utc_now) -> tuple[list[Moved], list[str]]:
    """Build every entry anew from its bundle with the scorer of this version. Returns what moved, and what failed.

    Bundles are not held against tasks again: they were when they came, and a task may have changed since.
    """
    moved: list[Moved] = []
    failed: list[str] = []
    with locked(store):
        for folder in sorted(path.parent for path in (store / SUBMISSIONS).glob(f"*/*/*/{BUNDLE}")):
            name = folder.relative_to(store / SUBMISSIONS).as_posix()
            try:
                before = read_entry(folder)
                _, manifest, members = open_bundle((folder / BUNDLE).read_bytes())
                results = recompute(members, manifest.config.explanations)
            except (ArchiveError, UsageError, OSError) as error:
                failed.append(f"{name}: {error}")
                continue
            base = _base(store, manifest, members)
            warnings = [*results.warnings, *_own_warnings(manifest)]
            after = _rescored(before.model_copy(update={"base": base, "warnings": warnings}), results, clock)
            moved += _differences(before, after)
            if after != before:
                _write_derived(folder, after, results.outcomes)
        _index(store)
    return moved, failed


def write_index(store: Path) -> Path:
    """Build `index.json` from the entries."""
    with locked(store):
        return _index(store)


def _index(store: Path) -> Path:
    """Note at every corrected entry what corrects it, and list all entries."""
    for _, entry in read_entries(store):
        if entry.supersedes and find_entry(store, entry.supersedes).superseded_by is None:
            _replace(store, entry.supersedes, superseded_by=str(entry.id))
    rows = [
        {
            "id": str(entry.id),
            "folder": folder.relative_to(store).as_posix(),
            "tier": entry.tier,
            "accepted": entry.accepted.isoformat(),
            "supersedes": entry.supersedes,
            "superseded_by": entry.superseded_by,
            "flags": len(entry.flags),
            "bundle_sha256": entry.bundle_sha256,
            "answers_hash": entry.answers_hash,
            "fingerprint": entry.fingerprint,
            "boards": {ranked.board.name: ranked.above_floor.value for ranked in entry.tasks},
        }
        for folder, entry in read_entries(store)
    ]
    file = store / INDEX
    write_whole(file, canonical_json({"schema_version": 1, "entries": rows}).encode() + b"\n")
    return file


def _entry(store: Path, submission: Submission, rerun: Rerun | None, now: datetime) -> Entry:
    from introbench import __version__

    target = submission.manifest.models[0]
    config = submission.manifest.config.model_dump(mode="json")
    return Entry(
        schema_version=1,
        id=submission.id,
        spec=target.spec,
        fingerprint=target.fingerprint,
        fingerprint_parts=target.fingerprint_parts,
        weights=weights_of(target),
        engine=engine_of(target.spec),
        tier=rerun.tier if rerun and rerun.tier else "recomputed",
        rerun=str(rerun) if rerun and rerun.tier else "",
        declared=submission.header.declared,
        base=_base(store, submission.manifest, submission.members),
        accepted=now,
        scorer=__version__,
        bundle_sha256=submission.sha256,
        bundle_bytes=submission.size,
        answers_hash=submission.answers,
        warnings=[*submission.results.warnings, *_own_warnings(submission.manifest)],
        command=command_of({"config": config}),
        supersedes=submission.header.supersedes,
        tasks=list(submission.results.ranked),
        summary=submission.results.summary,
    )


def _own_warnings(manifest: Manifest) -> Iterator[str]:
    target, git = manifest.models[0], manifest.git
    if "withheld" in target.spec or target.spec.partition("/")[2].startswith("./"):
        yield "The weights lie nowhere that the spec names: who submitted them has to be asked for them."
    if git and git.get("dirty"):
        yield "The code that ran had changes that no commit holds."


def _base(store: Path, manifest: Manifest, members: Mapping[str, bytes]) -> Base | None:
    if len(manifest.models) < 2:
        return None
    base = manifest.models[1]
    state = base_state(store, manifest, members)
    return Base(name=base.name, spec=base.spec, fingerprint=base.fingerprint, state=state)


def _write_derived(folder: Path, entry: Entry, outcomes: Any) -> None:
    found: dict[str, Outcomes] = dict(outcomes)
    for ranked in entry.tasks:
        file = folder / ranked.outcomes
        file.parent.mkdir(exist_ok=True)
        write_whole(file, pack_outcomes(found[ranked.board.task]))
    write_whole(folder / ENTRY, dump_entry(entry))


def find_entry(store: Path, entry_id: str) -> Entry:
    """The entry of an id. Raises UsageError where there is none."""
    for _, entry in read_entries(store):
        if str(entry.id) == entry_id:
            return entry
    raise UsageError(f"{store}: holds no entry {entry_id!r}; see its {INDEX}")


def _replace(store: Path, entry_id: str, **changes: Any) -> Entry:
    entry = find_entry(store, entry_id).model_copy(update=changes)
    write_whole(entry_folder(store, entry.id) / ENTRY, dump_entry(entry))
    return entry


def _rescored(before: Entry, results: Recomputed, clock: Clock) -> Entry:
    from introbench import __version__

    new = {"tasks": list(results.ranked), "summary": results.summary, "scorer": __version__}
    after = before.model_copy(update=new)
    return before if after == before else after.model_copy(update={"rescored": clock()})


def _differences(before: Entry, after: Entry) -> Iterator[Moved]:
    known = {ranked.board.name: ranked.above_floor.value for ranked in before.tasks}
    for ranked in after.tasks:
        old, new = known.get(ranked.board.name), ranked.above_floor.value
        if old != new:
            yield Moved(str(after.id), ranked.board.name, old, new)
