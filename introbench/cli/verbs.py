"""The verbs of the command line. Only the one that is asked for is imported and read."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

__all__ = ["VERBS", "Verb", "add_verbs"]


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb, or a group of them.

    Attributes:
        name: as it is typed.
        home: module and name of the function, or of the `typer.Typer` of a group.
        help: what it does, for the list of all verbs.
        group: whether verbs of its own follow it.
    """

    name: str
    home: str
    help: str
    group: bool = False


VERBS = (
    Verb("run", "run:run", "Run a model and show how true its explanations are."),
    Verb("plan", "run:plan", "Say what a run would cost; loads no weights."),
    Verb("list", "list:list_tasks", "List tasks and the forms of model specs."),
    Verb("show", "show:show", "Show the prompts and token ids of a task."),
    Verb("score", "score:score", "Rebuild the numbers of a stored run."),
    Verb("score-external", "score_external:score_external", "Score explanations that somebody else produced."),
    Verb("compare", "compare:compare", "Pair two models case by case, flipped cases first."),
    Verb("gate", "gate:gate", "Say whether a release is worse than its baseline."),
    Verb("baseline", "baseline:baseline", "Make and accept baselines of the gate.", group=True),
    Verb("matrix", "matrix:matrix", "Every model as explainer against every model."),
    Verb("diff", "diff:diff", "Name the first stage at which two runs part."),
    Verb("report", "report:report", "Write one HTML page of stored runs, with plots and cases."),
    Verb("labels", "labels:labels", "Freeze the explanation labels of a stored run."),
    Verb("agreement", "agreement:agreement", "Say how far training labels fit what a model does."),
    Verb("judge", "judge:judge", "Say which replies in a file refuse."),
    Verb("submit", "submit:submit", "Send a run to a leaderboard."),
    Verb("fetch", "fetch:fetch", "Bring models and data for runs without network."),
    Verb("tasks", "tasks:app", "Write, check and describe task plugins.", group=True),
    Verb("train", "train:train", "Train an adapter to explain its model's answers."),
    Verb("study", "study:app", "Train arms × seeds, run them and write their page.", group=True),
    Verb("leaderboard", "leaderboard:app", "Check bundles, keep the store, build the site.", group=True),
    Verb("export", "export:export", "Write cases and results out for other tools.", group=True),
    Verb("cache", "cache:cache", "List, verify and prune cached weights.", group=True),
)


def add_verbs(app: typer.Typer, asked: str | None) -> None:
    """Give the app the verb that is asked for; all of them where it is none, for help and for suggestions."""
    for verb in [verb for verb in VERBS if verb.name == asked] or VERBS:
        module, _, name = verb.home.partition(":")
        found = getattr(import_module(f"introbench.cli.{module}"), name)
        if verb.group:
            app.add_typer(found, name=verb.name, short_help=verb.help)
        else:
            app.command(verb.name, short_help=verb.help)(found)
