"""Whether the verdict that explanations are scored by is the one that the model's next token would say.

usage: python -m benchmarks.evidence.verdicts RUN... [--json FILE]   a table; with --json all numbers

The verdict of a scored explanation is that of the candidates with more probability together. Where a model puts much of
its probability on contents that are no candidates, this depends on which verdict's contents are on the list, too. The
first token at which the two wordings part does not. Runs of models with weights keep its probability (`deciding` in
their ledgers) and score it beside Self; this sets it against references, too, and asks the model again where a run
lacks it. The first model of a RUN is measured; its others are references.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from benchmarks.machine import provenance, without_folders
from introbench.files import write_whole
from introbench.metrics.arrays import Floats
from introbench.metrics.deciding import by_deciding_token
from introbench.metrics.intervals import Estimate
from introbench.metrics.observations import CHANGED, Answers
from introbench.metrics.pairs import j_view, pair_of, verdict_view
from introbench.metrics.read import Run, case_rows, read_run
from introbench.metrics.scores import grade, score
from introbench.models.load import load_model
from introbench.runs.config import resolve_config
from introbench.runs.packing import render
from introbench.runs.plan import make_plan
from introbench.tasks.types import Case

_MODULE = "benchmarks.evidence.verdicts"
_SCORES = ("youden_j", "auroc", "sensitivity", "specificity")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write JSON where a file is named."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog=f"python -m {_MODULE}", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run directory")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers")
    options = parser.parse_args(typed)
    found = [measured(run) for run in options.runs]
    print(_table(found))
    if options.json:
        result = {
            "schema": 1,
            "what": "Explanations scored by the verdict of their candidates, and by that of the deciding token alone.",
            **provenance(_MODULE, typed),
            "runs": found,
        }
        write_whole(options.json, (json.dumps(result, indent=1) + "\n").encode())


def measured(path: Path) -> dict[str, Any]:
    """Both readings of the first model's explanations in a stored run."""
    run = read_run(path)
    name = run.models[0].name
    by_candidates = run.answers[name]
    if np.isnan(by_candidates.candidate_mass).all():
        sys.exit(f"{_MODULE}: {path}: its explanations are written, not scored")
    known = run.deciding.get(name)
    if known is None or np.isnan(known).any():
        logprobs, source = _asked_again(path, run), "the model, asked again"
    else:
        logprobs, source = known, "its ledger"
    by_token, mass = by_deciding_token(by_candidates, logprobs), np.exp(logprobs).sum(axis=1)
    seen = run.cases.headline & by_candidates.behaved & by_candidates.explained
    return {
        "model": without_folders(name),
        "from": source,
        "references": [without_folders(model.name) for model in run.models[1:]],
        "median_candidate_mass": float(np.nanmedian(by_candidates.candidate_mass[seen])),
        "median_mass_of_deciding_tokens": float(np.median(mass[seen])),
        "readings": {
            label: {
                "says_changed": float(np.mean(answers.said[seen] == CHANGED)),
                **_scores(run, answers),
                "pairs": {without_folders(each.name): _pair(run, answers, each.name) for each in run.models[1:]},
            }
            for label, answers in (("candidates", by_candidates), ("deciding token", by_token))
        },
    }


def _cases(manifest: Mapping[str, Any]) -> Mapping[str, Case]:
    """The cases that the run asked, by id, made anew from its configuration."""
    asked = manifest["config"]
    config, variants = resolve_config(
        asked["models"][0]["spec"],
        (),
        [task["name"] for task in manifest["tasks"]],
        limit=asked["limit"],
        split=asked["split"],
        skip=asked.get("skip", 0),
        seed=asked["seed"],
        aa_share=0.0,
    )
    return {case.id: case for task in make_plan(config, variants).tasks for case in task.cases}


def _asked_again(path: Path, run: Run) -> Floats:
    """(cases, 2) log-probabilities of the two beginnings, of a run that does not hold them."""
    model, cases = load_model(run.models[0].spec), _cases(json.loads((path / "manifest.json").read_bytes()))
    if model.chat is None:
        sys.exit(f"{_MODULE}: {model.spec} has no tokens")
    if model.fingerprint.hex != run.models[0].fingerprint:
        sys.exit(f"{_MODULE}: {path}: {model.spec} is not what it was (other weights or another engine); run it again")
    rows = {row.id: row for row in case_rows(path / "cases.jsonl")}
    if any(name not in cases or cases[name].explanation.ask != rows[name].asks["explanation"] for name in rows):
        sys.exit(f"{_MODULE}: {path}: its tasks ask something else by now; run it again")
    asked = [cases[str(name)] for name in run.cases.ids]
    requests = [render(case.explanation, case, model.chat) for case in asked]
    if not all(request.beginnings for request in requests):
        sys.exit(f"{_MODULE}: in the tokens of {model.spec} replies of the two verdicts part at no single token")
    # Only the beginnings are scored, as if they were the choices.
    begun = [replace(request, choices_ids=request.beginnings, source=None) for request in requests]
    return np.array([result.logprobs for result in model.score(begun)])


def _scores(run: Run, answers: Answers) -> dict[str, Any]:
    kept = run.cases.headline & answers.behaved & answers.explained
    mine = answers.take(kept)
    scores = score(grade(mine.explanations, mine.labels, run.cases.take(kept).clusters))
    return {name: _told(getattr(scores, name)) for name in _SCORES}


def _pair(run: Run, answers: Answers, reference: str) -> dict[str, Any]:
    _, pair = pair_of(run.cases, answers, run.answers[reference])
    verdict, j = verdict_view(pair), j_view(pair)
    return {
        "verdict_gap": _told(verdict.gap),
        "verdict_centred_coupling": _told(verdict.centred_coupling),
        "j_difference": _told(j.difference),
        "j_centred_difference": _told(j.centred_difference),
        "verdicts_differ": verdict.disagreements,
    }


def _told(estimate: Estimate) -> dict[str, Any]:
    return estimate.model_dump(mode="json", include={"value", "low", "high", "n", "clusters", "status"})


def _table(found: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for run in found:
        for label, reading in run["readings"].items():
            pair = next(iter(reading["pairs"].values()), None)
            coupling = _shown(pair["verdict_centred_coupling"]) if pair else "-"
            told = [_shown(reading[name]) for name in ("youden_j", "auroc")]
            rows.append([run["model"], label, f"{reading['says_changed']:.2f}", *told, coupling])
    return tabulate(rows, ["model", "verdict by", "says changed", "J", "AUC", "centred coupling of the verdict"])


def _shown(told: Mapping[str, Any]) -> str:
    if told["low"] is None:
        return "-"
    few = "" if told["status"] == "ok" else "*"
    return f"{told['value']:+.2f}{few} [{told['low']:+.2f}, {told['high']:+.2f}]"


if __name__ == "__main__":
    main()
