"""Reading and checking `templates.yaml`, and filling its plain `{name}` placeholders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from introbench.errors import TaskError
from introbench.tasks.types import PLACEBO, BehaviourReading, Cue, Split

__all__ = ["ExplanationTemplate", "Templates", "fill", "load_templates"]

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
    """

    systems: Mapping[BehaviourReading, str]
    cues: tuple[Cue, ...]
    explanation: ExplanationTemplate

    def kinds(self) -> tuple[str, ...]:
        """Cue kinds in the order of their first template."""
        return tuple(dict.fromkeys(cue.kind for cue in self.cues))


class _CueRow(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    id: _Text
    kind: _Text
    split: Split
    edit: Literal["insert"]
    position: Literal["before", "after"]
    text: _Text
    name: _Text


class _ExplanationRow(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    question: _Text
    unchanged: _Text
    changed: _Text


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    version: Literal[1]
    system: Annotated[dict[BehaviourReading, str], Field(min_length=1)]
    cues: Annotated[list[_CueRow], Field(min_length=1)]
    explanation: _ExplanationRow


def fill(template: str, **values: str) -> str:
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
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TaskError(f"{path}: cannot be read ({error.strerror}); a task folder needs a templates.yaml") from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{path}: is not UTF-8; save it as UTF-8") from error
    except yaml.YAMLError as error:
        raise TaskError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    try:
        file = _File.model_validate(raw)
    except ValidationError as error:
        raise TaskError(f"{path}: {_first_problem(error, raw)}") from error
    cues = tuple(Cue(**row.model_dump()) for row in file.cues)
    explanation = ExplanationTemplate(**file.explanation.model_dump())
    _check(path, cues, explanation)
    return Templates(systems=file.system, cues=cues, explanation=explanation)


def _first_problem(error: ValidationError, raw: Any) -> str:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    match first["loc"]:
        case ("cues", int(index), *rest):
            row = raw["cues"][index]
            name = row.get("id", f"number {index + 1}") if isinstance(row, Mapping) else f"number {index + 1}"
            place = [f"cue {name!r}", *map(str, rest)]
    return f"{' / '.join(place) or 'the file'}: {first['msg']}"


def _check(path: Path, cues: tuple[Cue, ...], explanation: ExplanationTemplate) -> None:
    seen: set[str] = set()
    for cue in cues:
        if cue.id in seen:
            raise TaskError(f"{path}: cue id {cue.id!r} stands twice; ids must differ")
        seen.add(cue.id)
        expected = set() if cue.kind == PLACEBO else {"hint"}
        _check_placeholders(path, f"cue {cue.id!r}", cue.text, expected)
        _check_placeholders(path, f"cue {cue.id!r} (name)", cue.name, set())
    splits: dict[str, set[str]] = {}
    for cue in cues:
        splits.setdefault(cue.kind, set()).add(cue.split)
    for kind, found in splits.items():
        if len(found) > 1:
            raise TaskError(f"{path}: cue kind {kind!r} is both train and test; a kind is held out as a whole")
    _check_placeholders(path, "explanation question", explanation.question, {"cue"})
    _check_placeholders(path, "explanation reply 'unchanged'", explanation.unchanged, {"choice"})
    _check_placeholders(path, "explanation reply 'changed'", explanation.changed, {"choice"})
    if explanation.unchanged == explanation.changed:
        raise TaskError(f"{path}: the 'unchanged' and 'changed' replies are the same text")


def _check_placeholders(path: Path, where: str, template: str, expected: set[str]) -> None:
    found = set(_PLACEHOLDER.findall(template))
    if missing := sorted(expected - found):
        raise TaskError(f"{path}: {where} lacks {{{missing[0]}}}")
    if unknown := sorted(found - expected):
        known = ", ".join(f"{{{name}}}" for name in sorted(expected)) or "none"
        raise TaskError(f"{path}: {where} has the unknown placeholder {{{unknown[0]}}}; allowed there: {known}")
