"""What the board keeps of an accepted submission beside its bundle: `entry.json`, and the outcome of every case."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, StrictBool, StrictInt, ValidationError

from introbench.errors import UsageError
from introbench.files import disk_errors, slug
from introbench.hashing import canonical_json
from introbench.metrics.frozen import Frozen
from introbench.metrics.intervals import Estimate
from introbench.metrics.schema import Summary

__all__ = [
    "BUNDLE",
    "ENTRY",
    "LONGEST_NAME",
    "NAME",
    "OUTCOMES",
    "SUBMISSIONS",
    "TIERS",
    "Base",
    "Board",
    "Declared",
    "Entry",
    "EntryId",
    "Outcomes",
    "Ranked",
    "Reading",
    "Relation",
    "Tier",
    "dump_entry",
    "entry_folder",
    "outcomes_name",
    "pack_outcomes",
    "read_entries",
    "read_entry",
    "read_outcomes",
]

SUBMISSIONS, BUNDLE, ENTRY, OUTCOMES = "submissions", "bundle.tar.gz", "entry.json", "outcomes"
"""Names in the store: `submissions/<org>__<model>/<revision>/<run>/` holds bundle, entry and outcomes by task."""

Tier = Literal["recomputed", "spot-checked", "reproduced"]
"""How far an entry is trusted: its numbers follow from its rows; some rows, or all, were measured again."""

TIERS: tuple[Tier, ...] = get_args(Tier)
"""From the least trusted to the most. A table sorts by the tier before any score."""

Relation = Literal["maker", "affiliated", "independent", "undisclosed"]
"""What who submits is to who made the model."""

Reading = Literal["seq", "path"]
"""Whether answers are probabilities of every choice, or the one reply that the model was led to."""

NAME = r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*"
"""Names of organisations, models, revisions and runs: plain ASCII, so that few look like others, and no two marks in a
row, so that "__" parts organisation and model and ".." leads nowhere."""

LONGEST_NAME = 96
"""Letters of each."""

_Name = Annotated[str, Field(pattern=f"^{NAME}$", max_length=LONGEST_NAME)]
_LONGEST_OUTCOMES = 256 << 20


class EntryId(Frozen):
    """Where an entry lies in the store."""

    org: _Name
    """Who made the model."""
    model: _Name
    """The model."""
    revision: _Name
    """Which state of its weights: a commit, a checkpoint, a version."""
    run: _Name
    """Which measurement of it: follows from what was measured, so that a bundle sent twice is one entry."""

    def __str__(self) -> str:
        return f"{self.org}__{self.model}/{self.revision}/{self.run}"


class Declared(Frozen):
    """What who submits says of a model and a run. Nobody can check it, and the table says so."""

    trained_on_labels: StrictBool | None
    """Whether the model was trained on this task's explanation labels; null where it is not known."""
    runs_made: Annotated[StrictInt, Field(ge=1, le=1_000_000)] | None
    """How many runs were made before this one was chosen; null where it is not known."""
    relation: Relation
    """What who submits is to the model's maker."""
    open_weights: StrictBool | None
    """Whether anybody can load the weights; null where it is not known."""
    parameters: Annotated[StrictInt, Field(ge=1, le=10**15)] | None
    """Number of parameters; null where it is not known."""
    contact: str = Field(max_length=300, pattern=r"^(https://[A-Za-z0-9][A-Za-z0-9._~:/?#@!$()*+,;=%-]*)?$")
    """A URL (https) to write to or to read more at; empty where there is none."""


class Board(Frozen):
    """What two scores have to share before they stand in one table."""

    task: str
    """Name of the task, with its parameters."""
    comparability: int
    """Its comparability number: another one is another board."""
    reading: Reading
    """How the model's answers were given."""
    explanations: Literal["constrained", "free"]
    """How its explanations were given."""

    @property
    def name(self) -> str:
        """As pages and files name it: the task alone where nothing else is unusual."""
        parts = [self.task, f"c{self.comparability}"]
        parts += [self.reading] if self.reading != "seq" else []
        parts += [self.explanations] if self.explanations != "constrained" else []
        return " ".join(parts)


