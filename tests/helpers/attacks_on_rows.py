"""Attacks on cases and ledger rows, every one sealed again with keys and checks that fit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from bundles import Forged

from introbench.hashing import canonical_json, content_hash, text_hash
from introbench_leaderboard.archive import LIMITS

__all__ = ["ROWS"]

Attack = Callable[[Forged], None]

_NOWHERE = text_hash("nowhere")


def _case(name: str, value: Any) -> Attack:
    return lambda forged: forged.cases[0].update({name: value})


def _row(name: str, value: Any) -> Attack:
    return lambda forged: forged.ledger[0].update({name: value})


def _logprobs(change: Callable[[list[Any]], list[Any]]) -> Attack:
    def attack(forged: Forged) -> None:
        row = forged.ledger[0]
        row["logprobs"] = change(row["logprobs"])

    return attack


def _all(*attacks: Attack) -> Attack:
    def attack(forged: Forged) -> None:
        for each in attacks:
            each(forged)

    return attack


def _raw_cases(change: Callable[[bytes], bytes]) -> Attack:
    def attack(forged: Forged) -> None:
        forged.raw["cases.jsonl"] = change(forged.members()["cases.jsonl"])

    return attack


def _raw_ledger(change: Callable[[list[bytes]], list[bytes]]) -> Attack:
    def attack(forged: Forged) -> None:
        name = sorted(forged.ledgers)[0]
        forged.raw[name] = b"".join(change(forged.members()[name].splitlines(keepends=True)))

    return attack


def _unsealed(attack: Attack) -> Attack:
    def changed(forged: Forged) -> None:
        forged.sealed = False
        attack(forged)

    return changed


def _swap(name: str) -> Attack:
    def attack(forged: Forged) -> None:
        first, second = forged.cases[0], forged.cases[1]
        first[name], second[name] = second[name], first[name]

    return attack


def _drop_wrong_cases(forged: Forged) -> None:
    """Leave out the cases that went wrong, with their answers."""
    kept = forged.cases[: len(forged.cases) // 2]
    asks = {ask for case in kept for ask in case["asks"].values()}
    forged.cases = kept
    for name, rows in forged.ledgers.items():
        forged.ledgers[name] = [row for row in rows if row["ask"] in asks]


def _own_clusters(forged: Forged) -> None:
    for number, case in enumerate(forged.cases):
        case["cluster"] = f"cluster {number}"


def _foreign_prompt(forged: Forged) -> None:
    """Answers to another prompt, under whose hash they also lie in the ledger."""
    case = forged.cases[0]
    old, new = case["asks"]["explanation"], content_hash({"messages": "please", "choices": []})
    case["asks"]["explanation"] = new
    for row in forged.ledger:
        if row["ask"] == old:
            row.update(ask=new, key=_NOWHERE)


def _exchanged(forged: Forged) -> None:
    """Two rows exchange what they answer, and keep their keys."""
    one, other = forged.rows_of("explanation")[:2]
    one["ask"], other["ask"] = other["ask"], one["ask"]


def _another_models_keys(forged: Forged) -> None:
    forged.sealed = False
    for row in forged.ledger:
        row["key"] = content_hash([row["ask"], "another fingerprint", row["replicate"]])
    _check_again(forged)


def _check_again(forged: Forged) -> None:
    from introbench.runs.ledger import row_check

    for row in forged.ledger:
        row["check"] = row_check(row)


def _twice(forged: Forged) -> None:
    forged.ledger.append(dict(forged.ledger[0]))


def _flood(forged: Forged) -> None:
    forged.ledger.extend([dict(forged.ledger[0]) for _ in range(2 * len(forged.ledger))])


def _numbers_as_json(lines: list[bytes], text: bytes) -> list[bytes]:
    row = json.loads(lines[0])
    first = canonical_json(row["logprobs"][0]).encode()
    return [lines[0].replace(b'"logprobs":[' + first, b'"logprobs":[' + text, 1), *lines[1:]]


ROWS: Mapping[str, Mapping[str, Attack]] = {
    "cases": {
        "wrong ones left out": _drop_wrong_cases,
        "one left out": lambda forged: forged.cases.pop(),
        "one twice": lambda forged: forged.cases.insert(0, forged.cases[0]),
        "one invented in place of another": _case("id", "hint_facts/new/cue"),
        "one more than there are": lambda forged: forged.cases.append({**forged.cases[0], "id": "hint_facts/new/cue"}),
        "hundreds of thousands": _raw_cases(lambda data: data + b"{}\n" * 300_000),
        "messages of two exchanged": _swap("messages"),
        "questions of two exchanged": _swap("asks"),
        "another hint": _case("hint", 3),
        "another key": _case("key", 0),
        "another cluster for every case": _own_clusters,
        "a hard one called rewrite": _case("edit", "rewrite"),
        "another kind of cue": _case("cue_kind", "placebo"),
        "a held-out cue called trained": _case("cue_split", "other"),
        "choices exchanged": lambda forged: forged.cases[0]["choices"].reverse(),
        "a foreign prompt": _foreign_prompt,
        "a field of its own": _case("weight", 10),
        "another order": lambda forged: forged.cases.reverse(),
        "a row that is no case": _case("id", 7),
        "none": lambda forged: forged.cases.clear(),
        "no file": lambda forged: forged.left_out.add("cases.jsonl"),
        "a torn last row": _raw_cases(lambda data: data[:-20]),
        "a row of megabytes": _raw_cases(lambda data: b'{"id":"' + b"x" * (LIMITS.line + 1) + b'"}\n' + data),
        "an empty row": _raw_cases(lambda data: b"\n" + data),
        "a name twice in a row": _raw_cases(lambda data: data.replace(b'{"asks":', b'{"asks":{},"asks":', 1)),
    },
    "ledger": {
        "a value edited without its check": _unsealed(_logprobs(lambda values: [values[0] - 1, *values[1:]])),
        "a row left out": lambda forged: forged.ledger.pop(),
        "a row twice": _twice,
        "thousands of rows": _flood,
        "no file": lambda forged: forged.left_out.add(sorted(forged.ledgers)[0]),
        "rows of another model's keys": _another_models_keys,
        "a row that answers nothing asked": _row("ask", _NOWHERE),
        "answers of two exchanged": _exchanged,
        "a third replicate": _row("replicate", 2),
        "truth for a replicate": _row("replicate", True),
        "NaN": _raw_ledger(lambda lines: _numbers_as_json(lines, b"NaN")),
        "minus infinity": _raw_ledger(lambda lines: _numbers_as_json(lines, b"-Infinity")),
        "a number beyond bounds": _raw_ledger(lambda lines: _numbers_as_json(lines, b"-1e999")),
        "a log-probability above 0": _logprobs(lambda values: [0.5, *values[1:]]),
        "a log-probability below all": _logprobs(lambda values: [-1e9, *values[1:]]),
        "probabilities that add up to more than 1": _logprobs(lambda values: [-0.1] * len(values)),
        "too few log-probabilities": _logprobs(lambda values: values[:-1]),
        "no log-probabilities": _logprobs(lambda values: []),
        "whole numbers": _logprobs(lambda values: [math.floor(value) for value in values]),
        "numbers as texts": _logprobs(lambda values: [str(value) for value in values]),
        "more digits than a run writes": _logprobs(lambda values: [values[0] - 1e-9, *values[1:]]),
        "a reply in place of log-probabilities": lambda forged: forged.ledger[0].update(
            logprobs=[], text="No change: 4"
        ),
        "a verdict in a field of its own": _row("verdict", "changed"),
        "HTML in the pack": _row("pack", "<script>alert(1)</script>"),
        "an escape sequence in the pack": _row("pack", "\x1b[2J"),
        "a pack of megabytes": _row("pack", "x" * 5000),
        "a token hash for one row": _row("tokens", text_hash("tokens")),
        "a token hash that is none": _row("tokens", "tokens"),
        "a key that is none": _unsealed(_row("key", "key")),
        "another order": _raw_ledger(lambda lines: lines[::-1]),
        "a torn last row": _raw_ledger(lambda lines: [*lines[:-1], lines[-1][:-9]]),
        "a row that is no row": _raw_ledger(lambda lines: [b"[]\n", *lines]),
        "a row of megabytes": _raw_ledger(lambda lines: [b'"' + b"x" * LIMITS.line + b'"\n', *lines]),
        "spaces of its own": _raw_ledger(lambda lines: [lines[0].replace(b",", b", ", 1), *lines[1:]]),
    },
}
