"""Asking the real model again: cases drawn by a secret, and answers compared outside of what rounding can move.

The secret is chosen by the maintainer after a bundle has arrived, so that nobody can know which of the rows have to be
true. Nothing that a bundle names is run: a model's spec is taken from it only where it is a name of the hub or bundled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from introbench.errors import ModelError, UsageError
from introbench.hashing import named_random
from introbench.models.load import open_model
from introbench.models.spec import ModelSpec, parse_spec
from introbench.models.types import ChoiceRequest, ChoiceResult, Model, ModelHead
from introbench.runs.packing import render, token_hash
from introbench_leaderboard.archive import LIMITS
from introbench_leaderboard.asked import Request, asks_of
from introbench_leaderboard.check import Submission
from introbench_leaderboard.entry import Tier
from introbench_leaderboard.identity import FROM_HUB, hub_name
from introbench_leaderboard.layout import ManifestModel
from introbench_leaderboard.reasons import Reason, few_of, reason
from introbench_leaderboard.rows import ledger_rows

__all__ = ["Rerun", "allowed", "chance_of_missing", "draw", "rerun"]

_SAFE_OPTIONS = frozenset({"dtype", "attn", "quantised", "weight_noise", "weight_noise_seed", "revision"})
"""Options of a spec from the hub that name no file, no server and no code."""

_SAFE_ENGINES = ("embedded", "scripted")
_MAY_DIFFER = frozenset({"engine", "nonce"})
_LEAST_MARGIN = 1e-3
"""Nats that no tie margin falls below."""
_LARGE = 10.0
"""Nats from which on a log-probability's own size says how far rounding can move it."""


@dataclass(frozen=True, slots=True)
class Rerun:
    """What came of asking again.

    Attributes:
        tier: what the entry may be called; None where the model did not confirm its rows.
        cases: number of cases drawn.
        of: number of all cases.
        rows: rows compared.
        largest: largest difference of a log-probability, in nats.
        tokens: whether token hashes were compared too.
        reasons: what the model did not confirm.
    """

    tier: Tier | None
    cases: int
    of: int
    rows: int
    largest: float
    tokens: bool
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        tokens = "token ids compared" if self.tokens else "token ids not at hand"
        found = f"{len(self.reasons)} differences" if self.reasons else "all confirmed"
        return (
            f"{self.cases} of {self.of} cases asked again, {self.rows} rows, largest difference "
            f"{self.largest:.2g} nats, {tokens}: {found}"
        )


def draw(submission: Submission, number: int, nonce: str) -> list[str]:
    """Ids of the cases that are asked again. They follow from the secret and the bundle alone."""
    cases = sorted({request.case.id for request in submission.asked if request.replicate == 0})
    rank = {case: named_random(0, nonce, submission.sha256, case).random() for case in cases}
    return sorted(sorted(cases, key=lambda case: (rank[case], case))[:number])


def chance_of_missing(cases: int, edited: int, drawn: int) -> float:
    """Chance that a draw holds none of some edited cases (hypergeometric)."""
    chance = 1.0
    for place in range(drawn):
        chance *= max(0.0, (cases - edited - place) / (cases - place)) if cases > place else 0.0
    return chance


def allowed(logprob: float, tie_margin: float) -> float:
    """Difference in nats that rounding on another machine explains."""
    return max(tie_margin, _LEAST_MARGIN) * max(1.0, abs(logprob) / _LARGE)


