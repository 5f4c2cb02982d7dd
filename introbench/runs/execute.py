"""Carrying a plan out: one model at a time, pack by pack, each answer on disk before the next is asked."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from introbench.errors import IntrobenchError, ModelError, RunDirectoryError, UnansweredError
from introbench.files import slug
from introbench.hashing import text_hash
from introbench.models.kept import KeptWeights, same_base
from introbench.models.load import open_model
from introbench.models.spec import parse_spec
from introbench.models.types import ChoiceResult, Model, ModelHead
from introbench.ranks import ONE_RANK, Ranks
from introbench.runs.config import ModelEntry, RunConfig
from introbench.runs.directory import RunDirectory
from introbench.runs.ledger import Ledger, LedgerRow, request_key
from introbench.runs.manifest import new_manifest, scoring_entry
from introbench.runs.packing import Asked, Pack, packs_for
from introbench.runs.plan import Plan, make_plan
from introbench.runs.reuse import Answered, answered_in, take_over
from introbench.tasks.registry import TaskVariant

__all__ = ["Progress", "execute", "model_folders", "open_entry"]

_LOGPROB_DECIMALS = 6
_HOST_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        model: name of the model at work.
        step: "opening", "loading", "asking" or "training"; "waiting" while another process measures what is needed.
        done: requests of this model that are answered, those found in the ledger included.
        total: requests of this model; 0 while it is being opened. With several ranks, this one's share of them.
        found: requests that were in the ledger when the run began.
    """

    model: str
    step: str
    done: int = 0
    total: int = 0
    found: int = 0


OnProgress = Callable[[Progress], None]
_OpenOne = Callable[..., ModelHead]
"""`open_entry` with all that is the same for every model of a run."""


def execute(
    config: RunConfig,
    variants: list[TaskVariant],
    out: Path,
    on_progress: OnProgress = lambda progress: None,
    ranks: Ranks = ONE_RANK,
    reuse: Sequence[Path] = (),
    fail_over: float = 0.0,
) -> Path:
    """Run a configuration, or go on with one that was interrupted. Returns the run directory.

    Args:
        reuse: runs whose answers are taken over where question, model and tokens are the same.
        fail_over: share of a model's requests that may stay without an answer, 0 to 1. They are left open: the run is
            not complete, and the same command asks them again.

    Raises UsageError where the input is wrong, with nothing half-written, and InterruptedRunError where another
    rank has died or a model leaves more requests than that unanswered.
    """
    directory = RunDirectory(out)
    answered = answered_in(reuse) if ranks.first else {}
    opened: list[_Opened] = []
    plan: Plan | None = None
    kept = KeptWeights()
    open_one: _OpenOne = partial(open_entry, on_progress=on_progress, kept=kept)

    def begin() -> dict[str, Any]:
        nonlocal plan
        plan = make_plan(config, variants)
        return _begin(directory, plan, open_one, held, opened, answered)

    with ExitStack() as held:
        # The first rank opens the models first: what is wrong is said once, what has to be converted is converted once.
        manifest = ranks.agree(begin)
        plan = plan or make_plan(config, variants)
        for number, row in enumerate(manifest["models"]):
            model = opened[number] if opened else _open(directory, plan, number, row, open_one)
            manifest["models"][number] = _run_model(directory, plan, model, row, on_progress, ranks, fail_over)
            if not _same_base_follows(manifest["models"], number):
                kept.drop()
            if ranks.first:
                directory.write_manifest(manifest)
        if ranks.first:
            complete = not any(row.get("unanswered") for row in manifest["models"])
            directory.write_manifest({**manifest, "complete": complete})
    return out


@dataclass(frozen=True, slots=True)
class _Opened:
    """A model without its weights, and what it is to be asked."""

    head: ModelHead
    packs: list[Pack]


def _open(directory: RunDirectory, plan: Plan, number: int, row: Mapping[str, Any], open_one: _OpenOne) -> _Opened:
    """A model as another rank than the first opens it: the same one, or an error."""
    head = open_one(plan.config.models[number], nonce=_nonce(row))
    _check_identity(directory, row, head)
    return _Opened(head, list(packs_for(plan, head, row["pack_tokens"])))


