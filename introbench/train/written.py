"""YAML files that a person wrote: read strictly, and what is wrong with one in words that name the key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from introbench.errors import UsageError

__all__ = ["WrittenPart", "describe", "load_yaml", "nearest"]

_SHOWN = 60
"""Characters of a wrong value that a message quotes."""


class WrittenPart(BaseModel):
    """A mapping of such a file: nothing is in it that is not known, and true and false are no numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        leaves = set(_leaves(cls.model_fields[str(info.field_name)].annotation))
        wrong = next((each for each in _values(value) if isinstance(each, bool)), None)
        if wrong is not None and leaves & {int, float} and bool not in leaves:
            raise ValueError(f"{str(wrong).lower()} is no number; write a number")
        return value


def _leaves(annotation: Any) -> Iterator[Any]:
    """The plain types in an annotation."""
    if inner := get_args(annotation):
        for each in inner:
            yield from _leaves(each)
    else:
        yield annotation


def _values(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else [value]


class _Strict(yaml.SafeLoader):
    """YAML as usual, in which a key that stands twice is an error and not the last one's value."""


class _TwiceError(yaml.YAMLError):
    pass


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key, _ in node.value:
        if key.value in seen and isinstance(key, yaml.ScalarNode):
            line = key.start_mark.line + 1
            raise _TwiceError(f"line {line}: {key.value!r} stands there twice; leave one of them out")
        if isinstance(key, yaml.ScalarNode):
            seen.add(key.value)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load_yaml(text: str, where: object) -> Any:
    """What a YAML file says. Raises UsageError that names the file, where it is no YAML or a key stands twice."""
    try:
        return yaml.load(text, Loader=_Strict)
    except _TwiceError as error:
        raise UsageError(f"{where}: {error}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{where}: not valid YAML: {' '.join(str(error).split())}") from error


def nearest(name: object, known: Iterable[str]) -> str:
    """The known name that was meant, as the end of a message; nothing where none is near."""
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def describe(error: ValidationError, model: type[BaseModel], between: str = ": ", unwritten: str = "") -> str:
    """The first thing that is wrong, on one line: the key, what it holds, and what would do.

    Args:
        model: what was validated.
        between: what stands between a key and its value where it is written.
        unwritten: a part whose keys are written as if they were the model's own.
    """
    first = _first(error)
    place = _place(first)
    if place[:-1] == (unwritten,):
        place = place[1:]
    *above, key = place or ("",)
    if first["type"] == "extra_forbidden":
        known = list(_model_at(model, above).model_fields)
        where = "".join(f"{part}." for part in above)[:-1]
        return f"{where + ': ' if where else ''}no key {key!r}{nearest(key, known)}; known: {', '.join(known)}"
    # In a file, a key stands within the mapping of its part; in a spec, it is written with a dot.
    shown = ".".join(place)
    return f"{shown + ': ' if shown else ''}{_reason(first, shown if between == '=' else key, between)}"


def _first(error: ValidationError) -> Mapping[str, Any]:
    """The error that is said: a key that is not known before one that is absent; of a choice of types, the nearest."""
    found: list[Mapping[str, Any]] = [dict(each) for each in error.errors(include_url=False)]
    unknown = [each for each in found if each["type"] == "extra_forbidden"]
    place = _place(found[0])
    same = [each for each in found if _place(each)[: len(place)] == place]
    return unknown[0] if unknown else max(same, key=lambda each: len(_place(each)))


def _place(error: Mapping[str, Any]) -> tuple[str, ...]:
    """Keys from the outermost one on, without the types that pydantic names where there is a choice of them."""
    return tuple(str(part) for part in error["loc"] if not str(part).endswith(("constrained-int", "]")))


def _model_at(model: type[BaseModel], location: Sequence[str]) -> type[BaseModel]:
    """The model of the mapping at a place in the file."""
    for part in location:
        field = model.model_fields.get(part)
        inner = [] if field is None else list(_leaves(field.annotation))
        model = next((each for each in inner if isinstance(each, type) and issubclass(each, BaseModel)), model)
    return model


def _reason(first: Mapping[str, Any], key: str, between: str) -> str:
    given, context, kind = _short(first["input"]), first.get("ctx", {}), first["type"]
    reasons = {
        "missing": f"is missing; write {key}{between}VALUE",
        "value_error": str(context.get("error", "")),
        "model_type": f"{given} is no mapping of keys to values; write them one a line, each as key: value",
        "tuple_type": f"{given} is no list; write {key}{between}[{given}]",
        "too_short": "holds nothing; write at least one",
        "string_type": f"{given} is no text; put it in quotes, or leave it out",
        "greater_than": f"{given} must be more than {context.get('gt')}",
        "greater_than_equal": f"{given} must be {context.get('ge')} or more",
        "less_than_equal": f"{given} must be {context.get('le')} or less",
        "finite_number": f"{given} must be a finite number",
        "literal_error": f"{given} must be one of {str(context.get('expected', '')).replace(' or ', ', ')}",
    }
    for whole in ("int_type", "int_parsing", "int_from_float"):
        reasons[whole] = f"{given} is no whole number; write one"
    for number in ("float_type", "float_parsing"):
        reasons[number] = f"{given} is no number; write one"
    for truth in ("bool_type", "bool_parsing"):
        reasons[truth] = f"{given} is neither true nor false; write one of them"
    for mapping in ("dict_type", "mapping_type", "dataclass_type"):
        reasons[mapping] = reasons["model_type"]
    # What is not listed is said in the words of the library that found it.
    return reasons.get(kind, f"{given}: {first['msg']}")


def _short(value: Any) -> str:
    """A value as YAML would write it, or the beginning of it."""
    if value is None:
        return "null"
    shown = " ".join((value if isinstance(value, str) and value.strip() else repr(value)).split())
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
