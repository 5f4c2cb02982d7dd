"""Opening a served model: what the server says of it, which ways of asking it understands, and its identity."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from introbench.errors import ModelError
from introbench.hashing import canonical_json
from introbench.models.chat import PROBE_TURNS
from introbench.models.served.asking import PARSED, ChoosingWay, ScoringWay, find_choosing, find_scoring
from introbench.models.served.client import Client, NoAnswerError, RefusedError
from introbench.models.served.model import ServedModel, new_nonce
from introbench.models.served.options import ServedOptions, read_options
from introbench.models.spec import ModelSpec
from introbench.models.types import Fingerprint

__all__ = ["open_served"]

_ENGINE = "openai 1"
_PACK_TOKENS = 8192
_STATED = ("id", "max_model_len", "owned_by", "parent", "root")
"""What a server's list of models says that stays the same while it serves the same model."""

_TAKES_TEMPLATE_OPTIONS = frozenset({"vllm", "sglang"})
"""Servers, by what they write for `owned_by`, that hand `chat_template_kwargs` on to the template."""

_TOKENS_OF = "Is it? Yes, 1234 of them: à la carte."


@dataclass(frozen=True, slots=True)
class _Reading:
    """The tokenizer that a server is said to use."""

    tokenizer: Any
    chat: Any
    parts: Mapping[str, str]


def open_served(spec: ModelSpec, nonce: str | None = None) -> ServedModel:
    """Find a model on its server and how it can be asked.

    Args:
        nonce: that of the run that goes on; a new one where None.

    Raises SpecError on wrong options, ModelError (one line, with the way out) where the server cannot be reached,
    does not know the model or does not give what is asked for.
    """
    options = read_options(spec)
    client = options.client()
    reading = _read_tokenizer(spec, options) if options.tokenizer else None
    try:
        stated = _stated(spec, client)
        extra = _extra(options, stated)
        way = _way(spec, client, options, reading, extra)
    except NoAnswerError as error:
        raise ModelError(
            f"{spec}: {options.url} does not answer ({error}); start the server or correct base_url"
        ) from error
    except RefusedError as error:
        key = "; set OPENAI_API_KEY to a key that it takes" if error.status in (401, 403) else ""
        raise ModelError(f"{spec}: {options.url} refuses to answer ({error}){key}") from error
    parts = {
        "engine": _ENGINE,
        "url": options.url,
        "name": spec.name,
        "server": canonical_json(stated),
        "answers": way.name,
        "max tokens": str(options.max_tokens),
        "thinking": "on" if options.thinking else "off",
        "nonce": nonce or new_nonce(),
        **(reading.parts if reading else {}),
    }
    longest = stated.get("max_model_len")
    return ServedModel(
        spec=str(spec),
        name=spec.name,
        fingerprint=Fingerprint(parts),
        options=options,
        extra=extra,
        way=way,
        chat=reading.chat if reading else None,
        tokenizer=reading.tokenizer if reading else None,
        context=int(longest) - 1 if longest else None,  # a server writes one token at least
        pack_tokens=_PACK_TOKENS,
        end_of_turn=reading.chat.end_of_turn if reading else None,
    )


def _stated(spec: ModelSpec, client: Client) -> dict[str, str | int]:
    """What the server says of the model; nothing where it has no list of models."""
    try:
        cards = client.get("models", lambda found: [dict(card) for card in found["data"]])
    except RefusedError as error:
        if error.status in (404, 405, 501):
            return {}
        raise
    names = [str(card.get("id")) for card in cards]
    if spec.name not in names:
        near = difflib.get_close_matches(spec.name, names, n=1)
        suggestion = f"; did you mean {near[0]!r}?" if near else ""
        raise ModelError(f"{spec}: {client.url} serves no {spec.name!r}{suggestion}; it serves: {', '.join(names[:8])}")
    card = cards[names.index(spec.name)]
    return {name: card[name] for name in _STATED if isinstance(card.get(name), str | int)} | _version(client)


def _version(client: Client) -> dict[str, str]:
    """The version of the engine, where the server tells it beside its base URL."""
    root = Client(client.url.removesuffix("/v1"), client.key, client.timeout, retries=0)
    try:
        return {"version": root.get("version", lambda found: str(found["version"]))}
    except (NoAnswerError, RefusedError):
        return {}


def _extra(options: ServedOptions, stated: Mapping[str, str | int]) -> dict[str, Any]:
    if options.thinking or stated.get("owned_by") not in _TAKES_TEMPLATE_OPTIONS:
        return {}
    return {"chat_template_kwargs": {"enable_thinking": False}}


def _way(
    spec: ModelSpec, client: Client, options: ServedOptions, reading: _Reading | None, extra: Mapping[str, Any]
) -> ScoringWay | ChoosingWay:
    if reading is None:
        return find_choosing(client, spec.name, extra) if options.structured else PARSED
    _check_tokenizer(spec, client, reading)
    ids = [*reading.chat.prompt_ids(PROBE_TURNS), *reading.chat.reply_ids("Yes")]
    way = find_scoring(client, spec.name, ids)
    if way is None:
        raise ModelError(
            f"{spec}: {client.url} gives no log-probabilities of a prompt's tokens (neither prompt_logprobs nor echo); "
            "leave out tokenizer=… to read the replies themselves"
        )
    return way


def _read_tokenizer(spec: ModelSpec, options: ServedOptions) -> _Reading:
    try:
        from introbench.models.hf.tokenizers import open_tokenizer
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{spec}: tokenizer=… needs the package {error.name}; run: pip install 'introbench[run]'"
        ) from error
    found = open_tokenizer(spec, options.tokenizer, options.chat_template)
    return _Reading(found.tokenizer, found.chat, found.parts)


def _check_tokenizer(spec: ModelSpec, client: Client, reading: _Reading) -> None:
    """Raise ModelError where the server says that it tokenises otherwise. Most servers do not say."""
    root = Client(client.url.removesuffix("/v1"), client.key, client.timeout, retries=0)
    body = {"model": spec.name, "prompt": _TOKENS_OF, "add_special_tokens": False}
    try:
        theirs = root.post("tokenize", body, lambda found: [int(token) for token in found["tokens"]])
    except (NoAnswerError, RefusedError):
        return
    if theirs != list(reading.tokenizer.encode(_TOKENS_OF, add_special_tokens=False)):
        raise ModelError(f"{spec}: {client.url} uses another tokenizer than the one that tokenizer=… names")