def _begin(
    directory: RunDirectory,
    plan: Plan,
    open_one: _OpenOne,
    held: ExitStack,
    opened: list[_Opened],
    answered: Answered,
) -> dict[str, Any]:
    """Take the run directory, new or known, fill in `opened`, and return the manifest. Checks all, then writes."""
    cases, config = plan.cases_jsonl(), plan.config.as_json()
    directory.check(config, cases)
    held.enter_context(directory.locked())
    known = directory.check(config, cases)
    nonces = [_nonce(row) for row in known["models"]] if known else [None] * len(plan.config.models)
    # A wrong spec of the last model is found before the first one has worked for an hour.
    heads = [open_one(entry, nonce=nonce) for entry, nonce in zip(plan.config.models, nonces, strict=True)]
    manifest = dict(known) if known else new_manifest(plan, model_folders(plan.config), heads)
    for head, row in zip(heads, manifest["models"], strict=True):
        _check_identity(directory, row, head)
    for head, row in zip(heads, manifest["models"], strict=True):
        opened.append(_Opened(head, list(packs_for(plan, head, row["pack_tokens"]))))
    if not known:
        directory.create(manifest, cases)
    for row, model in zip(manifest["models"], opened, strict=True):
        ledgers = _ledgers(directory, row["folder"], plan, 0)
        for ledger in ledgers.values():
            ledger.merge()
        if answered:
            take_over(model.packs, row["fingerprint"], ledgers, answered)
    return manifest


def open_entry(
    entry: ModelEntry,
    on_progress: OnProgress = lambda progress: None,
    nonce: str | None = None,
    kept: KeptWeights | None = None,
) -> ModelHead:
    """Open a model of the run without its weights; a served one with the nonce of the run that goes on.

    Args:
        kept: weights that models on one base hand on to each other.
    """
    on_progress(Progress(entry.name, "opening"))
    return open_model(parse_spec(entry.spec), nonce, kept)


def _same_base_follows(rows: Sequence[Mapping[str, Any]], number: int) -> bool:
    """Whether the model behind this one stands on the same weights."""
    mine, following = rows[number], rows[number + 1 : number + 2]
    return any(same_base(mine["fingerprint_parts"], row["fingerprint_parts"]) for row in following)


def _nonce(row: Mapping[str, Any]) -> str | None:
    nonce: str | None = row["fingerprint_parts"].get("nonce")
    return nonce


def model_folders(config: RunConfig) -> dict[str, str]:
    """Name of the ledger folder of each model, by model name."""
    # Numbered, so that two models never share a folder whatever their names are slugged to.
    return {entry.name: f"{number}-{slug(entry.name)}" for number, entry in enumerate(config.models)}


def _check_identity(directory: RunDirectory, row: Mapping[str, Any], head: ModelHead) -> None:
    if row["fingerprint"] != head.fingerprint.hex:
        before = row["fingerprint_parts"]
        changed = [name for name, part in head.fingerprint.parts.items() if before.get(name) != part]
        raise RunDirectoryError(
            f"{directory.path}: model {row['name']!r} has changed since this run began "
            f"({', '.join(changed)}); choose another --out"
        )


def _ledgers(directory: RunDirectory, folder: str, plan: Plan, rank: int) -> dict[str, Ledger]:
    names = [task.variant.name for task in plan.tasks]
    return {name: Ledger(directory.ledger(folder, name), rank) for name in names}


