"""Do two backends give one model the same answers?  python -m benchmarks.parity RUN [RUN…] [--json FILE]

The first model of the first run is the yardstick; every other model of the runs, which have to hold the same cases, is
compared with it, decision by decision. Decisions within either model's tie margin may differ and are counted apart.
Engines that need an environment of their own are run there first, each into a RUN. The file says of each run what it
was, on which machine and with which versions.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.machine import provenance, without_folders
from introbench.errors import NotComparableError
from introbench.metrics.arrays import Bools
from introbench.metrics.observations import Answers
from introbench.metrics.read import ModelEntry, read_run
from introbench.runs.ledger import read_ledger

__all__ = ["Parity", "described", "main", "parity"]


@dataclass(frozen=True, slots=True)
class Parity:
    """One model beside the yardstick.

    Attributes:
        model: its name in its run.
        answers: "seq" or "path".
        cases: cases that both behaved on.
        behaviour_differs: share of them with another choice on either prompt.
        behaviour_inside: share of them that hang on a choice within a tie margin.
        behaviour_differs_outside: cases with another choice although neither is within a tie margin.
        explanations: cases that both explained.
        explanation_differs: share of them with another verdict or content.
        explanation_inside: share of them that hang on a decision within a tie margin.
        explanation_differs_outside: cases with another explanation although neither is within a tie margin.
        largest_difference: largest difference of two log-probabilities, in nats; None where one gives none.
    """

    model: str
    answers: str
    cases: int
    behaviour_differs: float
    behaviour_inside: float
    behaviour_differs_outside: int
    explanations: int
    explanation_differs: float
    explanation_inside: float
    explanation_differs_outside: int
    largest_difference: float | None


def parity(runs: Sequence[Path]) -> list[Parity]:
    """Every model beside the first. Raises NotComparableError where two runs hold other cases."""
    read = [read_run(path) for path in runs]
    for path, run in zip(runs, read, strict=True):
        if list(run.cases.ids) != list(read[0].cases.ids):
            raise NotComparableError(f"{path} and {runs[0]} hold other cases; run both with one task, limit and seed")
    (path, run, own), *others = [
        (path, run, model) for path, run in zip(runs, read, strict=True) for model in run.models
    ]
    mine, logprobs = run.answers[own.name], _logprobs(path, own)
    return [
        _compared(mine, own, run.answers[other.name], other, logprobs, _logprobs(path, other))
        for path, run, other in others
    ]


def _logprobs(path: Path, model: ModelEntry) -> dict[str, list[float]]:
    """Log-probabilities by what was asked, of what was asked first."""
    rows = (row for file in sorted((path / "records" / model.folder).glob("*.jsonl")) for row in read_ledger(file))
    return {row["ask"]: row["logprobs"] for row in rows if row["replicate"] == 0 and row["logprobs"]}


def _compared(
    mine: Answers,
    own: ModelEntry,
    theirs: Answers,
    other: ModelEntry,
    logprobs: dict[str, list[float]],
    other_logprobs: dict[str, list[float]],
) -> Parity:
    behaved = mine.behaved & theirs.behaved
    explained = mine.explained & theirs.explained
    tie = max(own.tie_margin, other.tie_margin)
    behaviour = (mine.uncued != theirs.uncued) | (mine.cued != theirs.cued)
    explanation = (mine.said != theirs.said) | (mine.content != theirs.content)
    loose = mine.unsure_behaviour(tie) | theirs.unsure_behaviour(tie)
    vague = mine.unsure_explanation(tie) | theirs.unsure_explanation(tie)
    shared = logprobs.keys() & other_logprobs.keys()
    differences = [abs(a - b) for ask in shared for a, b in zip(logprobs[ask], other_logprobs[ask], strict=True)]
    return Parity(
        model=other.name,
        answers=other.answers,
        cases=int(behaved.sum()),
        behaviour_differs=_share(behaviour, behaved),
        behaviour_inside=_share(loose, behaved),
        behaviour_differs_outside=int((behaviour & ~loose & behaved).sum()),
        explanations=int(explained.sum()),
        explanation_differs=_share(explanation, explained),
        explanation_inside=_share(vague, explained),
        explanation_differs_outside=int((explanation & ~vague & explained).sum()),
        largest_difference=round(max(differences), 6) if differences else None,
    )


def _share(mask: Bools, among: Bools) -> float:
    return round(float(mask[among].mean()), 6) if among.any() else 0.0


def described(run: Path) -> dict[str, Any]:
    """What a run was, from its manifest: tasks, limit, machine, versions, and its models with their engines."""
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    config = manifest["config"]
    of_model = ("answers", "path", "path_reason", "dtype", "tie_margin")
    return {
        **{name: config[name] for name in ("tasks", "limit", "explanations", "seed")},
        **{name: manifest[name] for name in ("complete", "hardware", "versions", "git")},
        "models": [
            {
                **{name: row.get(name) for name in of_model},
                "name": without_folders(row["name"]),
                "engine": row["fingerprint_parts"]["engine"],
                "server": json.loads(row["fingerprint_parts"].get("server", "{}")).get("version"),
            }
            for row in manifest["models"]
        ],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table, and write what it says where a file is named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    found = [asdict(each) for each in parity(options.runs)]
    print(tabulate(found, headers="keys", tablefmt="simple"))
    if options.json:
        result = {
            **provenance("benchmarks.parity", sys.argv[1:] if arguments is None else arguments),
            "runs": [described(run) for run in options.runs],
            "yardstick": without_folders(read_run(options.runs[0]).models[0].name),
            "parity": [{**row, "model": without_folders(row["model"])} for row in found],
        }
        options.json.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
