"""Reading and checking `templates.yaml`, and filling its plain `{name}` placeholders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from introbench.errors import TaskError
from introbench.tasks.types import FIELD_NAME, PLACEBO, RESERVED_NAMES, BehaviourReading, Cue, EditKind, Item, Split

__all__ = ["ExplanationTemplate", "Templates", "fill", "load_templates", "read_templates"]

_PLACEHOLDER = re.compile(r"\{([a-z_]*)\}")
_Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class ExplanationTemplate:
    """How the explanation is asked for and what may be answered.

    Attributes:
        question: follows the cued prompt; `{cue}` is the cue's name.
        unchanged: reply that says the answer would stay; `{choice}` is the content.
        changed: reply that says the answer would change; `{choice}` is the content.
    """

    question: str
    unchanged: str
    changed: str


@dataclass(frozen=True, slots=True)
class Templates:
    """The wordings of a task.

    Attributes:
        systems: by reading of the behaviour, the system turn of every prompt, or "" for none.
        cues: the cue templates in file order.
        explanation: the explanation turn.
        fields: names of the item fields that cues may name as placeholders.
    """

    systems: Mapping[BehaviourReading, str]
    cues: tuple[Cue, ...]
    explanation: ExplanationTemplate
    fields: tuple[str, ...] = ()

    def kinds(self) -> tuple[str, ...]:
        """Cue kinds in the order of their first template."""
        return _kinds(self.cues)

    def kinds_for(self, item: Item) -> tuple[str, ...]:
        """The kinds of cue of which one or more apply to an item, in the order of `kinds`."""
        return _kinds(self.cues_for(item))

    def cues_for(self, item: Item) -> tuple[Cue, ...]:
        """The cues that apply to an item: those whose every field the item has."""
        # Without declared fields, which is the usual case, nothing is looked up for thousands of items.
        return tuple(cue for cue in self.cues if self.needs(cue) <= item.fields.keys()) if self.fields else self.cues

    def needs(self, cue: Cue) -> set[str]:
        """The item fields that a cue names."""
        return _placeholders(cue.text, cue.target or "", cue.name, cue.pushes or "") & set(self.fields)


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _CueRow(_Row):
    id: _Text
    kind: _Text
    split: Split
    edit: EditKind
    position: Literal["before", "after"] | None = None
    target: _Text | None = None
    text: _Text
    name: _Text
    pushes: _Text | None = None


class _ExplanationRow(_Row):
    question: _Text
    unchanged: _Text
    changed: _Text


class _File(_Row):
    version: Literal[1]
    system: Annotated[dict[BehaviourReading, str], Field(min_length=1)]
    fields: list[_Text] = []
    cues: Annotated[list[_CueRow], Field(min_length=1)]
    explanation: _ExplanationRow


def fill(template: str, /, **values: str) -> str:
    """Put values in place of `{name}`; braces inside a value stay as they are.

    Raises TaskError where the template asks for a value that is not given.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            raise TaskError(f"template {template!r} asks for {{{name}}}; known here: {', '.join(sorted(values))}")
        return values[name]

    return _PLACEHOLDER.sub(value, template)


def load_templates(path: Path) -> Templates:
    """Read a task's `templates.yaml`.

    Raises TaskError that names the file, the template and the way out where the file is missing, is
    not YAML, breaks the schema, repeats an id, or lacks or invents a placeholder.
    """
    templates, problems = read_templates(path)
    if templates is None or problems:
        raise TaskError(f"{path}: {problems[0]}")
    return templates


