"""What strangers send to a server: the cells of hostile.yaml on tokens and transport, and what schemathesis invents."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from attacks_on_server import TOKENS, TRANSPORT
from board_server import BoardServer, until

from introbench_leaderboard.prepare import Prepared

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MATRIX: Mapping[str, Mapping[str, str]] = yaml.safe_load(
    Path(__file__).parents[1].joinpath("hostile.yaml").read_text("utf-8")
)
ATTACKS = {**TOKENS, **TRANSPORT}
EXAMPLES = 20
HOOKS = Path(__file__).with_name("hooks_of_schemathesis.py")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoardServer]:
    """One server for all of them: what one leaves behind, the next ones meet."""
    server = BoardServer(tmp_path_factory.mktemp("attacked"), None, "--upload-seconds", "2")
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("attack", "outcome"),
    [(attack, outcome) for surface in ("tokens", "transport") for attack, outcome in MATRIX[surface].items()],
)
def test_the_server_is_not_moved(attacked: BoardServer, sound: Prepared, attack: str, outcome: str) -> None:
    before = attacked.entries()
    assert ATTACKS[attack](attacked, sound.data) == outcome
    if outcome.startswith("refused"):
        assert attacked.entries() == before
    until(lambda: attacked.incoming() == [])


def test_schemathesis_finds_nothing(attacked: BoardServer, tmp_path: Path) -> None:
    """It sends what the description of the API allows and what it forbids, and follows uploads by their links."""
    pytest.importorskip("schemathesis", reason="needs schemathesis: pip install schemathesis")
    command = [sys.executable, "-m", "schemathesis.cli", "run", attacked.url + "/api/openapi.json"]
    command += ["--header", f"Authorization: Bearer {attacked.token()}", "--max-examples", str(EXAMPLES)]
    command += ["--checks", "all", "--generation-deterministic", "--continue-on-failure", "--no-color"]
    found = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)},
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert re.search(r"Tested: +4", found.stdout) and "Serialization not possible" not in found.stdout
    assert attacked.process and attacked.process.poll() is None
