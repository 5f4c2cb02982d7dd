"""Carrying a plan out: one model at a time, pack by pack, each answer on disk before the next is asked."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introbench.errors import IntrobenchError, ModelError, RunDirectoryError
from introbench.files import slug
from introbench.hashing import content_hash, text_hash
from introbench.models.load import open_model
from introbench.models.spec import parse_spec
from introbench.models.types import ChoiceRequest, Model, ModelHead, check_length
from introbench.runs.config import ModelEntry, RunConfig
from introbench.runs.directory import RunDirectory
from introbench.runs.ledger import Ledger, LedgerRow, read_ledger, request_key
from introbench.runs.manifest import new_manifest, scoring_entry
from introbench.runs.plan import Pack, Plan, make_plan, packs_for
from introbench.scorer.forest import count_tokens
from introbench.tasks.registry import TaskVariant

__all__ = ["ModelCount", "Progress", "count_plan", "execute"]

_LOGPROB_DECIMALS = 6
_HOST_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        model: name of the model at work.
        step: "opening", "loading" or "asking".
        done: requests answered of this model, those found in the ledger included.
        total: requests of this model; 0 while it is being opened.
        found: requests that were in the ledger when the run began.
    """

    model: str
    step: str
    done: int = 0
    total: int = 0
    found: int = 0


@dataclass(frozen=True, slots=True)
class ModelCount:
    """What a plan costs on one model.

    Attributes:
        name: the model.
        requests: number of requests.
        found: requests whose answers are in the ledger already.
        packs: number of forward passes.
        prompt_tokens: tokens of all prompts and choices, pushed one by one; 0 where there are no ids.
        pushed_tokens: tokens that packed trees push; 0 where there are no ids.
    """

    name: str
    requests: int
    found: int
    packs: int
    prompt_tokens: int
    pushed_tokens: int