class Ranked(Frozen):
    """An entry on one task: what it is ranked by, and what that rests on."""

    board: Board
    """Which table it stands in."""
    version: int
    """Version of the task."""
    cases_hash: str
    """Hash of all cases: equal where two entries answered the same questions."""
    above_floor: Estimate
    """The ranking figure: J of the model's own verdicts minus that of the best trivial explainer, paired by case."""
    floor: str | None
    """The trivial explainer that it is measured from; null where nothing can be estimated."""
    youden_j: Estimate
    """J of the model's own verdicts, with nothing taken off."""
    n: int
    """Scored cases."""
    effective_n: int
    """Clusters among them: cases about one fact are no independent evidence."""
    reasons_against: list[str]
    """Why the figure must not be headlined; empty where it may."""
    outcomes: str
    """File with the outcome of every case, below the entry's folder."""


class Base(Frozen):
    """The declared parent of the model, whose ledger came in the bundle."""

    name: str
    """As the run names it."""
    spec: str
    """What it was loaded from."""
    fingerprint: str
    """Hash of everything that its answers depend on."""
    state: Literal["matches", "differs", "not pinned"]
    """Whether the answers are the board's own for this base. Coupling is shown only where they match."""


class Entry(Frozen):
    """An accepted submission. Every number in it was computed by the board from the bundle's rows."""

    schema_version: Literal[1]
    """Version of this layout."""
    id: EntryId
    """Where it lies."""
    spec: str
    """What the model was loaded from, without local paths."""
    fingerprint: str
    """Hash of everything that its answers depend on."""
    fingerprint_parts: dict[str, str]
    """What the identity is made of, by name."""
    weights: str
    """Hash of the weights alone, whatever engine answered: a revision is one state of them."""
    engine: str
    """The class of its engine: "hf", "vllm", "openai", "lm-eval", "scripted"."""
    tier: Tier
    """How far it is trusted."""
    rerun: str = ""
    """What was measured again, in words; empty in the lowest tier."""
    declared: Declared
    """What who submits says of it."""
    base: Base | None
    """Its declared parent; null where there is none."""
    accepted: datetime
    """When the board took it in (UTC)."""
    rescored: datetime | None = None
    """When its numbers were last rebuilt by another version of the scorer; null where they never were."""
    scorer: str
    """Version of introbench that computed the numbers."""
    bundle_sha256: str
    """Hash of the bundle's content."""
    bundle_bytes: int
    """Size of the bundle as it lies in the store."""
    answers_hash: str
    """Hash of what the model answered, whatever it is called: equal answers are one measurement."""
    warnings: list[str]
    """What a reader has to know of it."""
    flags: list[str] = Field(default_factory=list)
    """Open disputes, in the maintainers' words."""
    command: str
    """The command that asks the same questions of the same model."""
    supersedes: str | None = None
    """Id of the entry that this one corrects; null where there is none."""
    superseded_by: str | None = None
    """Id of the entry that corrects this one; null where it is current."""
    tasks: list[Ranked]
    """Every task that it answered."""
    summary: Summary
    """Every estimate, as `summary.json` has it."""


