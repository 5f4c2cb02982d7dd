"""How a server is asked for probabilities or for one of several replies, and which of the ways it understands."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from introbench.models.served.client import Client, RefusedError

__all__ = [
    "PARSED",
    "ChoosingWay",
    "ScoringWay",
    "chat_body",
    "find_choosing",
    "find_scoring",
    "longest",
    "reply_of",
]

_ROOM_FOR_STRUCTURE = 32
"""Tokens beside the choice itself: the braces and the name of a JSON object, the end of the turn."""

_NOT_ABOUT_FIELDS = frozenset({401, 403})
"""Refusals of whoever asks, whatever is asked."""

_ASKED = ({"role": "user", "content": "Is it?"},)
_NEVER_SAID = ("quonx north", "quonx south")
"""Choices that no model says by itself: a server that answers with one has been led to it."""


@dataclass(frozen=True, slots=True)
class ScoringWay:
    """A way of getting the log-probability of given tokens.

    Attributes:
        name: how the manifest calls it.
        fields: what a request for completions gains.
        read: (reply, token ids) → log-probability of each token but the first, in nats.
    """

    name: str
    fields: Mapping[str, Any]
    read: Callable[[Mapping[str, Any], Sequence[int]], list[float]]


def _read_prompt_logprobs(reply: Mapping[str, Any], ids: Sequence[int]) -> list[float]:
    rows = reply["choices"][0]["prompt_logprobs"]
    if len(rows) != len(ids):
        raise ValueError(f"{len(rows)} log-probabilities for {len(ids)} tokens")
    return [float(row[str(token)]["logprob"]) for row, token in zip(rows[1:], ids[1:], strict=True)]


def _read_echo(reply: Mapping[str, Any], ids: Sequence[int]) -> list[float]:
    found = reply["choices"][0]["logprobs"]["token_logprobs"]
    if len(found) != len(ids):
        raise ValueError(f"{len(found)} log-probabilities for {len(ids)} tokens")
    return [float(value) for value in found[1:]]


_SCORING = (
    ScoringWay("prompt_logprobs", {"max_tokens": 1, "prompt_logprobs": 0}, _read_prompt_logprobs),
    ScoringWay("echo", {"max_tokens": 0, "echo": True, "logprobs": 1}, _read_echo),
)
"""Ways of scoring, the one with the exact ids in its reply first."""


@dataclass(frozen=True, slots=True)
class ChoosingWay:
    """A way of leading a model to one of several replies.

    Attributes:
        name: how the manifest calls it.
        fields: choices → what a request for a chat completion gains.
        read: content of the message → the reply.
    """

    name: str
    fields: Callable[[Sequence[str]], Mapping[str, Any]]
    read: Callable[[str], str]


def _schema(choices: Sequence[str]) -> Mapping[str, Any]:
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": list(choices)}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema, "strict": True}}


def _read_schema(content: str) -> str:
    return str(json.loads(content)["answer"])


PARSED = ChoosingWay("parsed", lambda choices: {}, str)
"""No structure: the reply is free, and read afterwards."""

_CHOOSING = (
    ChoosingWay("structured_outputs", lambda choices: {"structured_outputs": {"choice": list(choices)}}, str),
    ChoosingWay("guided_choice", lambda choices: {"guided_choice": list(choices)}, str),
    ChoosingWay("json_schema", lambda choices: {"response_format": _schema(choices)}, _read_schema),
)
"""Ways of structuring a reply: vLLM's, its older one, and OpenAI's."""


def find_scoring(client: Client, name: str, ids: Sequence[int]) -> ScoringWay | None:
    """The first way in which a server gives the log-probabilities of these ids, or None.

    Raises NoAnswerError where it does not answer at all, RefusedError where it refuses whoever asks.
    """
    for way in _SCORING:
        body = {"model": name, "prompt": list(ids), "temperature": 0, **way.fields}
        try:
            found = client.post("completions", body, lambda reply: reply)
            values = way.read(found, ids)
        except RefusedError as error:
            if error.status in _NOT_ABOUT_FIELDS:
                raise
            continue
        except (LookupError, TypeError, ValueError):
            continue
        if all(math.isfinite(value) and value <= 0 for value in values):
            return way
    return None


def find_choosing(client: Client, name: str, extra: Mapping[str, Any]) -> ChoosingWay:
    """The first way in which a server keeps a reply to given choices; "parsed" where it has none.

    Servers ignore fields that they do not know, so what counts is the reply. Raises NoAnswerError where it does not
    answer at all, RefusedError where it refuses whoever asks.
    """
    for way in _CHOOSING:
        body = chat_body(name, _ASKED, {**extra, **way.fields(_NEVER_SAID)}, longest(_NEVER_SAID))
        try:
            reply = client.post("chat/completions", body, lambda found: found)
            if way.read(reply_of(reply)) in _NEVER_SAID:
                return way
        except RefusedError as error:
            if error.status in _NOT_ABOUT_FIELDS:
                raise
            continue
        except (LookupError, TypeError, ValueError):
            continue
    return PARSED


def longest(choices: Sequence[str]) -> int:
    """Tokens that hold any of the choices, and what a structure puts around it: a token has a byte at least."""
    return max(len(choice.encode()) for choice in choices) + _ROOM_FOR_STRUCTURE


def chat_body(
    name: str, messages: Sequence[Mapping[str, str]], extra: Mapping[str, Any], tokens: int
) -> dict[str, Any]:
    """A greedy request for a chat completion."""
    return {"model": name, "messages": list(messages), "temperature": 0, "max_tokens": tokens, **extra}


def reply_of(found: Mapping[str, Any]) -> str:
    """The text of a chat completion; empty where the model has only thought."""
    return str(found["choices"][0]["message"]["content"] or "")
