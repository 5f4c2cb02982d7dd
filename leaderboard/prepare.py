"""From a run directory to the bundle that is sent: what the board needs, without what is nobody's business."""

from __future__ import annotations

import getpass
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import Any

from introbench.errors import RunDirectoryError, UsageError
from introbench.files import disk_errors
from introbench.hashing import canonical_json, content_hash, text_hash
from introbench.models.spec import ModelSpec, parse_spec
from introbench.runs.directory import read_manifest
from introbench.runs.ledger import read_ledger, request_key, row_check
from introbench.texts import inert
from introbench_leaderboard.archive import pack
from introbench_leaderboard.asked import Request, TaskRefusedError, asked_of, folders, plan_of, planned_tasks
from introbench_leaderboard.check import Submission, check_bundle
from introbench_leaderboard.entry import Declared
from introbench_leaderboard.identity import hub_name
from introbench_leaderboard.layout import (
    BUNDLE_SCHEMA,
    CASES,
    HEADER,
    MANIFEST,
    ROW_FIELDS,
    Config,
    ManifestModel,
    ledger_name,
)
from introbench_leaderboard.privacy import is_local_path, private_in
from introbench_leaderboard.rows import sorted_rows
from introbench_leaderboard.rules import Rules

__all__ = ["Prepared", "prepare"]

_WITHHELD = "withheld"
_SHORT = 12
_EVERYBODY = frozenset(
    {"", "admin", "debian", "docker", "hf", "jovyan", "localhost", "root", "runner", "ubuntu", "user"}
)
"""Names of users and machines that name nobody."""

_SENT_OF_A_MODEL = tuple(ManifestModel.model_fields)
_LONGEST_PART = 4000


@dataclass(frozen=True, slots=True)
class Prepared:
    """A bundle that is ready to be sent.

    Attributes:
        data: its bytes.
        submission: what the board will make of it.
        notes: what was left out or replaced, a sentence each.
    """

    data: bytes
    submission: Submission
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Model:
    """A model as it is sent, and the identity under which its rows lie in the run."""

    sent: dict[str, Any]
    folder: str
    fingerprint: str


def prepare(
    run: Path,
    declared: Declared,
    name: str | None = None,
    revision: str | None = None,
    supersedes: str | None = None,
    rules: Rules | None = None,
) -> Prepared:
    """Make the bundle of a finished run.

    Args:
        name: ORG/MODEL; that of the hub where None.
        revision: which state of the weights; from the identity of the weights where None.
        supersedes: id of the entry that this one corrects.
        rules: those of the board; where None, whatever seed, split and limit the run has are taken.

    Raises UsageError where the run is not finished, cannot be rebuilt, or would be rejected.
    """
    manifest = read_manifest(run)
    notes: list[str] = []
    try:
        models = [_sent_model(row, notes) for row in _kept(run, manifest, notes)]
        config = _config(manifest, models)
        plan = plan_of(config)
    except TaskRefusedError as error:
        raise UsageError(f"{run}: task {error}; leave it out of the run that is sent") from error
    except (KeyError, TypeError, ValueError) as error:
        raise RunDirectoryError(f"{run}: its manifest is not that of a finished run ({error})") from error
    cases = plan.cases_jsonl()
    with disk_errors(run / CASES):
        if (run / CASES).read_bytes() != cases:
            raise UsageError(f"{run / CASES}: not what this version's tasks give; run again with this version")
    asked = asked_of(plan)
    members = {CASES: cases}
    for model, folder in zip(models, folders(config).values(), strict=True):
        model.sent["folder"] = folder
        members |= _ledgers(run, model, asked, config.tasks, notes)
    notes.append(f"of every model in the manifest only {', '.join(_SENT_OF_A_MODEL)} are sent")
    members[MANIFEST] = _json(_manifest(manifest, config, models, planned_tasks(plan)))
    members[HEADER] = _json(_header(models[0].sent, declared, name, revision, supersedes))
    data = pack(members)
    own = Rules(seed=config.seed, split=config.split, limit=config.limit, engines=(*Rules().engines, "scripted"))
    verdict = check_bundle(data, rules or own)
    if verdict.submission is None:
        more = f" (and {len(verdict.reasons) - 1} more reasons)" if len(verdict.reasons) > 1 else ""
        raise UsageError(f"{run}: the board would reject it: {verdict.reasons[0]}{more}")
    return Prepared(data, verdict.submission, tuple(notes))


def _kept(run: Path, manifest: Mapping[str, Any], notes: list[str]) -> list[Mapping[str, Any]]:
    """The target and its declared base. Other references are not sent."""
    if not manifest.get("complete"):
        raise UsageError(f"{run}: is not finished; the same `introbench run` goes on with it")
    kept = [row for row in manifest["models"] if row["role"] in ("target", "base")]
    if left := [row["name"] for row in manifest["models"] if row["role"] == "reference"]:
        notes.append(f"models that the board does not use are left out: {', '.join(left)}")
    return kept


def _names() -> frozenset[str]:
    """Names of who is at work here, and of the machine."""
    try:
        user = getpass.getuser()
    except OSError:
        user = ""
    found = {user, Path.home().name, platform.node(), platform.node().partition(".")[0]}
    return frozenset(name.casefold() for name in found) - _EVERYBODY


def _sent_model(row: Mapping[str, Any], notes: list[str]) -> _Model:
    spec = parse_spec(row["spec"])
    parts = {name: _public_part(row["name"], name, part, notes) for name, part in row["fingerprint_parts"].items()}
    public = _public_spec(spec, parts, notes)
    called = row["name"] if not (private_in(row["name"], _names()) or row["name"] == row["spec"]) else str(public)
    sent = {
        **{name: row[name] for name in _SENT_OF_A_MODEL if name in row},
        "name": _inert(called),
        "spec": str(public),
        "fingerprint_parts": parts,
        "fingerprint": content_hash(parts),
    }
    return _Model(sent, row["folder"], row["fingerprint"])


