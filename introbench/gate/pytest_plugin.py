"""A pytest plugin: every gate is a test. Without its options it does nothing and imports nothing.

pytest --introbench-baseline baseline.jsonl --introbench-candidate runs/release
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from introbench.gate.verdict import GateResult, GateVerdict

__all__ = ["GateWarning"]


class GateWarning(UserWarning):
    """A gate is inconclusive: it passes, and should be looked at."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the gate."""
    group = parser.getgroup("introbench", "gate of introbench")
    group.addoption("--introbench-baseline", metavar="FILE", help="baseline file or run directory")
    group.addoption("--introbench-candidate", metavar="RUN|SPEC", help="run directory, or a model that is run")
    group.addoption("--introbench-config", metavar="GATE.TOML", help="gates and thresholds")
    group.addoption("--introbench-strict", action="store_true", help="fail where a gate is inconclusive")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add a test per gate where a baseline and a candidate are named."""
    options = [config.getoption(f"introbench_{name}") for name in ("baseline", "candidate")]
    if not any(options):
        return
    if not all(options):
        raise pytest.UsageError("--introbench-baseline and --introbench-candidate go together")
    items.extend(_items(session, config, *options))


def _items(session: pytest.Session, config: pytest.Config, baseline: str, candidate: str) -> Iterator[pytest.Item]:
    from introbench.errors import IntrobenchError
    from introbench.gate.candidate import Asked, judged
    from introbench.gate.config import read_config
    from introbench.gate.words import title

    file = config.getoption("introbench_config")
    strict = bool(config.getoption("introbench_strict"))
    try:
        settings = read_config(Path(file) if file else None)
        verdict = judged(Path(baseline), Asked(candidate), settings, file or "the usual gates", strict=strict)
    except IntrobenchError as error:
        raise pytest.UsageError(f"introbench gate: {error}") from error
    home = _Gates.from_parent(session, name="introbench gate", nodeid="introbench-gate")
    for result in verdict.gates:
        yield _Gate.from_parent(home, name=title(result), result=result, verdict=verdict)


class _Gates(pytest.Collector):
    """What the gates stand under."""

    def collect(self) -> list[pytest.Item]:
        """Nothing: the gates are known by then."""
        return []


class _Gate(pytest.Item):
    """One gate."""

    def __init__(self, *, result: GateResult, verdict: GateVerdict, **known: Any) -> None:
        super().__init__(**known)
        self._result, self._verdict = result, verdict

    def runtest(self) -> None:
        """Fail for a regression and for what cannot be compared; warn of what is inconclusive, or fail if strict."""
        from introbench.gate.words import sentence

        result = self._result
        if result.verdict == "ok":
            return
        text = f"{result.verdict}: {sentence(result)}"
        if result.verdict == "inconclusive" and not self._verdict.strict:
            warnings.warn(GateWarning(f"{self.name}: {text}"), stacklevel=1)
            return
        pytest.fail(text, pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where a report says that the gate is."""
        return self.path, None, f"gate: {self.name}"
