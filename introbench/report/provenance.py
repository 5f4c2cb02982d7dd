"""How a run can be made again: its command, and what it was made with."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from introbench.report.tables import Row, Table

__all__ = ["command_of", "facts_of"]


def command_of(manifest: Mapping[str, Any]) -> str:
    """The command that asks the same questions of the same models, an option a line, from the configuration."""
    config = manifest.get("config")
    if not isinstance(config, dict) or not isinstance(config.get("models"), list):
        return "# manifest.json does not hold the configuration of this run"
    words = ["introbench", "run"]
    for place, model in enumerate(config["models"]):
        words += ["--reference" if place else "--model", _named(model)]
    if isinstance(config.get("tasks"), list):
        words += ["--tasks", ",".join(map(str, config["tasks"]))]
    for name in ("limit", "seed", "split", "explanations", "aa_share"):
        if config.get(name) is not None:
            words += [f"--{name.replace('_', '-')}", str(config[name])]
    words += ["--out", "RUN"]
    pairs = [shlex.join(words[at : at + 2]) for at in range(0, len(words), 2)]
    return " \\\n    ".join(pairs)


def _named(model: Any) -> str:
    """NAME=SPEC, or the spec alone where the name follows from it."""
    if not isinstance(model, dict):
        return str(model)
    name, spec = str(model.get("name", "")), str(model.get("spec", ""))
    # "SPEC #2" is how a run tells apart the same spec given twice.
    return spec if name in ("", spec) or name.startswith(f"{spec} #") else f"{name}={spec}"


def facts_of(manifest: Mapping[str, Any]) -> Table:
    """Versions, hardware, commit, models and tasks of a run, everything that the manifest says of them."""
    groups = [(name, manifest.get(name)) for name in ("versions", "hardware", "git")]
    groups += [(f"model {_name(model)}", model) for model in _list(manifest.get("models"))]
    groups += [(f"task {_name(task)}", task) for task in _list(manifest.get("tasks"))]
    rows = [Row((name, value), group=group) for group, part in groups for name, value in _flat(part)]
    return Table("provenance", "What this run was made with", ("", "value"), tuple(rows), "")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _name(part: Any) -> str:
    return str(part.get("name", "")) if isinstance(part, dict) else ""


def _flat(part: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of a part of the manifest, nested ones with their path."""
    if not isinstance(part, dict):
        return
    for name, value in part.items():
        path = f"{before}{str(name).replace('_', ' ')}"
        if isinstance(value, dict):
            yield from _flat(value, f"{path}: ")
        elif value not in (None, ""):
            yield path, str(value)
