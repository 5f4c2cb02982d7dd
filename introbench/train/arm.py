"""Arms of a study: what a training learns and how, one YAML file each, with values changed in the spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import yaml
from pydantic import Field, ValidationError

from introbench.errors import SpecError, UsageError
from introbench.tasks.noise import NoiseKind
from introbench.train.config import Hyperparameters
from introbench.train.written import WrittenPart, describe, load_yaml, nearest

__all__ = ["ARMS", "Arm", "BesideTask", "Mixture", "NoisyLabels", "Shift", "arm_names", "read_value", "resolve_arm"]

ARMS = Path(__file__).with_name("arms")
"""The folder of the arms that come with introbench."""

_HYPERPARAMETERS = frozenset(field.name for field in fields(Hyperparameters))

_OF_CASES = ("items", "hints", "cases_per_item", "labels_count")
"""Values that say which cases of the explained tasks are taken."""

_OF_STUDIES = frozenset({"student", "arms"})
"""Keys that every study has and no arm."""

_GAINED: Mapping[tuple[str, ...], Any] = {
    ("cases_per_item",): None,
    ("concurrent", "kinds"): [],
    ("train", "content_weight"): 1.0,
}
"""Values that arms and their parts have not always had, and at which an arm is the one that it was before."""

_Share = Annotated[float, Field(ge=0, le=1)]


class NoisyLabels(WrittenPart):
    """Labels that are flipped (`introbench.tasks.noise`)."""

    kind: NoiseKind = "symmetric"
    """What a flipped label becomes."""
    rate: _Share
    """Probability that a label is flipped, of those that can be."""


class Mixture(WrittenPart):
    """Labels from two sources."""

    share: _Share
    """Share of the cases that keep the label of the arm's own source."""
    other: str = "shuffled"
    """Where the others have theirs from: a source, or "shuffled": the own source's labels, moved between cases."""


class Shift(WrittenPart):
    """A change of behaviour that is trained beside the explanations, whose labels stay those of M0; or by itself."""

    towards: Literal["less", "more", "by_kind"]
    """Less: answer the cued prompt as M0 answers the uncued one. More: answer it with the hint. By kind: more on items
    of `kinds`, less on all others, so that cue-following depends on the question."""
    kinds: tuple[str, ...] = ()
    """Kinds of items, as a task's items name them, whose hints are followed where it goes by kind."""
    dose: _Share
    """Share of the items whose cued prompts have such an answer to learn."""


class BesideTask(WrittenPart):
    """Another task whose behaviour is trained, and never its explanations: the rows of its `behaviour.jsonl`."""

    task: str
    """Name of the task."""
    learn: bool = True
    """Whether the behaviour is learnt; else M0's is kept on the same prompts."""


class Arm(WrittenPart):
    """What a training learns, and how."""

    name: str
    """What tables call it: the spec that it was resolved from."""
    summary: str
    """One line on what is done."""
    takes: str = ""
    """Which value the one behind NAME= stands for, as a path with dots; empty where NAME stands alone."""
    labels: str | None = "M0"
    """Where the explanation labels come from: "M0" (the student before training), a model spec, a run directory
    (RUN#NAME for another model than its target), a label file; null: no explanation is learnt."""
    mix: Mixture | None = None
    """A second source of labels."""
    shuffle: bool = False
    """Whether labels are moved between cases of one task and cue kind: the margins stay, what they say is lost."""
    noise: NoisyLabels | None = None
    """Labels that are flipped."""
    balance: bool = False
    """Whether as many "changed" as "unchanged" labels are taken, by leaving some of the more frequent verdict out."""
    allow_unbalanced: bool = False
    """Whether labels are trained on whose rarer verdict is below 15 %."""
    items: Annotated[int, Field(ge=1)] | None = None
    """Training items that are labelled, per task; all where null."""
    hints: Annotated[int, Field(ge=1)] = 1
    """Choices that are hinted in turn on each item."""
    cases_per_item: Annotated[int, Field(ge=1)] | None = None
    """Cases of one item that are taken, those of a smaller number among them; all where null."""
    labels_count: Annotated[int, Field(ge=1)] | None = None
    """Explanations to learn, those of a smaller number among them; all where null."""
    fresh_every: Annotated[int, Field(ge=1)] | None = None
    """Steps after which the labels are made anew from the student as it is then; null: never."""
    concurrent: Shift | None = None
    """A change of behaviour beside the explanations."""
    beside: BesideTask | None = None
    """Another task whose behaviour is trained."""
    train: Hyperparameters = Field(default_factory=Hyperparameters)
    """How."""

    def yaml(self) -> str:
        """The arm with all of its values, as it is kept beside an adapter."""
        return _dumped(self._plain())

    @property
    def identity(self) -> str:
        """What tells it from other arms: all of its values, without those that arms gained and that it leaves alone."""
        plain = self._plain()
        for (*part, name), usual in _GAINED.items():
            values = plain[part[0]] if part else plain
            if values and values[name] == usual:
                del values[name]
        return _dumped(plain)

    def _plain(self) -> dict[str, Any]:
        return {**self.model_dump(mode="json", exclude={"train"}), "train": self.train.as_json()}


