"""Stores of any size: runs of scripted models, recomputed by the board and placed under many names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from introbench.hashing import bytes_hash, named_random
from introbench.report.provenance import command_of
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench_leaderboard.archive import pack
from introbench_leaderboard.entry import (
    BUNDLE,
    ENTRY,
    TIERS,
    Declared,
    Entry,
    EntryId,
    Relation,
    dump_entry,
    entry_folder,
    outcomes_name,
    pack_outcomes,
)
from introbench_leaderboard.layout import CASES, MANIFEST
from introbench_leaderboard.recompute import Recomputed, recompute

__all__ = ["TASKS", "Measured", "declared_as", "large_store", "measured", "place"]

TASKS = ("hint_facts", "hint_facts?behaviour=letter", "hint_facts?k=2", "dilemmas", "jabberwocky", "refusal")

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_RELATIONS: tuple[Relation, ...] = ("maker", "affiliated", "independent", "undisclosed")
_SIZES = (135_000_000, 360_000_000, 1_700_000_000, 8_000_000_000, 32_000_000_000, 405_000_000_000, None)


class Measured:
    """A finished run as the board sees it.

    Attributes:
        members: its files, by name.
        results: every number.
        archive: the files as they travel.
        outcomes: by name, the files with the outcome of every case.
    """

    def __init__(self, members: dict[str, bytes]) -> None:
        self.members = members
        self.results: Recomputed = recompute(members, "constrained")
        self.archive = pack(members)
        self.outcomes = {outcomes_name(task): pack_outcomes(each) for task, each in self.results.outcomes.items()}


def measured(
    folder: Path, skill: float, *, seed: int = 0, tasks: Sequence[str] = TASKS, limit: int | None = 60
) -> Measured:
    """A model that states its own label in this share of the cases and guesses in the rest.

    Made of the ledgers of two scripted models that behave alike, of which one knows itself and one guesses.
    """
    runs = [_run(folder, script, seed, tasks, limit) for script in ("oracle", "random")]
    members = {str(file.relative_to(runs[0])): file.read_bytes() for file in sorted(_files(runs[0]))}
    for name in [name for name in members if name.startswith("records/")]:
        guesses = {row["ask"]: row for row in _rows((runs[1] / name.replace("oracle", "random")).read_bytes())}
        rows = [
            row if named_random(seed, "knows itself", row["ask"]).random() < skill else _instead(row, guesses)
            for row in _rows(members[name])
        ]
        members[name] = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return Measured(members)


def _run(folder: Path, script: str, seed: int, tasks: Sequence[str], limit: int | None) -> Path:
    config, variants = resolve_config(f"scripted/{script}?seed={seed}", (), list(tasks), limit=limit, aa_share=0)
    return execute(config, variants, folder / f"{script}-{seed}")


def _files(run: Path) -> list[Path]:
    return [run / MANIFEST, run / CASES, *run.glob("records/*/*.jsonl")]


def _rows(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def _instead(row: dict[str, Any], guesses: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        **{name: value for name, value in row.items() if name != "check"},
        "logprobs": guesses[row["ask"]]["logprobs"],
    }


def declared_as(number: int) -> Declared:
    """Declarations that differ from entry to entry, unknown ones among them."""
    return Declared(
        trained_on_labels=(False, True, None)[number % 3],
        runs_made=number % 5 + 1,
        relation=_RELATIONS[number % 4],
        open_weights=(True, True, False, None)[number % 4],
        parameters=_SIZES[number % 7],
        contact="https://example.org/contact" if number % 2 else "",
    )


def place(store: Path, found: Measured, entry_id: EntryId, number: int = 0, **changed: Any) -> Entry:
    """Put a run into a store. `changed` are fields of the entry."""
    manifest = json.loads(found.members[MANIFEST])
    model = manifest["models"][0]
    fields: dict[str, Any] = {
        "schema_version": 1,
        "id": entry_id,
        "spec": f"hf/{entry_id.org}/{entry_id.model}@{entry_id.revision}",
        "fingerprint": model["fingerprint"],
        "fingerprint_parts": model["fingerprint_parts"],
        "weights": model["fingerprint"],
        "engine": "hf",
        "tier": TIERS[0],
        "declared": declared_as(number),
        "base": None,
        "accepted": FIRST_DAY + timedelta(hours=number),
        "scorer": "0.1.0",
        "bundle_sha256": bytes_hash(found.archive),
        "bundle_bytes": len(found.archive),
        "answers_hash": bytes_hash(str(entry_id).encode()),
        "warnings": list(found.results.warnings),
        "command": command_of(manifest),
        "tasks": list(found.results.ranked),
        "summary": found.results.summary,
    }
    entry = Entry(**{**fields, **changed})
    folder = entry_folder(store, entry_id)
    (folder / BUNDLE).parent.mkdir(parents=True)
    (folder / BUNDLE).write_bytes(found.archive)
    (folder / ENTRY).write_bytes(dump_entry(entry))
    for name, data in found.outcomes.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    return entry


def _name(number: int) -> EntryId:
    """Three revisions of every model."""
    model = number // 3
    return EntryId(org=f"org{model % 40}", model=f"model-{model}", revision=f"step{number % 3}", run=f"r{number}")


def large_store(store: Path, runs: Path, count: int, distinct: int, limit: int = 60) -> None:
    """A store of `count` submissions on six boards, made of `distinct` different runs over `limit` items a task."""
    found = [
        measured(runs / str(number), (number + 0.5) / distinct, seed=number, limit=limit) for number in range(distinct)
    ]
    for number in range(count):
        random = named_random(0, "large store", str(number))
        place(
            store,
            found[random.randrange(distinct)],
            EntryId(
                org=f"org{number // 3 % 40}",
                model=f"model-{number // 3}",
                revision=f"step{number % 3}",
                run=f"r{number}",
            ),
            number,
            tier=random.choices(TIERS, weights=(6, 3, 1))[0],
        )
