"""What a bundle holds: its files, and the shape of those that say what was measured."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from introbench.files import slug
from introbench_leaderboard.entry import LONGEST_NAME, NAME, Declared, EntryId

__all__ = [
    "BUNDLE_SCHEMA",
    "CASES",
    "HEADER",
    "MANIFEST",
    "MOST_TASKS",
    "ROW_FIELDS",
    "Config",
    "ConfigModel",
    "Header",
    "Manifest",
    "ManifestModel",
    "ledger_name",
]

BUNDLE_SCHEMA = 1
HEADER, MANIFEST, CASES = "bundle.json", "manifest.json", "cases.jsonl"

MOST_TASKS = 8
"""Tasks of one bundle: the board works each of them out anew, whatever else is wrong with the bundle."""

ROW_FIELDS = ("ask", "check", "key", "logprobs", "pack", "replicate", "text", "tokens")
"""Fields of a ledger row in a bundle: those of a run without the time, the host and the deciding token."""

_Name = Annotated[StrictStr, Field(pattern=f"^{NAME}$", max_length=LONGEST_NAME)]
_Text = Annotated[StrictStr, Field(max_length=500)]
_Hash = Annotated[StrictStr, Field(pattern="^[0-9a-f]{64}$")]
_Count = Annotated[StrictInt, Field(ge=0, le=10**15)]


class _Sent(BaseModel):
    """A part of a bundle: nothing is converted, nothing unknown is passed over."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Header(_Sent):
    """`bundle.json`: what is sent, in the words of who sends it."""

    layout: Literal[1] = Field(alias="schema")
    """Version of this layout."""
    introbench: _Text
    """Version that made the bundle."""
    org: _Name
    """Who made the model."""
    model: _Name
    """The model."""
    revision: _Name
    """Which state of its weights."""
    declared: Declared
    """What nobody can check."""
    supersedes: Annotated[StrictStr, Field(max_length=4 * LONGEST_NAME)] | None
    """Id of the entry that this one corrects; null where there is none."""

    def entry_id(self, run: str) -> EntryId:
        """Where the entry lies, given what was measured."""
        return EntryId(org=self.org, model=self.model, revision=self.revision, run=run)


class ConfigModel(_Sent):
    """A model, as the configuration of the run names it."""

    name: _Text
    """The name in tables."""
    spec: _Text
    """What it was loaded from, without local paths."""
    role: Literal["target", "base"]
    """What it is to the run. Other references are not sent."""


class Config(_Sent):
    """The configuration of the run."""

    models: list[ConfigModel] = Field(min_length=1, max_length=2)
    """The target, then its declared base where there is one."""
    tasks: list[_Text] = Field(min_length=1, max_length=MOST_TASKS)
    """Canonical task specs."""
    split: Literal["test", "train"]
    """Which items were asked."""
    limit: Annotated[StrictInt, Field(ge=1, le=10**9)] | None
    """Items per task; null for all."""
    seed: Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)]
    """Root seed."""
    explanations: Literal["constrained", "free"]
    """How explanations were given."""
    aa_share: Annotated[StrictFloat | StrictInt, Field(ge=0, le=1)]
    """Share of the items that were asked twice."""


class ManifestModel(_Sent):
    """A model, as it was loaded."""

    name: _Text
    """As in the configuration."""
    folder: _Text
    """Its folder below records/."""
    spec: _Text
    """As in the configuration."""
    role: Literal["target", "base"]
    """As in the configuration."""
    fingerprint: _Hash
    """Hash of `fingerprint_parts`."""
    fingerprint_parts: dict[_Text, Annotated[StrictStr, Field(max_length=4000)]] = Field(min_length=1, max_length=16)
    """What its answers depend on."""
    path: _Text
    """How its probabilities were computed."""
    tie_margin: Annotated[StrictFloat | StrictInt, Field(ge=0, le=0.5)]
    """Decisions closer than this (nats) may fall either way."""
    probe_difference: Annotated[StrictFloat | StrictInt, Field(ge=0, le=10)]
    """Largest difference between two ways of computing, in nats."""
    dtype: _Text
    """Of its weights."""
    device: _Text
    """Of its weights."""
    parameters: _Count
    """Number of parameters; 0 where that is not known."""
    products: _Text
    """Library of its matrix products."""
    answers: Literal["seq", "path"]
    """How its answers were given."""
    pack_tokens: _Count
    """Tokens of one forward pass."""
    packs: _Count
    """Number of forward passes."""
    prompt_tokens: _Count
    """Tokens of all prompts and choices."""


class Manifest(_Sent):
    """`manifest.json` of a bundle: of a run's manifest, what a stranger may and has to know."""

    layout: Literal[1] = Field(alias="schema")
    """Version of a run's manifest."""
    complete: Literal[True]
    """Only finished runs are sent."""
    config: Config
    """What was asked for."""
    seed: Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)]
    """Root seed, as in the configuration."""
    models: list[ManifestModel] = Field(min_length=1, max_length=2)
    """The models, as they were loaded."""
    tasks: list[dict[str, Any]] = Field(min_length=1, max_length=MOST_TASKS)
    """The tasks; compared with what the board's own tasks give, field by field."""
    versions: dict[_Text, _Text] = Field(max_length=16)
    """Versions of what ran."""
    hardware: dict[_Text, _Text | StrictInt | None] = Field(max_length=8)
    """What it ran on; names no machine and nobody."""
    git: dict[_Text, _Text | StrictBool] | None = Field(max_length=2)
    """Commit of introbench, where a checkout ran."""


def ledger_name(folder: str, task: str) -> str:
    """Name in the bundle of the ledger of one model and task."""
    return f"records/{folder}/{slug(task)}.jsonl"