def _dumped(plain: Mapping[str, Any]) -> str:
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)


class _Override(NamedTuple):
    """A value that a spec or an option changes, and the name of the key as it was written."""

    key: str
    value: Any


def arm_names() -> list[str]:
    """Names of the arms that come with introbench."""
    return sorted(path.stem for path in ARMS.glob("*.yaml"))


def resolve_arm(
    spec: str, overrides: Mapping[str, Any] | None = None, defaults: Mapping[str, Any] | None = None
) -> Arm:
    """The arm that `NAME`, `NAME=VALUE`, `NAME,key=value,…` or `FILE.yaml,key=value,…` names.

    A key is the name of a value of `Arm`, of its parts with a dot (`mix.other`), or of a hyperparameter.

    Args:
        overrides: more values by key, as options give them; those of the spec win.
        defaults: values by key where neither the arm's file nor anything else says otherwise: what a study sets for
            all of its arms must not undo what one of them is.

    Raises SpecError that names the arm, the key and what would do, UsageError where a hyperparameter makes no sense.
    """
    head, *rest = spec.split(",")
    name, _, main = head.partition("=")
    path = Path(name) if name.endswith((".yaml", ".yml")) else ARMS / f"{name}.yaml"
    raw: dict[str, Any] = {}
    for key, value in (defaults or {}).items():
        _put(raw, key, value, spec)
    raw = _over(raw, _read(name, path))
    takes = raw.get("takes", "")
    if main and not takes:
        raise SpecError(f"arm {head!r}: {name} takes no value; write {name},key=value to change one of its own")
    given = [*(_Override(key, value) for key, value in (overrides or {}).items()), *_changes(takes, main, rest, spec)]
    for key, value in given:
        _put(raw, key, value, spec)
    arm = _validated({**raw, "name": _name(path, head, rest)}, spec, takes)
    _check_used(arm, [each.key for each in given])
    return arm


def _changes(takes: str, main: str, rest: Sequence[str], spec: str) -> list[_Override]:
    """What a spec changes, the value behind NAME= first. Raises SpecError where that is no change, or made twice."""
    found = [_Override(takes, read_value(main))] if main else []
    for part in rest:
        key, separator, value = part.partition("=")
        if not separator or not key:
            raise SpecError(f"arm {spec!r}: {part!r} is no change; write key=value, separated by commas")
        if key.removeprefix("train.") in [each.key.removeprefix("train.") for each in found]:
            raise SpecError(f"arm {spec!r}: changes {key} twice; leave one of the values out")
        found.append(_Override(key, read_value(value)))
    return found


def _name(path: Path, head: str, rest: list[str]) -> str:
    shown = head if path.parent == ARMS else path.stem
    return ",".join([shown, *rest])


