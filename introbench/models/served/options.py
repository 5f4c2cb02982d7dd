"""What an `openai/NAME?…` spec says: which server, and how it is to be asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from introbench.errors import ModelError, SpecError
from introbench.models.served.client import Client, is_local
from introbench.models.spec import ModelSpec

__all__ = ["ServedOptions", "read_options"]

_DEFAULTS = {
    "base_url": "",
    "chat_template": "auto",
    "concurrency": "8",
    "max_tokens": "64",
    "retries": "5",
    "structured": "auto",
    "thinking": "off",
    "timeout": "600",
    "tokenizer": "",
}
_LEAST = {"concurrency": 1, "max_tokens": 1, "retries": 0, "timeout": 1}
_WORDS = {"structured": ("auto", "off"), "thinking": ("off", "on")}


@dataclass(frozen=True, slots=True)
class ServedOptions:
    """Options of a served model.

    Attributes:
        url: base URL without a slash at its end.
        tokenizer: folder, hub id or embedded model whose tokenizer the server uses; "" where it is not known.
        chat_template: "auto", "none" or a file.
        concurrency: requests in flight at once.
        timeout: seconds that an answer may take.
        retries: how often a request is tried again.
        max_tokens: most tokens of a reply that no structure ends, thinking included.
        structured: whether the server may be asked to keep replies to the choices.
        thinking: whether the model may think before it replies.
    """

    url: str
    tokenizer: str
    chat_template: str
    concurrency: int
    timeout: int
    retries: int
    max_tokens: int
    structured: bool
    thinking: bool

    def client(self) -> Client:
        """A client of the server, with the key of the environment."""
        return Client(self.url, os.environ.get("OPENAI_API_KEY") or None, float(self.timeout), self.retries)


def read_options(spec: ModelSpec, environment: Mapping[str, str] = os.environ) -> ServedOptions:
    """Raises SpecError where an option is wrong or no server is named, ModelError where it must not be asked."""
    if unknown := sorted(spec.options.keys() - _DEFAULTS.keys()):
        hint = "; the key is read from OPENAI_API_KEY alone" if "key" in unknown[0] else ""
        raise SpecError(f"model {str(spec)!r}: unknown option {unknown[0]!r}; known: {', '.join(_DEFAULTS)}{hint}")
    given = {**_DEFAULTS, **spec.options}
    for name, words in _WORDS.items():
        if given[name] not in words:
            raise SpecError(f"model {str(spec)!r}: {name} must be one of {', '.join(words)}")
    try:
        numbers = {name: int(given[name]) for name in _LEAST}
    except ValueError as error:
        raise SpecError(f"model {str(spec)!r}: {', '.join(_LEAST)} are whole numbers") from error
    for name, least in _LEAST.items():
        if numbers[name] < least:
            raise SpecError(f"model {str(spec)!r}: {name} must be {least} or more")
    return ServedOptions(
        url=_server(spec, given["base_url"] or environment.get("OPENAI_BASE_URL", ""), environment),
        tokenizer=given["tokenizer"],
        chat_template=given["chat_template"],
        structured=given["structured"] == "auto",
        thinking=given["thinking"] == "on",
        **numbers,
    )


def _server(spec: ModelSpec, url: str, environment: Mapping[str, str]) -> str:
    if not url:
        raise SpecError(
            f"model {str(spec)!r}: names no server; set OPENAI_BASE_URL or write ?base_url=http://HOST:PORT/v1"
        )
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise SpecError(f"model {str(spec)!r}: base_url is no URL: {error}") from error
    # Specs and fingerprints are published: nothing secret may get into them.
    if parsed.userinfo or parsed.query:
        raise SpecError("base_url: holds a user, password or query; give the key as OPENAI_API_KEY instead")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise SpecError(f"model {str(spec)!r}: base_url must begin with http:// or https://, as in http://HOST:PORT/v1")
    if environment.get("HF_HUB_OFFLINE", "") in ("1", "true", "TRUE", "yes") and not is_local(url):
        raise ModelError(f"{spec}: {parsed.host} is another machine, and this run is offline; leave out --offline")
    return url.rstrip("/")
