"""Tokenizers and chat templates: read for models that are scored here and for engines that answer in token ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from introbench.errors import ModelError
from introbench.hashing import content_hash
from introbench.models.chat import PROBE_TURNS, PlainChat, TemplateChat, make_chat
from introbench.models.hf.places import Place, find_place, pinned, tokenizer_identity
from introbench.models.hf.quiet import one_line_errors
from introbench.models.spec import ModelSpec

__all__ = ["OpenedTokenizer", "load_tokenizer", "open_tokenizer"]


@dataclass(frozen=True, slots=True)
class OpenedTokenizer:
    """A tokenizer and the chat form that goes with it.

    Attributes:
        tokenizer: the transformers tokenizer.
        chat: how conversations become ids.
        parts: what they add to the fingerprint of a model.
    """

    tokenizer: Any
    chat: TemplateChat | PlainChat
    parts: Mapping[str, str]


def open_tokenizer(spec: ModelSpec, name: str, chat_template: str = "auto") -> OpenedTokenizer:
    """The tokenizer of a folder, GGUF file, hub id or embedded model that a part of a spec names.

    Raises ModelError where it is missing or cannot be used.
    """
    place = find_place(spec, name.removeprefix("hf/"), None)
    with one_line_errors(spec, "tokenizer"):
        place = pinned(place, "tokenizer_config.json")
    return load_tokenizer(spec, place, trust=False, chat_template=chat_template)


def load_tokenizer(
    spec: ModelSpec, place: Place, *, trust: bool, chat_template: str, thinking: bool = False
) -> OpenedTokenizer:
    """The tokenizer at a place.

    Args:
        trust: whether code that comes with it may run.
        chat_template: "auto" for its own, "none" for plain lines, or the file that holds one.
        thinking: whether the model may think before it replies.

    Raises ModelError where it is missing or cannot be used.
    """
    with one_line_errors(spec, "tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(place.name, trust_remote_code=trust, **place.arguments)
    if chat_template == "none":
        tokenizer.chat_template = None
    elif chat_template != "auto":
        try:
            tokenizer.chat_template = Path(chat_template).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(
                f"{spec}: chat template {chat_template!r} cannot be read ({error}); write auto, none or a file"
            ) from error
    chat = make_chat(tokenizer, str(spec), thinking=thinking)
    parts = {
        "tokenizer": tokenizer_identity(tokenizer),
        "template": chat.template_hash,
        "probe prompt": content_hash([list(chat.prompt_ids(PROBE_TURNS)), list(chat.reply_ids("Yes"))]),
    }
    return OpenedTokenizer(tokenizer, chat, parts)
