"""The candidate: a stored run, or a model that is run as the baseline was, as far as a budget goes."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from introbench.errors import SpecError, UsageError
from introbench.gate.baseline import Baseline, read_baseline
from introbench.gate.config import GateConfig
from introbench.gate.decide import Candidate, decide
from introbench.gate.outcomes import Outcomes, read_outcomes
from introbench.gate.sequential import spending
from introbench.gate.verdict import GateVerdict

if TYPE_CHECKING:
    from introbench.runs.execute import Progress

__all__ = ["Asked", "judged", "parse_budget"]

PILOT_ITEMS = 8
"""Items of a task that are asked to learn how long one takes."""

SPARE = 0.9
"""Share of a budget that is planned with; the rest is for what a pilot cannot see."""

_BUDGET = re.compile(r"(\d+(?:\.\d+)?)([smh])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}

Tell = Callable[[str], object]
"""Takes a line about what goes on."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be tested, and how.

    Attributes:
        text: a run directory or a model spec.
        model: name of the model of the run; its target where None.
        out: where a model that is run keeps its answers; a folder that is removed where None.
        budget: time for running, as "5m"; all items of the baseline where None.
        looks: how often to look, at most.
        include_paths: folders with task plugins.
    """

    text: str
    model: str | None = None
    out: Path | None = None
    budget: str | None = None
    looks: int = 1
    include_paths: tuple[Path, ...] = ()


def parse_budget(text: str) -> float:
    """Seconds of "90s", "5m" or "1h". Raises UsageError for anything else."""
    found = _BUDGET.fullmatch(text)
    if not found or not float(found[1]):
        raise UsageError(f"--budget {text!r}: write a time as 90s, 5m or 1h")
    return float(found[1]) * _SECONDS[found[2]]


def read_side(path: Path) -> Baseline:
    """A baseline file, or a run directory as a baseline without history."""
    if path.is_dir():
        return Baseline(read_outcomes(path)[0], None, (), (), {})
    return read_baseline(path)


def judged(
    baseline: Path,
    asked: Asked,
    config: GateConfig,
    where: str,
    *,
    strict: bool = False,
    noise: bool = False,
    tell: Tell = lambda line: None,
) -> GateVerdict:
    """The verdict on a candidate. A model that is named by its spec is run first.

    Raises UsageError for wrong input, and what a run raises.
    """
    held = read_side(baseline)
    if Path(asked.text).is_dir():
        if asked.budget is not None or asked.looks > 1 or asked.out is not None:
            raise UsageError("--budget, --looks and --out are for a candidate that is a model spec; this one is a run")
        outcomes, run = read_outcomes(Path(asked.text), asked.model)
        return decide(held, Candidate(outcomes, run), config, where, strict=strict, noise=noise)
    if asked.model is not None:
        raise UsageError("--model names a model of a run; this candidate is a model spec")
    with ExitStack() as stack:
        out = asked.out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="introbench-gate-")))
        return _run_and_judge(held, asked, out, config, where, strict, noise, tell)


def _run_and_judge(
    held: Baseline, asked: Asked, out: Path, config: GateConfig, where: str, strict: bool, noise: bool, tell: Tell
) -> GateVerdict:
    runner = _Runner(held.rolling, asked, out, tell)
    items = runner.affordable(parse_budget(asked.budget)) if asked.budget is not None else runner.items
    alpha: float | None = None
    limits = sorted({max(1, round(items * look / asked.looks)) for look in range(1, asked.looks + 1)})
    shares = spending(config.alpha, [limit / limits[-1] for limit in limits])
    for limit, share in zip(limits, shares, strict=True):
        alpha = share if len(limits) > 1 else None
        outcomes, run = read_outcomes(runner.run(limit, final=len(limits) == 1))
        verdict = decide(held, Candidate(outcomes, run), config, where, strict=strict, noise=noise, spent=alpha)
        if verdict.verdict != "inconclusive":
            break
    words = [*verdict.notes]
    if limit < runner.items:
        words.append(f"{limit} of {runner.items} items of each task were asked")
    if alpha is not None:
        words.append(
            f"look {limits.index(limit) + 1} of {len(limits)} decided; it spent {alpha:.4f} of alpha {config.alpha:g}"
        )
    return verdict.model_copy(update={"candidate": asked.text, "notes": words})


class _Runner:
    """Runs the candidate on the first items of the baseline's plan; a run takes over what earlier ones answered."""

    def __init__(self, baseline: Outcomes, asked: Asked, out: Path, tell: Tell) -> None:
        self._baseline, self._asked, self._out, self._tell = baseline, asked, out, tell
        self._done: list[Path] = []
        self.items = self._planned()

    def _planned(self) -> int:
        """Items of the largest task of the baseline."""
        ids = (case.rpartition("/")[0] for case in self._baseline.ids.tolist())
        found: dict[str, set[str]] = {}
        for case in ids:
            task, _, item = case.rpartition("/")
            found.setdefault(task, set()).add(item)
        return max(map(len, found.values()))

    def affordable(self, seconds: float) -> int:
        """How many items of each task fit into a time, by asking a few; never fewer than those."""
        started = time.monotonic()
        asking = _Clock()
        self.run(min(PILOT_ITEMS, self.items), asking)
        loading = time.monotonic() - started - asking.seconds
        left = SPARE * seconds - (time.monotonic() - started) - loading * self._asked.looks
        more = int(left / max(asking.seconds / PILOT_ITEMS, 1e-9))
        items = max(min(PILOT_ITEMS + more, self.items), min(PILOT_ITEMS, self.items))
        self._tell(f"{PILOT_ITEMS} items of each task took {asking.seconds:.1f} s; asking {items} of {self.items}")
        return items

    def run(self, limit: int, clock: _Clock | None = None, *, final: bool = False) -> Path:
        """Run the candidate on so many items of each task."""
        from introbench.runs.config import resolve_config
        from introbench.runs.execute import execute
        from introbench.train.sources import with_labels

        how = self._baseline.facts.asked
        try:
            config, variants = resolve_config(
                self._asked.text,
                (),
                _names(how, self._baseline),
                split=how.get("split", "test"),
                limit=limit,
                seed=how.get("seed", 0),
                explanations=how.get("explanations", "constrained"),
                aa_share=how.get("aa_share", 0.0),
                include_paths=self._asked.include_paths,
            )
        except SpecError as error:
            raise SpecError(
                f"--candidate {self._asked.text}: no folder of that name, and no model spec: {error}"
            ) from error
        out = self._out if final and not self._done else self._out / f"items-{limit}"
        if not final or self._done:
            self._out.mkdir(parents=True, exist_ok=True)
        if out not in self._done:
            config, variants = with_labels(config, variants, out, execute)
            execute(config, variants, out, on_progress=clock or (lambda progress: None), reuse=self._done)
            self._done.append(out)
        return out


def _names(how: dict[str, object], baseline: Outcomes) -> Sequence[str]:
    given = how.get("tasks")
    return [str(name) for name in given] if isinstance(given, list) else [task.name for task in baseline.facts.tasks]


class _Clock:
    """How long requests were being asked."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.step == "asking":
            self.seconds = now - self._since
        else:
            self._since = now