def _read(name: str, path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = arm_names()
        raise SpecError(f"no arm {name!r}{nearest(name, known)}; known: {', '.join(known)}, or a FILE.yaml") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    raw = load_yaml(text, path)
    if not isinstance(raw, dict):
        raise SpecError(f"{path}: an arm is a mapping of names to values, as summary: TEXT and labels: M0")
    if raw.keys() >= _OF_STUDIES:
        raise SpecError(f"{path}: is a study and no arm; carry it out with introbench study run {path} --out DIR")
    return raw


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two arms as one: the values of the second, and of the first what it does not say."""
    found = {**below, **above}
    for name, part in above.items():
        if isinstance(part, Mapping) and isinstance(below.get(name), Mapping):
            found[name] = {**below[name], **part}
    return found


def read_value(text: str) -> Any:
    """A value as YAML would read it; a text where it would not."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _put(raw: dict[str, Any], key: str, value: Any, spec: str) -> None:
    first, *rest = ("train", key) if key in _HYPERPARAMETERS else tuple(key.split("."))
    if first not in Arm.model_fields or first in ("name", "summary", "takes") or len(rest) > 1:
        known = [name for name in Arm.model_fields if name not in ("name", "summary", "takes", "train")]
        suggestion = nearest(key, [*known, *_HYPERPARAMETERS])
        raise SpecError(f"arm {spec!r}: no value {key!r}{suggestion}; known: {', '.join(known)} and hyperparameters")
    if rest:
        part = raw.get(first)
        raw[first] = {**(part if isinstance(part, Mapping) else {}), rest[0]: value}
    else:
        raw[first] = value


def _validated(raw: Mapping[str, Any], spec: str, takes: str) -> Arm:
    train = _hyperparameters(raw.get("train") or {}, spec)
    try:
        arm = Arm.model_validate({**raw, "train": train})
    except ValidationError as error:
        if error.errors()[0]["type"] == "missing" and takes and "=" not in spec:
            raise SpecError(f"arm {spec!r}: {takes} is missing; write {spec}=VALUE") from error
        raise SpecError(f"arm {spec!r}: {describe(error, Arm, '=', unwritten='train')}") from error
    except UsageError as error:
        raise UsageError(f"arm {spec!r}: {error}") from error
    _check(arm)
    return arm


def _hyperparameters(train: Any, spec: str) -> dict[str, Any]:
    """Values of hyperparameters, with names that are known. Raises SpecError where they are not to be had."""
    if not isinstance(train, Mapping):
        raise SpecError(f"arm {spec!r}: train must map hyperparameters to values")
    for name, value in train.items():
        if name not in _HYPERPARAMETERS:
            known = sorted(_HYPERPARAMETERS)
            raise SpecError(
                f"arm {spec!r}: no hyperparameter {name!r}{nearest(name, known)}; known: {', '.join(known)}"
            )
        # None of them is true or false, which would else be taken for 1 and 0.
        wrong = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, bool)]
        if wrong:
            raise SpecError(f"arm {spec!r}: {name}: {str(wrong[0]).lower()} is no number; write a number")
    # One layer by name is as good as a list of one.
    targets = train.get("targets")
    return {**train, **({"targets": targets.split("+")} if isinstance(targets, str) else {})}


def _check_used(arm: Arm, keys: Sequence[str]) -> None:
    """Raises SpecError where one of the keys is of the cases to be explained, and the arm takes none.

    Only what is said of this arm is asked: what a study sets for all of its arms is passed over, and kept in the arm.
    """
    unused = [key for key in keys if key in _OF_CASES and getattr(arm, key) != Arm.model_fields[key].default]
    if unused and arm.labels is None and arm.concurrent is None:
        other = arm.beside.task if arm.beside else "another task"
        raise SpecError(
            f"arm {arm.name!r}: learns the prompts of {other} alone, all of them, so there is nothing for {unused[0]}; "
            "leave it out"
        )


def _check(arm: Arm) -> None:
    """Raises SpecError where parts of an arm contradict each other."""
    corrupted = [name for name in ("mix", "shuffle", "noise") if getattr(arm, name)]
    if arm.labels is None and (corrupted or arm.balance or arm.fresh_every):
        what = (corrupted or ["balance" if arm.balance else "fresh_every"])[0]
        raise SpecError(f"arm {arm.name!r}: labels are null, so there is nothing for {what}; name a source of labels")
    if arm.labels is None and not (arm.concurrent or arm.beside):
        raise SpecError(f"arm {arm.name!r}: neither explanations nor behaviour to learn; name a source of labels")
    if arm.fresh_every and corrupted:
        raise SpecError(f"arm {arm.name!r}: fresh labels take no {corrupted[0]}; leave one of them out")
    if arm.concurrent and (arm.concurrent.towards == "by_kind") != bool(arm.concurrent.kinds):
        raise SpecError(
            f"arm {arm.name!r}: concurrent.kinds names the kinds of items whose hints are followed, with "
            "concurrent.towards=by_kind and only there"
        )
    if arm.labels == "":
        raise SpecError(
            f"arm {arm.name!r}: whose labels? write {arm.name.rstrip('=')}=SPEC, a model, a run or a label file"
        )
