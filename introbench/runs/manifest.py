"""The manifest: everything that a stranger needs to say what a run was."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from introbench.hashing import sequence_hash
from introbench.models.types import Model, ModelHead
from introbench.runs.config import Mode
from introbench.runs.packing import Pack
from introbench.runs.plan import NEW_TOKENS, Plan, TaskPlan, case_row
from introbench.tasks.cases import as_judged
from introbench.tasks.openings import OPENINGS

__all__ = [
    "MANIFEST_SCHEMA",
    "cpu_name",
    "git_state",
    "hardware",
    "new_manifest",
    "scoring_entry",
    "task_entry",
    "versions",
]

MANIFEST_SCHEMA = 1

_PACKAGES = ("introbench", "torch", "transformers", "tokenizers", "peft", "accelerate", "numpy", "scipy", "pydantic")


def new_manifest(plan: Plan, folders: Mapping[str, str], heads: Sequence[ModelHead]) -> dict[str, Any]:
    """The manifest of a run that has a plan and no weights loaded yet.

    Args:
        folders: name of the ledger folder of each model, by model name.
        heads: the models, in the order of the configuration.
    """
    return {
        "schema": MANIFEST_SCHEMA,
        "complete": False,
        "config": plan.config.as_json(),
        "seed": plan.config.seed,
        "models": [
            {
                "name": model.name,
                "folder": folders[model.name],
                "spec": model.spec,
                "role": model.role,
                "fingerprint": head.fingerprint.hex,
                "fingerprint_parts": dict(head.fingerprint.parts),
                "pack_tokens": head.pack_tokens,
            }
            for model, head in zip(plan.config.models, heads, strict=True)
        ],
        "tasks": [task_entry(task, plan.config.explanations) for task in plan.tasks],
        "versions": versions(),
        "hardware": hardware(),
        "git": git_state(),
    }


def scoring_entry(model: Model, packs: Sequence[Pack], explanations: Mode) -> dict[str, Any]:
    """What a model's entry of the manifest gains once its weights have been loaded."""
    facts = model.facts
    asked = {"free": f"free, greedy, {NEW_TOKENS} tokens", "none": "none"}
    return {
        "path": facts.path,
        "path_reason": facts.reason,
        "probe_difference": facts.probe_difference,
        "tie_margin": facts.tie_margin,
        "dtype": facts.dtype,
        "device": facts.device,
        "parameters": facts.parameters,
        "products": facts.products,
        "answers": facts.answers,
        "explanations": asked.get(explanations, f"constrained, {facts.answers}"),
        "generation": model.writing if any(pack.written for pack in packs) else "",
        "packs": len(packs),
        "prompt_tokens": sum(pack.prompt_tokens for pack in packs),
        "bound_tokens": sum(pack.bound_tokens for pack in packs),
    }


def task_entry(task: TaskPlan, explanations: Mode) -> dict[str, Any]:
    """What the manifest says of a task: all that its cases follow from, and their hash."""
    info = task.variant.task.info
    wording = task.variant.task.templates().explanation
    return {
        "name": task.variant.name,
        "version": info.version,
        "comparability": info.comparability,
        "behaviour": task.variant.behaviour,
        "wording": {"unchanged": wording.unchanged, "changed": wording.changed},
        "demonstrations": task.variant.demonstrations,
        "parameters": task.variant.bare_parameters(),
        "items_sha256": task.items_sha256,
        "labels_sha256": task.shown.labels.sha256 if task.shown.labels else None,
        "noise": _noise(task),
        "skipped": dict(task.skipped),
        "notes": list(task.notes),
        "items": task.items,
        "cases": len(task.cases),
        "repeated_cases": len(task.repeated),
        "cases_hash": sequence_hash(case_row(case, explanations) for case in task.cases),
        **_calibration_entry(task),
    }


def _calibration_entry(task: TaskPlan) -> dict[str, Any]:
    """What it takes to score replies that are read by how they begin."""
    if task.variant.behaviour != "opening":
        return {}
    asked = {
        question.ask: {
            "request": question.messages[-1].content,
            "cluster": case.item.cluster,
            "choices": list(question.choices),
            "opening": question.ask,
            "judged": judged.ask,
        }
        for case in task.calibration
        for question, judged in zip(case.questions[:2], as_judged(case).questions[:2], strict=True)
    }
    return {
        "openings": {choice: list(texts) for choice, texts in OPENINGS.items()},
        "calibration": list(asked.values()),
    }


def _noise(task: TaskPlan) -> dict[str, Any] | None:
    shots, labels = task.variant.noisy, task.shown.labels
    if shots is None or labels is None:
        return None
    return {
        "family": task.variant.name.removesuffix(f"&draw={shots.draw}"),
        "kind": shots.noise.kind,
        "rate": shots.noise.rate,
        "draw": shots.draw,
        "demonstrations": len(task.shown.demonstrations),
        "flipped": task.shown.flipped,
        "labels_of": labels.file.model,
    }


def versions() -> dict[str, str]:
    """Versions of Python and of what numbers depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Processor, cores and system."""
    # No host name and no user name: manifests are published.
    return {"machine": platform.machine(), "system": platform.system(), "cores": os.cpu_count(), "cpu": cpu_name()}


def cpu_name() -> str:
    """The processor as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def git_state() -> dict[str, Any] | None:
    """Commit of the introbench checkout that ran, or None for an installed package."""
    here = Path(__file__).resolve().parent
    try:
        found = subprocess.run(
            ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": found.removesuffix("-dirty"), "dirty": found.endswith("-dirty")}
