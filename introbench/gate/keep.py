"""Making, accepting and describing baselines."""

from __future__ import annotations

import getpass
import subprocess
import time
from pathlib import Path
from typing import Literal

from introbench.errors import UsageError
from introbench.gate.baseline import Baseline, Entry, accepted, read_baseline, write_baseline
from introbench.gate.config import EVERY_TASK, Rule, read_config
from introbench.gate.decide import Candidate, resolved_rules
from introbench.gate.golden import estimates_of
from introbench.gate.outcomes import Outcomes, RunFacts, read_outcomes

__all__ = ["accept_baseline", "described", "save_baseline"]


def save_baseline(run: Path, out: Path, model: str | None, config: Path | None, reason: str, by: str | None) -> str:
    """Write a baseline file of a run; returns what to say of it. Raises UsageError where the run is not complete."""
    outcomes, rules, estimates = _read(run, model, config)
    entry = _entry("save", outcomes, reason, by)
    size = write_baseline(out, Baseline(outcomes, None, tuple(rules), (entry,), estimates))
    return f"{out}: {_held(outcomes, size)}"


def accept_baseline(
    file: Path, run: Path, model: str | None, config: Path | None, reason: str, by: str | None, *, pin: bool
) -> str:
    """Move a baseline file on to another run; returns what to say of it."""
    if not reason.strip():
        raise UsageError("--reason is empty: say why this run becomes the baseline")
    before = read_baseline(file)
    outcomes, rules, estimates = _read(run, model, config)
    entry = _entry("pin" if pin else "accept", outcomes, reason, by)
    size = write_baseline(file, accepted(before, outcomes, rules, entry, estimates))
    return f"{file}: {_held(outcomes, size)}; the anchor {'moved too' if pin else 'stays'}"


def _read(run: Path, model: str | None, config: Path | None) -> tuple[Outcomes, list[Rule], dict[str, float]]:
    """What a baseline holds of a run. One that is not complete would forgive what it lacks."""
    outcomes, stored = read_outcomes(run, model)
    planned = sum(task.cases for task in outcomes.facts.tasks)
    answered = int(((outcomes.target[:, :2] >= 0).all(axis=1) & (outcomes.target[:, 2] > -2)).sum())
    if answered < planned:
        raise UsageError(
            f"{run}: {answered} of {planned} cases are answered; finish the run before it becomes a baseline"
        )
    where = str(config) if config else "the usual gates"
    rules = resolved_rules(outcomes, Candidate(outcomes, stored), read_config(config), where)
    return outcomes, rules, estimates_of(outcomes, stored)


def _held(outcomes: Outcomes, size: int) -> str:
    cases = outcomes.ids.size
    return f"{cases} cases, {size:,} bytes ({size / cases:.0f} a case), {outcomes.facts.target.name}"


def _entry(action: Literal["save", "accept", "pin"], outcomes: Outcomes, reason: str, by: str | None) -> Entry:
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return Entry(action=action, when=when, who=by or _who(), why=reason, fingerprint=outcomes.facts.target.fingerprint)


def _who() -> str:
    """The name that git has for its user, or that of the account."""
    try:
        found = subprocess.run(
            ["git", "config", "user.name"], capture_output=True, text=True, timeout=10, check=False
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        found = ""
    try:
        return found or getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def described(file: Path) -> str:
    """A baseline file in words."""
    held = read_baseline(file)
    lines = [f"rolling: {_named(held.rolling.facts, held.rolling)}"]
    lines.append(f"anchor:  {_named(held.anchor.facts, held.anchor) if held.anchor else 'the same run'}")
    lines += ["", "gates:"]
    lines += [
        f"  {rule.estimate} on {rule.task or EVERY_TASK}: {rule.worse}, floor {rule.floor:g}, margin {rule.margin:g}"
        for rule in held.rules
    ]
    lines += ["", "history:"]
    lines += [f"  {entry.when} {entry.action} by {entry.who}: {entry.why}" for entry in held.history]
    return "\n".join(lines)


def _named(facts: RunFacts, outcomes: Outcomes) -> str:
    tasks = ", ".join(f"{task.name} version {task.version}" for task in facts.tasks)
    return f"{facts.target.name} ({facts.target.kind}), {outcomes.ids.size} cases of {tasks}"
