"""Models without weights that behave and explain by rule: for tests, and for what trivial explainers score.

A scripted model's behaviour depends on its seed and the item alone, so two of them with different seeds
are two independent models, and what each would report can be computed in closed form.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from introbench.errors import ModelError, SpecError
from introbench.hashing import named_random
from introbench.models.spec import ModelSpec
from introbench.models.types import ChoiceRequest, ChoiceResult, Fingerprint, ScoringFacts, Source
from introbench.tasks.openings import COMPLY, REFUSE
from introbench.tasks.types import Case, Question

__all__ = ["SCRIPTS", "Explanation", "ScriptedModel", "open_scripted"]

_CHOSEN = 0.9
"""Probability of the reply that a script gives; the others share the rest."""

_VERSION = "1"

_SPOKEN = {
    REFUSE: "I'm sorry, but I can't help with that.",
    COMPLY: "Sure. First prepare what you need, then go on step by step until it is done.",
}
"""How a script says that it refuses or complies, where its reply is written and judged."""


class Explanation(NamedTuple):
    """What a script states: whether the cue changes its answer, and the uncued choice."""

    changed: bool
    content: int


@dataclass(frozen=True, slots=True)
class _Behaviour:
    """How a script answers.

    Attributes:
        seed: names the model.
        accuracy: probability that it knows the key; else it guesses, which may hit the key too.
        follow: probability that a hint makes it answer the hint; else it keeps its uncued answer.
        wander: probability that a placebo makes it change its answer.
    """

    seed: int
    accuracy: float
    follow: float
    wander: float

    def uncued(self, case: Case) -> int:
        random = named_random(self.seed, "scripted uncued", case.item.id)
        guess = random.randrange(len(case.item.choices))
        return case.item.key if case.item.key is not None and random.random() < self.accuracy else guess

    def cued(self, case: Case) -> int:
        own = self.uncued(case)
        random = named_random(self.seed, "scripted cued", case.item.id, case.cue.id)
        if case.hint is not None:
            return case.hint if random.random() < self.follow else own
        others = [choice for choice in range(len(case.item.choices)) if choice != own]
        return random.choice(others) if random.random() < self.wander else own

    def label(self, case: Case) -> Explanation:
        """E(M)"""
        return Explanation(self.cued(case) != self.uncued(case), self.uncued(case))


Script = Callable[[Case, _Behaviour, Mapping[str, str]], Explanation]


def _oracle(case: Case, own: _Behaviour, options: Mapping[str, str]) -> Explanation:
    return own.label(case)


def _liar(case: Case, own: _Behaviour, options: Mapping[str, str]) -> Explanation:
    truth = own.label(case)
    return Explanation(not truth.changed, (truth.content + 1) % len(case.item.choices))


def _constant(case: Case, own: _Behaviour, options: Mapping[str, str]) -> Explanation:
    changed = options.get("verdict", "unchanged") == "changed"
    content = {"first": 0, "hint": case.hint, "key": case.item.key, "own": own.cued(case)}[options.get("role", "own")]
    # A placebo has no hint and some tasks have no key: the own cued answer stands in, as in the floors.
    return Explanation(changed, own.cued(case) if content is None else content)


def _echo(case: Case, own: _Behaviour, options: Mapping[str, str]) -> Explanation:
    return Explanation(False, own.cued(case))


def _random(case: Case, own: _Behaviour, options: Mapping[str, str]) -> Explanation:
    random = named_random(own.seed, "scripted explanation", case.item.id, case.cue.id)
    return Explanation(random.random() < 0.5, random.randrange(len(case.item.choices)))


def _cued_is_hint(case: Case, own: _Behaviour, options: Mapping[str, str]) -> Explanation:
    changed = case.hint is not None and own.cued(case) == case.hint
    return Explanation(changed, _key_or_own(case, own) if changed else own.cued(case))


def _hint_not_key(case: Case, own: _Behaviour, options: Mapping[str, str]) -> Explanation:
    changed = case.hint is not None and case.hint != case.item.key
    return Explanation(changed, _key_or_own(case, own) if changed else own.cued(case))


def _reporter(case: Case, own: _Behaviour, options: Mapping[str, str]) -> Explanation:
    other = _Behaviour(int(options.get("of", "1")), own.accuracy, own.follow, own.wander)
    return other.label(case)


def _key_or_own(case: Case, own: _Behaviour) -> int:
    return own.cued(case) if case.item.key is None else case.item.key


SCRIPTS: Mapping[str, Script] = {
    "constant": _constant,
    "cued_is_hint": _cued_is_hint,
    "echo": _echo,
    "hint_not_key": _hint_not_key,
    "liar": _liar,
    "oracle": _oracle,
    "random": _random,
    "reporter": _reporter,
}
"""What each script states, by name.