def _run_model(
    directory: RunDirectory,
    plan: Plan,
    opened: _Opened,
    known: Mapping[str, Any],
    on_progress: OnProgress,
    ranks: Ranks,
    fail_over: float,
) -> Mapping[str, Any]:
    """Answer what is not answered yet; returns the model's entry of the manifest."""
    name, head, packs = known["name"], opened.head, opened.packs
    ledgers = _ledgers(directory, known["folder"], plan, ranks.rank)
    todo = [pack for pack in packs if _missing(pack, head.fingerprint.hex, ledgers[pack.task])]
    ranks.wait()  # from here on ranks write: all of them have to see the same packs undone
    mine = todo[ranks.rank :: ranks.size]
    found = done = sum(len(pack.asked) for pack in packs) - sum(len(pack.asked) for pack in todo)
    total = found + sum(len(pack.asked) for pack in mine)
    if not todo and "tie_margin" in known:
        on_progress(Progress(name, "asking", done, total, found))
        return known
    on_progress(Progress(name, "loading", done, total, found))
    model = head.load(known["pack_tokens"])
    unanswered = 0
    for pack in mine:
        rows, failure = _answer(pack, model)
        ledgers[pack.task].append(rows)
        unanswered += len(pack.asked) - len(rows)
        if failure is not None and unanswered > fail_over * total:
            raise failure
        done += len(pack.asked)
        on_progress(Progress(name, "asking", done, total, found))
    ranks.wait()
    if ranks.first:
        for ledger in ledgers.values():
            ledger.merge()
        unanswered = sum(_missing(pack, head.fingerprint.hex, ledgers[pack.task]) for pack in packs)
        if unanswered > fail_over * sum(len(pack.asked) for pack in packs):
            raise RunDirectoryError(
                f"{directory.path}: the answers of other ranks are not here; all of them need the same folder, "
                "on a file system that they share"
            )
    entry = {**known, **scoring_entry(model, packs, plan.config.explanations), "unanswered": unanswered}
    return entry if unanswered else {name: value for name, value in entry.items() if name != "unanswered"}


def _missing(pack: Pack, fingerprint: str, ledger: Ledger) -> int:
    """How many requests of a pack have no answer yet."""
    keys = [request_key(asked.ask, fingerprint, pack.replicate) for asked in pack.asked]
    return sum(not ledger.holds(key, asked.tokens) for key, asked in zip(keys, pack.asked, strict=True))


def _answer(pack: Pack, model: Model) -> tuple[list[LedgerRow], UnansweredError | None]:
    """The rows of what a model answers of a pack, and why the rest is missing, where some is."""
    requests = pack.requests(model.chat)
    failure: UnansweredError | None = None
    results: Sequence[ChoiceResult | str | None]
    try:
        results = model.generate(requests, max_new_tokens=pack.new_tokens) if pack.written else model.score(requests)
    except UnansweredError as error:
        results, failure = error.answers, error
    if len(results) != len(requests):
        raise IntrobenchError(f"{model.spec}: {len(results)} results for {len(requests)} requests")
    answered = [(asked, result) for asked, result in zip(pack.asked, results, strict=True) if result is not None]
    return [_checked_row(pack, asked, model, result) for asked, result in answered], failure


def _checked_row(pack: Pack, asked: Asked, model: Model, result: ChoiceResult | str) -> LedgerRow:
    if isinstance(result, str):
        return _row(pack, asked, model, (), result, "")
    if result.text is not None:
        return _row(pack, asked, model, (), result.text, result.part)
    logprobs = _rounded(result.logprobs)
    seen = logprobs if result.deciding is None else (*logprobs, *_rounded(result.deciding))
    if len(logprobs) != len(asked.question.replies) or not all(-float("inf") < value <= 1e-3 for value in seen):
        raise ModelError(f"{model.spec}: {asked.question.case}: log-probabilities are not finite: {seen}")
    row = _row(pack, asked, model, logprobs, None, result.part)
    if result.deciding is None:
        return row
    unchanged, changed = seen[len(logprobs) :]
    return replace(row, deciding=(unchanged, changed))


def _rounded(logprobs: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(value, _LOGPROB_DECIMALS) for value in logprobs)


def _row(pack: Pack, asked: Asked, model: Model, logprobs: tuple[float, ...], text: str | None, part: str) -> LedgerRow:
    return LedgerRow(
        key=request_key(asked.ask, model.fingerprint.hex, pack.replicate),
        ask=asked.ask,
        replicate=pack.replicate,
        tokens=asked.tokens,
        logprobs=logprobs,
        text=text,
        pack=f"{pack.name}/{part}" if part else pack.name,
        time=round(time.time(), 3),
        host=text_hash(platform.node())[:_HOST_DIGITS],
    )
