"""Where two runs part: the first stage, from messages to metrics, at which they are no longer the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from introbench.errors import RunDirectoryError
from introbench.metrics.ledgers import model_ledger
from introbench.metrics.observations import CHANGED, UNCHANGED, Answers
from introbench.metrics.read import CaseRow, ModelEntry, Run, case_rows, read_run
from introbench.metrics.summary import summarise_run
from introbench.runs.ledger import request_key

__all__ = ["MAY_LACK", "STAGES", "Difference", "Stage", "compare_runs"]

STAGES = ("messages", "token ids", "log-probabilities", "parse", "metrics")
"""What follows from what: a difference shows in its own stage and may show in all behind it."""

MAY_LACK = frozenset({"deciding"})
"""Names of estimates that only one of two equal runs may have scored: rows of an earlier version lack them."""

_DIGITS = 12
_VERDICTS = {UNCHANGED: "unchanged", CHANGED: "changed"}

Ledger = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two runs do not share.

    Attributes:
        model: name of the model in the first run, "" where it is no matter of a model.
        where: id of the case, with the question where it is one of three, or the path of an estimate.
        first: what the first run has there, in words.
        second: what the second run has there.
        size: what the largest differences are sorted by: nats, or 0.
    """

    model: str
    where: str
    first: str
    second: str
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """The comparison of one stage.

    Attributes:
        name: one of `STAGES`.
        compared: number of things that both runs have.
        differences: what differs or stands in one run only, the largest first.
    """

    name: str
    compared: int
    differences: tuple[Difference, ...]


def compare_runs(first: Path, second: Path, tolerance: float) -> list[Stage]:
    """Compare two run directories stage by stage, all of `STAGES` in their order.

    Models are compared by their place: target with target, first reference with first reference.

    Args:
        tolerance: log-probabilities that differ by no more than this, in nats, count as equal.

    Raises:
        RunDirectoryError: a run cannot be read, or the two have different numbers of models.
    """
    runs = read_run(first), read_run(second)
    if len(runs[0].models) != len(runs[1].models):
        counts = " and ".join(str(len(run.models)) for run in runs)
        raise RunDirectoryError(f"{first} and {second} hold {counts} models; compare runs of equally many")
    cases = tuple({row.id: row for row in case_rows(path / "cases.jsonl")} for path in (first, second))
    ledgers = tuple(
        {model.name: model_ledger(path / "records" / model.folder) for model in run.models}
        for path, run in zip((first, second), runs, strict=True)
    )
    models = list(zip(runs[0].models, runs[1].models, strict=True))
    questions = list(_questions(cases, ledgers, models))
    estimates: list[Any] = [summarise_run(run).model_dump(mode="json") for run in runs]
    return [
        _stage("messages", _messages(*cases)),
        _stage("token ids", map(_token_difference, questions)),
        _stage("log-probabilities", (_logprob_difference(question, tolerance) for question in questions)),
        _stage("parse", _readings(runs, models)),
        _stage("metrics", _estimates(estimates[0], estimates[1])),
    ]


def _stage(name: str, compared: Iterable[Difference | None]) -> Stage:
    found = list(compared)
    differences = sorted((each for each in found if each is not None), key=lambda each: -each.size)
    return Stage(name, len(found), tuple(differences))


def _messages(first: Mapping[str, CaseRow], second: Mapping[str, CaseRow]) -> Iterator[Difference | None]:
    for case in first:
        if case not in second:
            yield Difference("", case, "there", "absent")
            continue
        same = first[case].messages == second[case].messages and first[case].choices == second[case].choices
        left, right = ("; ".join((row.messages[:_DIGITS], *row.choices)) for row in (first[case], second[case]))
        yield None if same else Difference("", case, left, right)
    yield from (Difference("", case, "absent", "there") for case in second if case not in first)


@dataclass(frozen=True, slots=True)
class _Question:
    """A question that both runs may have asked a model: where, and the ledger's rows, None where there is none."""

    model: str
    where: str
    first: Mapping[str, Any] | None
    second: Mapping[str, Any] | None