def read_templates(path: Path) -> tuple[Templates | None, list[str]]:
    """A templates file and everything that is wrong with it; None where it does not fit the schema at all."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        return None, [f"cannot be read ({error.strerror}); a task folder needs a templates.yaml"]
    except UnicodeDecodeError:
        return None, ["is not UTF-8; save it as UTF-8"]
    except yaml.YAMLError as error:
        return None, [f"not valid YAML: {' '.join(str(error).split())}"]
    try:
        file = _File.model_validate(raw)
    except ValidationError as error:
        return None, [_schema_problem(found["loc"], found["msg"], raw) for found in error.errors()]
    templates = Templates(
        systems=file.system,
        cues=tuple(Cue(**row.model_dump()) for row in file.cues),
        explanation=ExplanationTemplate(**file.explanation.model_dump()),
        fields=tuple(file.fields),
    )
    return templates, list(_problems(templates))


def _kinds(cues: tuple[Cue, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cue.kind for cue in cues))


def _placeholders(*texts: str) -> set[str]:
    return {name for text in texts for name in _PLACEHOLDER.findall(text)}


def _schema_problem(place: tuple[int | str, ...], message: str, raw: Any) -> str:
    shown = [str(part) for part in place]
    match place:
        case ("cues", int(index), *rest):
            row = raw["cues"][index]
            name = row.get("id", f"number {index + 1}") if isinstance(row, Mapping) else f"number {index + 1}"
            shown = [f"cue {name!r}", *map(str, rest)]
    return f"{' / '.join(shown) or 'the file'}: {message}"


def _problems(templates: Templates) -> Iterator[str]:
    for name in templates.fields:
        if not FIELD_NAME.fullmatch(name) or name in RESERVED_NAMES:
            yield f"field {name!r}: must be letters a to z and '_', and none of {', '.join(sorted(RESERVED_NAMES))}"
    seen: set[str] = set()
    splits: dict[str, set[str]] = {}
    for cue in templates.cues:
        if cue.id in seen:
            yield f"cue id {cue.id!r} stands twice; ids must differ"
        seen.add(cue.id)
        splits.setdefault(cue.kind, set()).add(cue.split)
        yield from _cue_problems(cue, set(templates.fields))
    for kind, found in splits.items():
        if len(found) > 1:
            yield f"cue kind {kind!r} is both train and test; a kind is held out as a whole"
    wordings = templates.explanation
    yield from _placeholder_problems("explanation question", wordings.question, {"cue"})
    yield from _placeholder_problems("explanation reply 'unchanged'", wordings.unchanged, {"choice"})
    yield from _placeholder_problems("explanation reply 'changed'", wordings.changed, {"choice"})
    if wordings.unchanged == wordings.changed:
        yield "the 'unchanged' and 'changed' replies are the same text"


def _cue_problems(cue: Cue, fields: set[str]) -> Iterator[str]:
    where = f"cue {cue.id!r}"
    takes = {"insert": "position", "substitute": "target"}
    for name, value in (("position", cue.position), ("target", cue.target)):
        if value is None and takes.get(cue.edit) == name:
            yield f"{where}: the edit {cue.edit!r} needs {name!r}"
        if value is not None and takes.get(cue.edit) != name:
            yield f"{where}: the edit {cue.edit!r} takes no {name!r}"
    if cue.kind == PLACEBO and cue.pushes is not None:
        yield f"{where}: a placebo is neutral and pushes towards nothing"
    hint = set() if cue.kind == PLACEBO else {"hint"}
    yield from _placeholder_problems(where, cue.text, set() if cue.pushes else hint, hint | fields)
    yield from _placeholder_problems(f"{where} (name)", cue.name, set(), fields)
    yield from _placeholder_problems(f"{where} (target)", cue.target or "", set(), fields)
    yield from _placeholder_problems(f"{where} (pushes)", cue.pushes or "", set(), fields)


def _placeholder_problems(
    where: str, template: str, required: set[str], allowed: set[str] | None = None
) -> Iterator[str]:
    found, allowed = _placeholders(template), required if allowed is None else allowed
    if missing := sorted(required - found):
        way_out = "; or name the choice that the cue pushes towards as its 'pushes'" if missing == ["hint"] else ""
        yield f"{where} lacks {{{missing[0]}}}{way_out}"
    if unknown := sorted(found - allowed):
        known = ", ".join(f"{{{name}}}" for name in sorted(allowed)) or "none"
        way_out = "; fields of items are declared in the list 'fields'" if where.startswith("cue ") else ""
        yield f"{where} has the unknown placeholder {{{unknown[0]}}}; allowed there: {known}{way_out}"