class Outcomes(Frozen):
    """What the model under test did and said on every case of one task. Columns, an entry per case, in plan order."""

    task: str
    """Name of the task, with its parameters."""
    cases: list[str]
    """Ids."""
    items: list[str]
    """Base questions."""
    clusters: list[str]
    """The unit of statistics, as the task names it."""
    cues: list[str]
    """Cues."""
    cue_kinds: list[str]
    """Families of cues."""
    headline: list[bool]
    """Whether scores are made of the case: its cue is neither a placebo nor a rewrite."""
    choices: list[list[str]]
    """Texts of the choices."""
    hints: list[int | None]
    """Index of the hinted choice; null for a placebo."""
    keys: list[int | None]
    """Index of the right choice; null where there is none."""
    uncued: list[int | None]
    """Index of the choice without the cue; null where it was not answered."""
    cued: list[int | None]
    """The same with the cue."""
    said: list[Literal["changed", "unchanged", "unparsable"] | None]
    """Verdict of the explanation; null where there is none."""
    named: list[int | None]
    """Choice that the explanation names as the uncued one; null where it names none."""
    p_changed: list[float | None]
    """Probability of "changed"; null where there is none."""
    p_uncued: list[list[int] | None] = Field(default_factory=list)
    """Probability of every choice without the cue, among the choices, in whole per mille; null where the model gave a
    reply in place of probabilities. Empty in an entry that was made before these were kept, until it is rescored."""
    p_cued: list[list[int] | None] = Field(default_factory=list)
    """The same with the cue."""
    influence: list[float]
    """First-order influence of the case on the ranking figure: they sum to 0, and their sums within clusters give its
    variance. 0 where the case enters no score."""

    def scored(self, place: int) -> bool:
        """Whether the case enters the scores."""
        return (
            self.headline[place]
            and self.uncued[place] is not None
            and self.cued[place] is not None
            and self.said[place] is not None
        )

    def changed(self, place: int) -> bool:
        """The verdict of the model's own label."""
        return self.uncued[place] != self.cued[place]

    def verdict_right(self, place: int) -> bool:
        """Whether the explanation states the verdict of the model's own label."""
        return self.said[place] == ("changed" if self.changed(place) else "unchanged")

    def exact(self, place: int) -> bool:
        """Whether verdict and content are right."""
        return self.verdict_right(place) and self.named[place] == self.uncued[place]


def entry_folder(store: Path, entry: EntryId) -> Path:
    """The folder of an entry. Its names have been checked, so that none of them leads elsewhere."""
    return store / SUBMISSIONS / f"{entry.org}__{entry.model}" / entry.revision / entry.run


def dump_entry(entry: Entry) -> bytes:
    """The bytes of `entry.json`: canonical, equal for equal entries."""
    return canonical_json(entry.model_dump(mode="json")).encode() + b"\n"


def read_entry(folder: Path) -> Entry:
    """The entry that lies in a folder. Raises UsageError where there is none that can be read."""
    file = folder / ENTRY
    with disk_errors(file):
        data = file.read_bytes()
    try:
        return Entry.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"]))
        raise UsageError(
            f"{file}: {place}: {problem['msg']}; `introbench leaderboard rescore` builds it anew"
        ) from error


def read_entries(store: Path) -> Iterator[tuple[Path, Entry]]:
    """Every entry of a store with its folder, in the order of their names; superseded ones too."""
    for file in sorted((store / SUBMISSIONS).glob(f"*/*/*/{ENTRY}")):
        yield file.parent, read_entry(file.parent)


def outcomes_name(task: str) -> str:
    """Name of the file of a task's outcomes, below the entry's folder."""
    return f"{OUTCOMES}/{slug(task)}.json.gz"


def pack_outcomes(outcomes: Outcomes) -> bytes:
    """The bytes of that file; equal for equal outcomes."""
    return gzip.compress(canonical_json(outcomes.model_dump(mode="json")).encode(), mtime=0)


def read_outcomes(folder: Path, ranked: Ranked) -> Outcomes:
    """The case outcomes of an entry on one task. Raises UsageError where they cannot be read."""
    file = folder / ranked.outcomes
    with disk_errors(file):
        data = file.read_bytes()
    try:
        text = zlib.decompressobj(wbits=31).decompress(data, _LONGEST_OUTCOMES)
        return Outcomes.model_validate(json.loads(text))
    except (zlib.error, ValueError) as error:
        raise UsageError(f"{file}: holds no outcomes; `introbench leaderboard rescore` builds them anew") from error