def rerun(submission: Submission, number: int, nonce: str, spec: str | None = None) -> Rerun:
    """Ask the model again on drawn cases and compare.

    Args:
        number: how many cases; all where there are fewer.
        nonce: a secret that was not known when the bundle was made.
        spec: where the model lies here, where its own spec is not to be followed.

    Raises UsageError where the spec of the bundle must not be followed, ModelError where the model cannot be loaded.
    """
    sent = submission.manifest.models[0]
    head = open_model(parse_spec(spec) if spec else _safe_spec(sent.spec))
    every = {request.case.id for request in submission.asked if request.replicate == 0}
    if different := _identity_problem(sent, head):
        return Rerun(None, 0, len(every), 0, 0.0, False, (different,))
    drawn = draw(submission, number, nonce)
    wanted = asks_of(submission.plan, set(drawn))
    asked = [request for request in submission.asked if request.ask in wanted]
    tasks = submission.manifest.config.tasks
    rows = {(row["ask"], row["replicate"]): row for row in ledger_rows(submission.members, sent, tasks, LIMITS)}
    model = head.load()
    margin = model.facts.tie_margin
    found: list[Reason] = []
    largest, tokens = 0.0, False
    for request, rendered, result in _answers(model, asked):
        row = rows[request.ask, request.replicate]
        if head.chat is not None and row["tokens"] is not None:
            tokens = True
            if token_hash(rendered, written=request.written) != row["tokens"]:
                found.append(_differs(request, "was asked in other tokens than this tokenizer gives"))
        difference, problem = _compared(row, result, margin)
        largest = max(largest, difference)
        if problem:
            found.append(_differs(request, problem))
    tier: Tier | None = None if found else "reproduced" if len(drawn) == len(every) else "spot-checked"
    return Rerun(tier, len(drawn), len(every), len(asked), largest, tokens, tuple(few_of(found)))


def _safe_spec(text: str) -> ModelSpec:
    spec = parse_spec(text)
    on_hub = spec.backend in FROM_HUB and hub_name(spec) is not None and not spec.options.keys() - _SAFE_OPTIONS
    bundled = spec.backend in _SAFE_ENGINES and "/" not in "".join(spec.options.values())
    if not (on_hub or bundled) or any(mark in spec.name for mark in "*~"):
        raise UsageError(
            f"--model SPEC is missing: the bundle's own spec {text!r} is not followed; say where it lies here"
        )
    return spec


def _identity_problem(sent: ManifestModel, head: ModelHead) -> Reason | None:
    parts = head.fingerprint.parts
    different = sorted(
        name
        for name in sent.fingerprint_parts.keys() | parts.keys()
        if name not in _MAY_DIFFER and sent.fingerprint_parts.get(name) != parts.get(name)
    )
    if not different:
        return None
    return reason("rerun-identity", "manifest.json, models.0", f"{head.spec} has another {', '.join(different)}")


def _answers(model: Model, asked: Sequence[Request]) -> Iterator[tuple[Request, ChoiceRequest, ChoiceResult | str]]:
    """Every request with what the model answers now: scored ones together, written ones by the length of the reply."""
    lengths = sorted({request.question.new_tokens if request.written else 0 for request in asked})
    for length in lengths:
        part = [request for request in asked if (request.question.new_tokens if request.written else 0) == length]
        rendered = [render(request.question, request.case, model.chat) for request in part]
        results: Sequence[ChoiceResult | str] = (
            model.generate(rendered, max_new_tokens=length) if length else model.score(rendered)
        )
        if len(results) != len(part):
            raise ModelError(f"{model.spec}: {len(results)} results for {len(part)} requests")
        yield from zip(part, rendered, results, strict=True)


def _compared(row: Mapping[str, Any], result: ChoiceResult | str, margin: float) -> tuple[float, str]:
    """Largest difference in nats, and what is wrong, in words, or ""."""
    text = result if isinstance(result, str) else result.text
    if text is not None:
        return 0.0, "" if row["text"] == text else "is another reply than the model writes"
    assert not isinstance(result, str)
    sent, now = np.array(row["logprobs"]), np.array(result.logprobs)
    if sent.shape != now.shape:
        return 0.0, f"has {sent.size} log-probabilities where the model gives {now.size}"
    gaps = np.abs(sent - now)
    over = [place for place, gap in enumerate(gaps) if gap > allowed(float(now[place]), margin)]
    if not over:
        return float(gaps.max()), ""
    worst = max(over, key=lambda place: gaps[place])
    text = f"states {sent[worst]:.6f} nats where the model gives {now[worst]:.6f} (tie margin {margin:.2g})"
    return float(gaps.max()), text


def _differs(request: Request, text: str) -> Reason:
    again = ", the second time," if request.replicate else ""
    return reason("rerun", "ledger", f"{request.case.id}: {request.question.part}{again} {text}")
