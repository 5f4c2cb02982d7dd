"""Bundles for tests: a sound one, and the same taken apart so that an attacker can put it together again."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from introbench.hashing import canonical_json, content_hash
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.ledger import request_key, row_check
from introbench_leaderboard.archive import pack, unpack
from introbench_leaderboard.entry import Declared
from introbench_leaderboard.prepare import Prepared, prepare
from introbench_leaderboard.rows import sorted_rows
from introbench_leaderboard.rules import Rules

__all__ = ["LIMIT", "RULES", "UNDECLARED", "Forged", "archive_of", "bundle_of", "gzipped", "run_for_board"]

LIMIT = 4
"""Items of the runs that tests send: 16 cases."""

RULES = Rules(limit=LIMIT, engines=(*Rules().engines, "scripted"))

UNDECLARED = Declared(
    trained_on_labels=None, runs_made=None, relation="undisclosed", open_weights=None, parameters=None, contact=""
)


def run_for_board(out: Path, *models: str, tasks: str = "hint_facts", limit: int = LIMIT, free: bool = False) -> Path:
    """A finished run of these models, target first."""
    config, variants = resolve_config(
        models[0],
        models[1:],
        tasks.split(","),
        limit=limit,
        explanations="free" if free else "constrained",
        aa_share=0.5,
    )
    return execute(config, variants, out)


def bundle_of(run: Path, name: str = "acme/model", **options: Any) -> Prepared:
    """What `introbench submit` makes of a run."""
    return prepare(run, options.pop("declared", UNDECLARED), name=name, **options)


@dataclass
class Forged:
    """A bundle taken apart.

    Attributes:
        header: bundle.json.
        manifest: manifest.json.
        cases: rows of cases.jsonl.
        ledgers: rows of every ledger file.
        raw: files that are put in as they are, in place of the others.
        left_out: files that are not put in.
        sealed: give every row a key and a check that fit it, and every model the hash of its parts.
    """

    header: dict[str, Any]
    manifest: dict[str, Any]
    cases: list[dict[str, Any]]
    ledgers: dict[str, list[dict[str, Any]]]
    raw: dict[str, bytes] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    sealed: bool = True

    @classmethod
    def of(cls, data: bytes) -> Forged:
        """The parts of a sound bundle."""
        members = unpack(data)
        rows = {
            name: [json.loads(line) for line in content.splitlines()]
            for name, content in members.items()
            if name.endswith(".jsonl")
        }
        cases = rows.pop("cases.jsonl")
        return cls(json.loads(members["bundle.json"]), json.loads(members["manifest.json"]), cases, rows)

    @property
    def ledger(self) -> list[dict[str, Any]]:
        """Rows of the first ledger file: the target's."""
        return self.ledgers[sorted(self.ledgers)[0]]

    def rows_of(self, part: str) -> list[dict[str, Any]]:
        """The target's first answers to one of the three questions, in the order of the cases."""
        found = {row["ask"]: row for row in self.ledger if row["replicate"] == 0}
        return [found[ask] for ask in dict.fromkeys(case["asks"][part] for case in self.cases)]

    def members(self) -> dict[str, bytes]:
        """The files as they are sent."""
        if self.sealed:
            self._seal()
        files = {
            "bundle.json": canonical_json(self.header).encode() + b"\n",
            "manifest.json": canonical_json(self.manifest).encode() + b"\n",
            "cases.jsonl": "".join(canonical_json(row) + "\n" for row in self.cases).encode(),
            **{name: sorted_rows(rows) for name, rows in self.ledgers.items()},
            **self.raw,
        }
        return {name: content for name, content in files.items() if name not in self.left_out}

    def data(self) -> bytes:
        """The archive."""
        return pack(self.members())

    def _seal(self) -> None:
        for model in self.manifest["models"]:
            old = model["fingerprint"]
            model["fingerprint"] = content_hash(model["fingerprint_parts"])
            for name, rows in self.ledgers.items():
                if name.startswith(f"records/{model['folder']}/"):
                    for row in rows:
                        if row["key"] == request_key(row["ask"], old, row["replicate"]):
                            row["key"] = request_key(row["ask"], model["fingerprint"], row["replicate"])
        for rows in self.ledgers.values():
            for row in rows:
                row["check"] = row_check(row)


def archive_of(
    members: Mapping[str, bytes],
    change: Callable[[tarfile.TarInfo], None] = lambda entry: None,
    more: Callable[[tarfile.TarFile], None] = lambda archive: None,
    form: int = tarfile.GNU_FORMAT,
) -> bytes:
    """A gzipped tar archive as any other program might write it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in sorted(members.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            change(entry)
            archive.addfile(entry, io.BytesIO(content))
        more(archive)
    return gzipped(out.getvalue())


def gzipped(data: bytes) -> bytes:
    """The same, compressed without name and time."""
    return gzip.compress(data, mtime=0)