def _questions(
    cases: tuple[Mapping[str, CaseRow], ...],
    ledgers: tuple[Mapping[str, Ledger], ...],
    models: Sequence[tuple[ModelEntry, ModelEntry]],
) -> Iterator[_Question]:
    """Every model's first answers to the questions of the cases that both runs have, each question once."""
    for pair in models:
        seen: set[str] = set()
        for case in cases[0]:
            if case not in cases[1]:
                continue
            for part, ask in cases[0][case].asks.items():
                if ask in seen:
                    continue
                seen.add(ask)
                rows = [
                    ledger[model.name].get(request_key(rows[case].asks[part], model.fingerprint))
                    for ledger, rows, model in zip(ledgers, cases, pair, strict=True)
                ]
                if rows != [None, None]:
                    yield _Question(pair[0].name, f"{case} ({part})", *rows)


def _token_difference(question: _Question) -> Difference | None:
    first, second = question.first, question.second
    if first is None or second is None:
        left, right = ("no answer" if row is None else "answered" for row in (first, second))
    else:
        left, right = (str(row["tokens"] or "none")[:_DIGITS] for row in (first, second))
        if first["tokens"] == second["tokens"]:
            return None
    return Difference(question.model, question.where, left, right)


def _logprob_difference(question: _Question, tolerance: float) -> Difference | None:
    first, second = question.first, question.second
    if first is None or second is None:
        return None
    if first.get("text") != second.get("text"):
        return Difference(question.model, question.where, _short(first.get("text")), _short(second.get("text")))
    left, right = (row["logprobs"] for row in (first, second))
    if all(row.get("deciding") for row in (first, second)):
        left, right = (row["logprobs"] + row["deciding"] for row in (first, second))
    if len(left) != len(right):
        return Difference(question.model, question.where, f"{len(left)} choices", f"{len(right)} choices", np.inf)
    distances = np.abs(np.subtract(left, right))
    if not len(distances) or distances.max() <= tolerance:
        return None
    worst = int(np.argmax(distances))
    before, after = (f"choice {worst + 1}: {values[worst]:.6f} nats" for values in (left, right))
    return Difference(question.model, question.where, before, after, float(distances[worst]))


def _readings(runs: tuple[Run, Run], models: Sequence[tuple[ModelEntry, ModelEntry]]) -> Iterator[Difference | None]:
    places = [{str(case): place for place, case in enumerate(run.cases.ids)} for run in runs]
    for pair in models:
        answers = [run.answers[model.name] for run, model in zip(runs, pair, strict=True)]
        for case in places[0]:
            if case in places[1]:
                left, right = (_reading(each, place[case]) for each, place in zip(answers, places, strict=True))
                yield None if left == right else Difference(pair[0].name, case, left, right)


def _reading(answers: Answers, case: int) -> str:
    """What was read of a model's answers on a case; choices counted from 1."""
    behaved = (
        f"uncued {answers.uncued[case] + 1}, cued {answers.cued[case] + 1}" if answers.behaved[case] else "no label"
    )
    if not answers.explained[case]:
        return f"{behaved}; no explanation"
    verdict = _VERDICTS.get(int(answers.said[case]))
    return f"{behaved}; " + (f"{verdict}, {answers.content[case] + 1}" if verdict else "unparsable")


def _estimates(first: Any, second: Any, path: str = "") -> Iterator[Difference | None]:
    """Compare two summaries leaf by leaf. Names and specs of models are theirs and no estimate."""
    if isinstance(first, dict) and isinstance(second, dict):
        for name in (*first, *(name for name in second if name not in first)):
            if name in MAY_LACK and None in (first.get(name), second.get(name)):
                continue
            if name not in _NAMES:
                yield from _estimates(first.get(name), second.get(name), f"{path}.{name}" if path else name)
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for number, (left, right) in enumerate(zip(first, second, strict=True)):
            yield from _estimates(left, right, f"{path}[{number}]")
    else:
        yield None if first == second else Difference("", path, _short(first), _short(second))


_NAMES = {"name", "spec", "fingerprint", "emitter", "reference", "teacher", "model", "models"}


def _short(value: object) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
