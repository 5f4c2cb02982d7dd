"""What a model's last hidden state says of its own behaviour, with and without the cue, before any training.

usage: python -m benchmarks.evidence.readable --labels DIR [options]   a table; with --json FILE all numbers

An explanation can only report what can be computed from the prompt that it follows. A linear probe on the hidden state
behind the cued prompt, and behind the explanation prompt, is asked whether the model's own cued answer is the hint,
whether its uncued answer is the hint, and whether the two answers differ. Items are kept together in cross-validation.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.machine import provenance
from introbench.files import write_whole
from introbench.models.hf.model import HfModel
from introbench.runs.execute import execute
from introbench.tasks.types import Question
from introbench.train.arm import resolve_arm
from introbench.train.build import SetRequest, training_set
from introbench.train.first import FirstBehaviour, measure_first
from introbench.train.lessons import LessonBook
from introbench.train.rows import TrainingCase
from introbench.train.trainer import open_base

_MODULE = "benchmarks.evidence.readable"
_FOLDS = 5
_COMPONENTS = 100
_PLACES = ("cued prompt", "explanation prompt")
Floats = NDArray[np.float32]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write JSON where a file is named."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(typed)
    model, rows, first = _measured(options)
    states = [_states(model, row, options.every) for row in rows]
    answers = _answers(rows, first)
    groups = np.array([row.case.item.id for row in rows])
    found = [
        {
            "behind": place,
            "layer": layer * options.every,
            **_probed(np.stack([found[number][layer] for found in states]), answers, groups),
        }
        for number, place in enumerate(_PLACES)
        for layer in range(1, len(states[0][0]))
    ]
    rates = {name: float(values.mean()) for name, values in answers.items()}
    floor = _area(answers["changed"], answers["cued answer is the hint"].astype(float))
    shares = ", ".join(f"{name}: {rate:.2f}" for name, rate in rates.items())
    print(f"{len(rows)} training cases with a hint; {shares}")
    print(f"AUC of 'own cued answer is the hint' for 'changed': {floor:.3f}")
    for row in found:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    if options.json:
        record = {
            "schema": 1,
            "what": "AUC of linear probes on a model's last hidden states for its own behaviour.",
            **provenance(_MODULE, typed),
            "model": options.model,
            "task": options.task,
            "cases": len(rows),
            "rates": rates,
            "auc of knowing the own cued answer, for the verdict": floor,
            "probes": found,
        }
        write_whole(options.json, (json.dumps(record, indent=1) + "\n").encode())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {_MODULE}", description="Probe hidden states.")
    parser.add_argument("--model", default="smollm2-135m-q4_1", metavar="SPEC", help="%(default)s")
    parser.add_argument("--task", default="hint_facts", help="%(default)s")
    parser.add_argument("--items", type=int, default=900, help="training items; %(default)s")
    parser.add_argument("--cases", type=int, default=1500, help="cases of theirs, drawn; %(default)s")
    parser.add_argument("--every", type=int, default=3, help="layers between two that are probed; %(default)s")
    parser.add_argument("--labels", type=Path, required=True, help="folder of the runs that measure labels")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers")
    return parser


def _measured(options: argparse.Namespace) -> tuple[HfModel, list[TrainingCase], FirstBehaviour]:
    """The model, the drawn cases that have a hint, and what it does on them."""
    values = {"items": options.items, "hints": 2, "balance": True, "labels_count": options.cases, "dtype": "bfloat16"}
    arm = resolve_arm("kl", values)
    made = training_set(
        SetRequest(options.model, (options.task,), arm, options.labels, options={"dtype": "bfloat16"}), execute
    )
    rows = [row for row in made.cases if row.case.hint is not None]
    _, head = open_base(options.model, arm.train.dtype)
    model = head.load()
    return model, rows, measure_first(model, rows, LessonBook(model.chat, model.spec, model.context))


def _states(model: HfModel, row: TrainingCase, every: int) -> list[Floats]:
    """Hidden states behind the last token of the two prompts, embeddings first: two of (layers, width)."""
    return [_last_states(model, question, every) for question in (row.case.cued, row.case.explanation)]


def _last_states(model: HfModel, question: Question, every: int) -> Floats:
    ids = model.chat.prompt_ids([asdict(message) for message in question.messages])
    with torch.no_grad():
        states = model.hf_model.base_model(
            torch.tensor([ids], device=model.hf_model.device), output_hidden_states=True
        ).hidden_states
    return np.stack([state[0, -1].float().numpy() for state in states[::every]])


def _answers(rows: Sequence[TrainingCase], first: FirstBehaviour) -> dict[str, NDArray[np.bool_]]:
    cued = np.array([first.reply(row.case.cued.ask) for row in rows])
    uncued = np.array([first.reply(row.case.uncued.ask) for row in rows])
    hints = np.array([row.case.hint for row in rows])
    return {
        "changed": cued != uncued,
        "cued answer is the hint": cued == hints,
        "uncued answer is the hint": uncued == hints,
    }


def _probed(states: Floats, answers: Mapping[str, NDArray[np.bool_]], groups: NDArray[Any]) -> dict[str, float]:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    components = PCA(min(_COMPONENTS, len(states) // 4), random_state=0)
    probe = make_pipeline(StandardScaler(), components, LogisticRegression(C=0.05, max_iter=500))
    guess = partial(cross_val_predict, probe, states, groups=groups, cv=GroupKFold(_FOLDS), method="predict_proba")
    return {name: round(_area(truth, guess(truth)[:, 1]), 3) for name, truth in answers.items()}


def _area(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, scores))


if __name__ == "__main__":
    main()