def execute(
    config: RunConfig,
    variants: list[TaskVariant],
    out: Path,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Path:
    """Run a configuration, or go on with one that was interrupted. Returns the run directory.

    Raises UsageError where the input is wrong, with nothing half-written.
    """
    plan = make_plan(config, variants)
    cases = plan.cases_jsonl()
    directory = RunDirectory(out)
    directory.check(config.as_json(), cases)
    with directory.locked():
        folders = _folders(config)
        # Heads first: a wrong spec of the last model is found before the first one has worked for an hour.
        heads = [_open(entry, on_progress) for entry in config.models]
        packs = [_packs(plan, head) for head in heads]
        known = directory.check(config.as_json(), cases)
        manifest = dict(known) if known else new_manifest(plan, folders, [head.fingerprint for head in heads])
        _check_identities(directory, manifest, heads)
        if not known:
            directory.create(manifest, cases)
        for number, head in enumerate(heads):
            row = manifest["models"][number]
            ledgers = _ledgers(directory, row["folder"], plan)
            manifest["models"][number] = _run_model(head, packs[number], ledgers, row, on_progress)
            directory.write_manifest(manifest)
        directory.write_manifest({**manifest, "complete": True})
    return out


def count_plan(config: RunConfig, variants: list[TaskVariant], out: Path | None) -> tuple[Plan, Iterator[ModelCount]]:
    """What a run would cost, per model, and what its ledger has already. Loads no weights, writes nothing."""
    plan = make_plan(config, variants)
    known = RunDirectory(out).check(config.as_json(), plan.cases_jsonl()) if out else None
    folders = _folders(config)

    def counts() -> Iterator[ModelCount]:
        for entry in config.models:
            head = _open(entry, lambda progress: None)
            yield _count(
                plan, entry, head, _answered(RunDirectory(out), folders[entry.name]) if out and known else set()
            )

    return plan, counts()


def _count(plan: Plan, entry: ModelEntry, head: ModelHead, answered: set[str]) -> ModelCount:
    requests = found = packs = prompts = pushed = 0
    for pack in _packs(plan, head):
        packs += 1
        requests += len(pack.requests)
        found += sum(request_key(question.ask, head.fingerprint.hex) in answered for question in pack.questions)
        if head.chat is not None:
            prompts += sum(
                len(request.prompt_ids) + len(reply) for request in pack.requests for reply in request.choices_ids
            )
            pushed += count_tokens(pack.requests)
    return ModelCount(entry.name, requests, found, packs, prompts, pushed)


def _answered(directory: RunDirectory, folder: str) -> set[str]:
    # Read, not opened: a plan may be made while another process writes.
    files = sorted((directory.path / "records" / folder).glob("*.jsonl"))
    return {row["key"] for file in files for row in read_ledger(file)}


def _open(entry: ModelEntry, on_progress: Callable[[Progress], None]) -> ModelHead:
    on_progress(Progress(entry.name, "opening"))
    return open_model(parse_spec(entry.spec))


def _packs(plan: Plan, head: ModelHead) -> list[Pack]:
    """All packs of a model. Raises PromptError where a prompt does not fit it."""
    packs = list(packs_for(plan, head.chat, head.pack_tokens))
    if head.chat is not None:
        for pack in packs:
            for request in pack.requests:
                check_length(request, head.spec, head.context)
    return packs


def _folders(config: RunConfig) -> dict[str, str]:
    # Numbered, so that two models never share a folder whatever their names are slugged to.
    return {entry.name: f"{number}-{slug(entry.name)}" for number, entry in enumerate(config.models)}


def _check_identities(directory: RunDirectory, manifest: Mapping[str, Any], heads: list[ModelHead]) -> None:
    for row, head in zip(manifest["models"], heads, strict=True):
        if row["fingerprint"] != head.fingerprint.hex:
            before = row["fingerprint_parts"]
            changed = [name for name, part in head.fingerprint.parts.items() if before.get(name) != part]
            raise RunDirectoryError(
                f"{directory.path}: model {row['name']!r} has changed since this run began "
                f"({', '.join(changed)}); choose another --out"
            )


def _ledgers(directory: RunDirectory, folder: str, plan: Plan) -> dict[str, Ledger]:
    names = [task.variant.name for task in plan.tasks]
    return {name: Ledger(directory.ledger(folder, name)) for name in names}


def _run_model(
    head: ModelHead,
    packs: Sequence[Pack],
    ledgers: Mapping[str, Ledger],
    known: Mapping[str, Any],
    on_progress: Callable[[Progress], None],
) -> Mapping[str, Any]:
    """Answer what is not answered yet; returns the model's entry of the manifest."""
    name, hex_print = known["name"], head.fingerprint.hex
    todo = [pack for pack in packs if not all(_found(pack, hex_print, ledgers[pack.task]))]
    total = sum(len(pack.requests) for pack in packs)
    found = done = total - sum(len(pack.requests) for pack in todo)
    if not todo and "tie_margin" in known:
        on_progress(Progress(name, "asking", done, total, found))
        return known
    on_progress(Progress(name, "loading", done, total, found))
    model = head.load()
    for pack in todo:
        ledgers[pack.task].append(_answer(pack, model, hex_print))
        done += len(pack.requests)
        on_progress(Progress(name, "asking", done, total, found))
    return {**known, **scoring_entry(model.facts, len(packs), head.pack_tokens)}


def _found(pack: Pack, fingerprint: str, ledger: Ledger) -> list[bool]:
    return [
        ledger.holds(request_key(question.ask, fingerprint), _tokens_hash(request))
        for question, request in zip(pack.questions, pack.requests, strict=True)
    ]


def _answer(pack: Pack, model: Model, fingerprint: str) -> list[LedgerRow]:
    results = model.score(pack.requests)
    if len(results) != len(pack.requests):
        raise IntrobenchError(f"{model.spec}: {len(results)} results for {len(pack.requests)} requests")
    rows = []
    for question, request, result in zip(pack.questions, pack.requests, results, strict=True):
        logprobs = tuple(round(value, _LOGPROB_DECIMALS) for value in result.logprobs)
        if len(logprobs) != len(question.choices) or not all(-float("inf") < value <= 1e-3 for value in logprobs):
            raise ModelError(f"{model.spec}: {question.case}: log-probabilities are not finite: {logprobs}")
        rows.append(
            LedgerRow(
                key=request_key(question.ask, fingerprint),
                ask=question.ask,
                replicate=0,
                tokens=_tokens_hash(request),
                logprobs=logprobs,
                pack=pack.name,
                time=round(time.time(), 3),
                host=text_hash(platform.node())[:_HOST_DIGITS],
            )
        )
    return rows


def _tokens_hash(request: ChoiceRequest) -> str | None:
    if not request.prompt_ids:
        return None
    return content_hash([list(request.prompt_ids), [list(reply) for reply in request.choices_ids]])
