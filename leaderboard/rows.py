"""Cases and ledger rows of a bundle against what the board's own tasks ask: each exactly once, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from introbench.hashing import canonical_json
from introbench.runs.ledger import request_key, row_check
from introbench_leaderboard.archive import Limits
from introbench_leaderboard.asked import Request
from introbench_leaderboard.layout import CASES, ROW_FIELDS, ManifestModel, ledger_name
from introbench_leaderboard.reasons import Reason, reason
from introbench_leaderboard.strict import JsonError, strict_rows

__all__ = ["case_reasons", "ledger_reasons", "ledger_rows", "sorted_rows"]

_DECIMALS = 6
_HIGHEST, _LOWEST = 1e-3, -1e5
"""Log-probabilities in nats between which real ones lie; rounding may lift a certain one above 0."""
_MOST_MASS = 1.01
"""Different replies exclude each other, so that their probabilities add up to 1 at most, but for rounding."""
_WHOLE_REPLIES = ("embedded", "hf", "scripted", "vllm")
"""Engines that score replies with the token that ends them, so that none is the beginning of another."""
_HEX = frozenset("0123456789abcdef")
_LONGEST_PACK = 300

Rows = Sequence[Mapping[str, Any]]


def case_reasons(data: bytes, expected: bytes, limits: Limits) -> Iterator[Reason]:
    """How the cases of a bundle differ from the board's.

    Args:
        expected: the board's own `cases.jsonl` for this configuration.
    """
    if data == expected:
        return
    known = {row["id"]: row for _, row in strict_rows(expected, limits)}
    seen: set[str] = set()
    wrong = 0
    try:
        for number, row in strict_rows(data, limits):
            if number > len(known):
                wrong += 1
                yield reason("case-count", CASES, f"holds more than the {len(known)} cases of this task version")
                break
            where = f"{CASES}, line {number}"
            case = row.get("id") if isinstance(row, dict) else None
            wrong += not isinstance(case, str) or case in seen or row != known.get(case)
            if not isinstance(case, str):
                yield reason("case-shape", where, "is no case")
            elif case not in known:
                yield reason("case-foreign", where, f"{case} is none of this task version's cases")
            elif case in seen:
                yield reason("case-twice", where, f"{case} stands there twice")
            elif row != known[case]:
                yield reason("case-altered", where, f"{case} has another {_first_difference(row, known[case])}")
            if isinstance(case, str):
                seen.add(case)
    except JsonError as error:
        yield reason(error.code, CASES, str(error))
        return
    missing = [case for case in known if case not in seen]
    for case in missing:
        yield reason("case-missing", CASES, f"lacks {case}")
    if not missing and not wrong:
        yield reason("case-order", CASES, "does not hold its cases in the order of the plan")


def _first_difference(row: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    names = sorted(row.keys() | known.keys(), key=lambda name: (name == "asks", name == "messages", name))
    return str(next(name for name in names if row.get(name) != known.get(name) or (name in row) != (name in known)))


def ledger_rows(members: Mapping[str, bytes], model: ManifestModel, tasks: Sequence[str], limits: Limits) -> list[Any]:
    """All rows of one model. Raises JsonError as `strict_rows` does."""
    names = dict.fromkeys(ledger_name(model.folder, task) for task in tasks)
    return [row for name in names for _, row in strict_rows(members.get(name, b""), limits)]


def ledger_reasons(
    members: Mapping[str, bytes], model: ManifestModel, asked: Sequence[Request], tasks: Sequence[str], limits: Limits
) -> Iterator[Reason]:
    """Everything that is wrong with one model's ledger.

    Args:
        asked: what the board's own tasks ask.
        tasks: names of the tasks, in order.
    """
    wanted = {request_key(request.ask, model.fingerprint, request.replicate): request for request in asked}
    engine = model.spec.partition("/")[0] if "/" in model.spec.partition("?")[0] else "embedded"
    seen: set[str] = set()
    with_tokens = 0
    for name, task_names in _files(model, tasks).items():
        last = ""
        try:
            for number, row in strict_rows(members.get(name, b""), limits):
                where = f"{name}, line {number}"
                if number > len(wanted):
                    yield reason("row-count", name, f"holds more than the {len(wanted)} rows that answer the cases")
                    break
                if problem := _shape_problem(row):
                    yield reason("row-shape", where, problem)
                    continue
                yield from _row_reasons(where, row, wanted, seen, task_names, model, engine, limits)
                if row["key"] < last:
                    yield reason("row-order", where, "does not stand in the order of keys")
                last = row["key"]
                seen.add(row["key"])
                with_tokens += row["tokens"] is not None
        except JsonError as error:
            yield reason(error.code, name, str(error))
            return
    for key, request in wanted.items():
        if key not in seen:
            again = ", the second time" if request.replicate else ""
            text = f"{request.case.id}: {request.question.part}{again} is not answered"
            yield reason("row-missing", ledger_name(model.folder, request.task), text)
    if with_tokens not in (0, len(seen)):
        yield reason("row-tokens", f"records/{model.folder}", "gives token hashes for some rows and not for others")


def _files(model: ManifestModel, tasks: Sequence[str]) -> Mapping[str, set[str]]:
    """Names of ledger files, each with the tasks that write to it."""
    found: dict[str, set[str]] = {}
    for task in tasks:
        found.setdefault(ledger_name(model.folder, task), set()).add(task)
    return found


def _row_reasons(
    where: str,
    row: Mapping[str, Any],
    wanted: Mapping[str, Request],
    seen: set[str],
    tasks: set[str],
    model: ManifestModel,
    engine: str,
    limits: Limits,
) -> Iterator[Reason]:
    if row["check"] != row_check(row):
        yield reason("row-check", where, "was changed after it was written: its check does not fit")
    request = wanted.get(row["key"])
    if request is None:
        own = request_key(row["ask"], model.fingerprint, row["replicate"]) == row["key"]
        text = "answers what this task version does not ask" if own else "has the key of another model or question"
        yield reason("row-foreign", where, text)
        return
    if row["key"] in seen:
        yield reason("row-twice", where, f"{request.case.id}: {request.question.part} is answered twice")
    if (row["ask"], row["replicate"]) != (request.ask, request.replicate):
        yield reason("row-ask", where, f"{request.case.id}: {request.question.part} answers another question")
    if request.task not in tasks:
        yield reason("row-file", where, f"belongs into the ledger of {request.task}")
    if problem := _answer_problem(row, request, model, engine, limits):
        yield reason("row-answer", where, f"{request.case.id}: {request.question.part} {problem}")


def _shape_problem(row: Any) -> str | None:
    if not isinstance(row, dict) or tuple(sorted(row)) != ROW_FIELDS:
        return f"has other fields than {', '.join(ROW_FIELDS)}"
    texts = all(isinstance(row[name], str) for name in ("ask", "check", "key", "pack"))
    if not texts or type(row["replicate"]) is not int or row["replicate"] not in (0, 1):
        return "has a field of a wrong type"
    if not all(_is_hash(row[name], digits) for name, digits in (("ask", 64), ("key", 64), ("check", 16))):
        return "has a hash that is none"
    if row["tokens"] is not None and not _is_hash(row["tokens"], 64):
        return "has a token hash that is none"
    if not isinstance(row["logprobs"], list) or not all(type(value) is float for value in row["logprobs"]):
        return "has log-probabilities that are no numbers with a decimal point"
    if row["text"] is not None and not isinstance(row["text"], str):
        return "has a reply that is no text"
    if len(row["pack"]) > _LONGEST_PACK or not row["pack"].isprintable() or "<" in row["pack"]:
        return "has a pack that no run names so"
    return None


def _is_hash(value: Any, digits: int) -> bool:
    return isinstance(value, str) and len(value) == digits and _HEX.issuperset(value)


def _answer_problem(
    row: Mapping[str, Any], request: Request, model: ManifestModel, engine: str, limits: Limits
) -> str | None:
    values, text = row["logprobs"], row["text"]
    if request.written or model.answers == "path":
        if text is None or values:
            return "needs a reply and no log-probabilities"
        return f"is a reply of more than {limits.text} letters" if len(text) > limits.text else None
    if text is not None or len(values) != request.values:
        return f"needs {request.values} log-probabilities and no reply"
    if not all(_LOWEST <= value <= _HIGHEST for value in values):
        return "has a log-probability that none can be"
    if any(round(value, _DECIMALS) != value for value in values):
        return f"has a log-probability with more than {_DECIMALS} decimals"
    mass = sum(map(math.exp, values))
    if engine in _WHOLE_REPLIES and mass > _MOST_MASS:
        return f"gives replies that exclude each other a probability of {mass:.3f} together"
    return None


def sorted_rows(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The bytes of a ledger in a bundle."""
    ordered = sorted(rows, key=lambda row: str(row["key"]))
    return "".join(canonical_json(row) + "\n" for row in ordered).encode()