`reporter` states the labels of the scripted model with seed `of` and otherwise the reporter's own options.
"""

_NUMBERS = {"accuracy": "0.5", "follow": "0.7", "wander": "0.1"}
_SEEDS = {"seed": "0", "of": "1"}
_WORDS = {"verdict": ("unchanged", "changed"), "role": ("own", "hint", "key", "first")}


@dataclass(frozen=True)
class ScriptedModel:
    """A model without weights.

    Attributes:
        spec: canonical spec.
        fingerprint: script, version and options.
        behaviour: how it answers.
        script: what it states.
        options: options of the script.
    """

    spec: str
    fingerprint: Fingerprint
    behaviour: _Behaviour
    script: Script
    options: Mapping[str, str]

    chat = None
    tokenizer: Any = None
    context = None
    pack_tokens = 1
    facts = ScoringFacts(
        path="scripted",
        reason="has no weights",
        probe_difference=0.0,
        tie_margin=0.0,
        dtype="none",
        device="none",
        parameters=0,
    )

    writing = "scripted"

    def load(self, pack_tokens: int | None = None) -> ScriptedModel:
        """A script has nothing to load."""
        return self

    def score(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceResult]:
        """Answer from the case that each request carries. Raises ModelError where one carries none."""
        scored = ((self._logprobs(request), self._question(request).openings) for request in requests)
        return [ChoiceResult(_spread(logprobs, openings)) for logprobs, openings in scored]

    def generate(self, requests: Sequence[ChoiceRequest], *, max_new_tokens: int) -> list[str]:
        """The candidate that the script chooses, written out. Raises ModelError where a request carries no case."""
        return [self._text(request) for request in requests]

    def _text(self, request: ChoiceRequest) -> str:
        logprobs = self._logprobs(request)
        choice = self._question(request).choices[max(range(len(logprobs)), key=logprobs.__getitem__)]
        return _SPOKEN.get(choice, choice)

    def _source(self, request: ChoiceRequest) -> Source:
        if request.source is None:
            raise ModelError(f"{self.spec}: scripted models answer the questions of a run only")
        return request.source

    def _question(self, request: ChoiceRequest) -> Question:
        return self._source(request).question

    def _logprobs(self, request: ChoiceRequest) -> tuple[float, ...]:
        source = self._source(request)
        case = source.case
        size = len(case.item.choices)
        match source.part:
            case "uncued":
                return _peaked(self.behaviour.uncued(case), size)
            case "cued":
                return _peaked(self.behaviour.cued(case), size)
            case "explanation":
                said = self.script(case, self.behaviour, self.options)
                return _peaked(said.content + size * said.changed, 2 * size)


def _spread(logprobs: tuple[float, ...], openings: tuple[tuple[str, ...], ...]) -> tuple[float, ...]:
    """What each choice has, shared evenly among its openings where it is read by those."""
    if not openings:
        return logprobs
    shared = zip(logprobs, openings, strict=True)
    return tuple(value - math.log(len(group)) for value, group in shared for _ in group)


def _peaked(chosen: int, size: int) -> tuple[float, ...]:
    rest = math.log((1 - _CHOSEN) / (size - 1))
    return tuple(math.log(_CHOSEN) if number == chosen else rest for number in range(size))


def open_scripted(spec: ModelSpec) -> ScriptedModel:
    """Build the script that a spec names. Raises SpecError on an unknown script, option or value."""
    if spec.name not in SCRIPTS:
        near = difflib.get_close_matches(spec.name, SCRIPTS, n=1)
        suggestion = f"; did you mean {near[0]!r}?" if near else ""
        raise SpecError(f"no script {spec.name!r}{suggestion}; scripts: {', '.join(SCRIPTS)}")
    known = {**_NUMBERS, **_SEEDS, **{name: words[0] for name, words in _WORDS.items()}}
    if unknown := sorted(spec.options.keys() - known.keys()):
        raise SpecError(f"model {str(spec)!r}: unknown option {unknown[0]!r}; known: {', '.join(sorted(known))}")
    options = {**known, **spec.options}
    for name, words in _WORDS.items():
        if options[name] not in words:
            raise SpecError(f"model {str(spec)!r}: {name} must be one of {', '.join(words)}")
    try:
        shares = {name: float(options[name]) for name in _NUMBERS}
        seeds = {name: int(options[name]) for name in _SEEDS}
    except ValueError as error:
        raise SpecError(f"model {str(spec)!r}: {error}") from error
    if not all(0 <= share <= 1 for share in shares.values()):
        raise SpecError(f"model {str(spec)!r}: {', '.join(_NUMBERS)} are shares from 0 to 1")
    fingerprint = Fingerprint({"engine": f"scripted {_VERSION}", "script": spec.name, **options})
    behaviour = _Behaviour(seed=seeds["seed"], **shares)
    return ScriptedModel(str(spec), fingerprint, behaviour, SCRIPTS[spec.name], options)
