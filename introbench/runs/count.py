"""What a run would cost, counted without loading weights or writing anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introbench.models.types import ModelHead
from introbench.runs.config import RunConfig
from introbench.runs.directory import RunDirectory
from introbench.runs.execute import model_folders, open_entry
from introbench.runs.ledger import read_ledger, request_key
from introbench.runs.packing import packs_for
from introbench.runs.plan import Plan, make_plan
from introbench.scorer.forest import count_tokens
from introbench.tasks.registry import TaskVariant

__all__ = ["ModelCount", "count_plan"]


@dataclass(frozen=True, slots=True)
class ModelCount:
    """What a plan costs on one model.

    Attributes:
        name: the model.
        requests: number of requests, those asked twice counted twice.
        found: requests whose answers are in the ledger already.
        packs: number of forward passes, or of batches of replies to write.
        prompt_tokens: tokens of all prompts and choices, pushed one by one; 0 where there are no ids.
        bound_tokens: tokens of the forests of all items, each by itself; 0 where there are no ids.
        pushed_tokens: tokens that packed trees push; 0 where there are no ids.
    """

    name: str
    requests: int
    found: int
    packs: int
    prompt_tokens: int
    bound_tokens: int
    pushed_tokens: int


def count_plan(config: RunConfig, variants: list[TaskVariant], out: Path | None) -> tuple[Plan, Iterator[ModelCount]]:
    """What a run would cost, per model, and what its ledger has already. Raises as `execute` does."""
    plan = make_plan(config, variants)
    known = RunDirectory(out).check(config.as_json(), plan.cases_jsonl()) if out else None
    rows: list[dict[str, Any]] = known["models"] if known else [{} for _ in config.models]
    folders = model_folders(config)

    def counts() -> Iterator[ModelCount]:
        for entry, row in zip(config.models, rows, strict=True):
            head = open_entry(entry, nonce=row.get("fingerprint_parts", {}).get("nonce"))
            answered = _answered(RunDirectory(out), folders[entry.name]) if out and known else set()
            yield _count(plan, entry.name, head, row.get("pack_tokens") or head.pack_tokens, answered)

    return plan, counts()


def _count(plan: Plan, name: str, head: ModelHead, budget: int, answered: set[str]) -> ModelCount:
    requests = found = packs = prompts = bound = pushed = 0
    for pack in packs_for(plan, head, budget):
        packs += 1
        requests += len(pack.asked)
        keys = [request_key(asked.ask, head.fingerprint.hex, pack.replicate) for asked in pack.asked]
        found += sum(key in answered for key in keys)
        prompts += pack.prompt_tokens
        bound += pack.bound_tokens
        if head.chat is not None:
            pushed += pack.prompt_tokens if pack.written else count_tokens(pack.requests(head.chat))
    return ModelCount(name, requests, found, packs, prompts, bound, pushed)


def _answered(directory: RunDirectory, folder: str) -> set[str]:
    # Read, not opened: a plan may be made while another process writes.
    files = sorted((directory.path / "records" / folder).glob("*.jsonl"))
    return {row["key"] for file in files for row in read_ledger(file)}