def _public_part(model: str, name: str, part: str, notes: list[str]) -> str:
    """A part of the identity, or its hash where it tells more than the identity."""
    private = private_in(part, _names()) or is_local_path(part) or "://" in part or len(part) > _LONGEST_PART
    if not private and _inert(part) == part:
        return part
    notes.append(f"{model}: the part {name!r} of its identity is replaced by its hash")
    return f"{_WITHHELD} {text_hash(part)}"


def _public_spec(spec: ModelSpec, parts: Mapping[str, str], notes: list[str]) -> ModelSpec:
    """The spec without paths, URLs and secrets."""
    options = {name: _public_option(name, value, notes) for name, value in spec.options.items()}
    if spec.backend not in ("hf", "vllm"):
        return ModelSpec(spec.backend, _inert(spec.name), options)
    identities = "+".join(parts.get(part, "") for part in ("weights", "adapter")).split("+")
    public = "+".join(starmap(_public_place, zip(spec.places, identities, strict=False)))
    if public != spec.name:
        notes.append(f"spec {spec}: the path is cut to {public}")
    return ModelSpec(spec.backend, public, options)


def _public_place(name: str, identity: str) -> str:
    """A hub id as it is; of local files the last name."""
    on_hub = identity.startswith(f"{name.partition('@')[0]}@")
    local = not on_hub and (is_local_path(name) or "/" in name)
    return f"./{Path(name).name or 'model'}" if local else name


def _public_option(name: str, value: str, notes: list[str]) -> str:
    private = is_local_path(value) or "://" in value or private_in(f"{name}={value}", _names())
    if not private and not ("/" in value and Path(value).exists()):
        return _inert(value)
    notes.append(f"the value of {name}= is left out of the spec")
    return _WITHHELD


def _inert(text: str) -> str:
    return inert(text).replace("<", "(").replace(">", ")")


def _config(manifest: Mapping[str, Any], models: Sequence[_Model]) -> Config:
    config = {name: value for name, value in manifest["config"].items() if name in Config.model_fields}
    asked = [{name: model.sent[name] for name in ("name", "spec", "role")} for model in models]
    return Config.model_validate({**config, "models": asked})


def _manifest(
    manifest: Mapping[str, Any], config: Config, models: Sequence[_Model], tasks: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "schema": 1,
        "complete": True,
        "config": config.model_dump(mode="json"),
        "seed": config.seed,
        "models": [model.sent for model in models],
        "tasks": tasks,
        "versions": _public(manifest.get("versions")),
        "hardware": _public(manifest.get("hardware")),
        "git": _public(manifest["git"]) if manifest.get("git") else None,
    }


def _public(part: Mapping[str, Any] | None) -> dict[str, Any]:
    """Facts without those that name somebody or a place."""
    found: dict[str, Any] = {}
    for name, value in (part or {}).items():
        if not isinstance(value, str):
            found[name] = value
        elif private_in(value, _names()) is None:
            found[name] = _inert(value)
    return found


def _ledgers(
    run: Path, model: _Model, asked: Sequence[Request], tasks: Sequence[str], notes: list[str]
) -> dict[str, bytes]:
    """The model's rows that answer the cases, under the identity that is sent, by file of the bundle."""
    found: dict[str, Mapping[str, Any]] = {}
    rows = 0
    for file in sorted((run / "records" / model.folder).glob("*.jsonl")):
        for row in read_ledger(file):
            rows += 1
            found.setdefault(row["key"], row)
    placed: dict[str, list[dict[str, Any]]] = {ledger_name(model.sent["folder"], task): [] for task in tasks}
    for request in asked:
        answer = found.get(request_key(request.ask, model.fingerprint, request.replicate))
        if answer is None:
            raise UsageError(f"{run}: {request.case.id}: {request.question.part} is not answered; run it again")
        placed[ledger_name(model.sent["folder"], request.task)].append(_sent_row(answer, model.sent["fingerprint"]))
    if rows > len(asked):
        notes.append(f"{model.sent['name']}: {rows - len(asked)} ledger rows that answer no case are left out")
    return {name: sorted_rows(held) for name, held in placed.items()}


def _sent_row(row: Mapping[str, Any], fingerprint: str) -> dict[str, Any]:
    """A row without time, host and deciding token, under the identity that is sent."""
    sent = {name: row.get(name) for name in ROW_FIELDS}
    sent["key"] = request_key(row["ask"], fingerprint, row["replicate"])
    sent["logprobs"] = [float(value) for value in row["logprobs"]]
    return {**sent, "check": row_check(sent)}


def _header(
    target: Mapping[str, Any], declared: Declared, name: str | None, revision: str | None, supersedes: str | None
) -> dict[str, Any]:
    from introbench import __version__

    found = name or hub_name(parse_spec(target["spec"]))
    if found is None or found.count("/") != 1:
        raise UsageError("--name ORG/MODEL is missing: the run does not say what its model is called")
    org, model = found.split("/")
    weights = target["fingerprint_parts"].get("adapter") or target["fingerprint_parts"].get("weights")
    stated = (weights or target["fingerprint"]).rpartition("@")[2][:_SHORT]
    parameters = declared.parameters or target.get("parameters") or None
    return {
        "schema": BUNDLE_SCHEMA,
        "introbench": __version__,
        "org": org,
        "model": model,
        "revision": revision or stated,
        "declared": declared.model_copy(update={"parameters": parameters}).model_dump(mode="json"),
        "supersedes": supersedes,
    }


def _json(value: Mapping[str, Any]) -> bytes:
    return canonical_json(value).encode() + b"\n"
