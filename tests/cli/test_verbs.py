from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from introbench.cli.verbs import VERBS, Verb, add_verbs


def said(*arguments: str) -> str:
    command = [sys.executable, "-m", "introbench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_help_lists_every_verb() -> None:
    listed = said("--help")
    assert all(f"{verb.name} " in listed and verb.help[:30] in listed for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_verb_that_is_asked_for_comes_alone_and_answers(verb: Verb) -> None:
    app = typer.Typer()
    add_verbs(app, verb.name)
    assert len(app.registered_commands) + len(app.registered_groups) == 1
    assert typer.main.get_command(app) is not None


def test_an_unknown_verb_is_answered_with_the_nearest() -> None:
    command = [sys.executable, "-m", "introbench", "matrx"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert "Did you mean" in found.stderr
    assert "matrix" in found.stderr
