"""Conversations to token ids: rendered once by the model's own chat template, checked, never re-tokenised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from jinja2.exceptions import TemplateError

from introbench.errors import ModelError, PromptError
from introbench.hashing import text_hash

__all__ = ["PROBE_TURNS", "PlainChat", "TemplateChat", "make_chat", "plain_prompt", "plain_reply"]

PROBE_TURNS = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Is it?"})
"""A conversation whose ids tell two ways of rendering apart."""

_MARK = "introbenchmark"
_THINKING = "<think>"
_DATE = "01 Jan 2025"
"""Templates that print the date get this one: a prompt must not change overnight."""
_CHOICES_KEPT = 1024


class TemplateChat:
    """A tokenizer's own chat template.

    Args:
        thinking: whether the model may think before it replies.

    Raises ModelError where the template has no generation prompt or makes the model think unasked, PromptError where
    it doubles the BOS or leaves it out.
    """

    def __init__(self, tokenizer: Any, where: str, *, thinking: bool = False) -> None:
        self._tokenizer = tokenizer
        self._where = where
        self._thinking = thinking
        self._merges_system = not self._keeps_system()
        asked = [{"role": "user", "content": "?"}]
        answered = self._try([*asked, {"role": "assistant", "content": _MARK}])
        before = self._try(asked, add_generation_prompt=True)
        self._end_of_turn = self._find_end_of_turn(answered[answered.rindex(_MARK) + len(_MARK) :])
        # A template may put a space before a reply that no generation prompt ends with: "[/INST] Yes".
        between = answered[len(before) : answered.rindex(_MARK)] if answered.startswith(before) else ""
        if before == self._try(asked) and between.strip():
            raise ModelError(f"{where}: the chat template has no generation prompt; give the model one that has")
        self._lead = between if not between.strip() else ""
        self.begun = _THINKING if before.rstrip().endswith(_THINKING) else ""
        """What of a thought stands in the prompt already."""
        if self.begun and not thinking:
            raise ModelError(
                f"{where}: the chat template begins every reply with {_THINKING}, which enable_thinking=False does not "
                "turn off; let it think, in N tokens a reply, as hf/NAME or openai/NAME with ?thinking=on&max_tokens=N"
            )
        self._replies = _Behind(tokenizer, before, where)
        _check_bos(tokenizer, self._render(asked, tokenize=True, add_generation_prompt=True), where)

    @property
    def template_hash(self) -> str:
        """Hash of the template's text."""
        return text_hash(str(self._tokenizer.chat_template))

    @property
    def end_of_turn(self) -> int:
        """Id of the token that closes a reply."""
        return self._end_of_turn

    def prompt_ids(self, messages: Sequence[Mapping[str, str]]) -> tuple[int, ...]:
        """Ids of a conversation with the generation prompt. Thinking is switched off unless it was asked for."""
        return tuple(self._render(self._turns(messages), tokenize=True, add_generation_prompt=True))

    def prompt_text(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The same as text, for engines that take no ids."""
        return str(self._render(self._turns(messages), tokenize=False, add_generation_prompt=True))

    def reply_ids(self, text: str) -> tuple[int, ...]:
        """Ids of a whole reply, closed by the end-of-turn token."""
        return (*self._replies.ids(self._lead + text), self._end_of_turn)

    def reply_text(self, text: str, *, ended: bool = True) -> str:
        """The same as text, for engines that take no ids; an opening is not ended."""
        end = str(self._tokenizer.convert_ids_to_tokens(self._end_of_turn)) if ended else ""
        return self._lead + text + end

    def _turns(self, messages: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
        turns = [dict(message) for message in messages]
        if self._merges_system and len(turns) > 1 and turns[0]["role"] == "system":
            turns[1]["content"] = f"{turns[0]['content']}\n\n{turns[1]['content']}"
            turns = turns[1:]
        return turns

    def _render(self, turns: Sequence[Mapping[str, str]], **options: Any) -> Any:
        return self._tokenizer.apply_chat_template(
            list(turns), return_dict=False, enable_thinking=self._thinking, date_string=_DATE, **options
        )

    def _try(self, turns: Sequence[Mapping[str, str]], **options: Any) -> str:
        try:
            return str(self._render(turns, tokenize=False, **options))
        except TemplateError as error:
            raise ModelError(f"{self._where}: the chat template fails on a plain conversation: {error}") from error

    def _keeps_system(self) -> bool:
        turns = [{"role": "system", "content": _MARK}, {"role": "user", "content": "?"}]
        try:
            return _MARK in self._render(turns, tokenize=False)
        except TemplateError:
            return False

    def _find_end_of_turn(self, tail: str) -> int:
        ids = self._tokenizer.encode(tail, add_special_tokens=False)
        special = set(self._tokenizer.all_special_ids) | set(self._tokenizer.added_tokens_decoder)
        if ids and ids[0] in special:
            return int(ids[0])
        if self._tokenizer.eos_token_id is None:
            raise ModelError(f"{self._where}: neither the chat template nor the tokenizer has an end-of-turn token")
        return int(self._tokenizer.eos_token_id)


class PlainChat:
    """The form in which a base model without chat template is asked: plain lines, a newline ends the reply."""

    template_hash = text_hash("plain 1")
    begun = ""

    def __init__(self, tokenizer: Any, where: str) -> None:
        self._tokenizer = tokenizer
        self._replies = _Behind(tokenizer, "Answer:", where)
        self._end_of_turn = _Behind(tokenizer, "Answer: Yes", where).ids("\n")[-1]
        _check_bos(tokenizer, list(self.prompt_ids([{"role": "user", "content": "?"}])), where)

    @property
    def end_of_turn(self) -> int:
        """Id of the token that closes a reply."""
        return self._end_of_turn

    def prompt_ids(self, messages: Sequence[Mapping[str, str]]) -> tuple[int, ...]:
        """Ids of the conversation as lines "Question: …" and "Answer: …", ending with "Answer:"."""
        return tuple(self._tokenizer.encode(plain_prompt(messages)))

    def reply_ids(self, text: str) -> tuple[int, ...]:
        """Ids of a whole reply with its leading space, closed by a newline."""
        return (*self._replies.ids(" " + text), self._end_of_turn)

    def prompt_text(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The conversation as text, for engines that take no ids."""
        return plain_prompt(messages)

    def reply_text(self, text: str, *, ended: bool = True) -> str:
        """A whole reply as text, for engines that take no ids; an opening is not ended."""
        return plain_reply(text, ended=ended)


def plain_prompt(messages: Sequence[Mapping[str, str]]) -> str:
    """A conversation in plain lines, ending with "Answer:"."""
    lines = {"system": "{}\n\n", "user": "Question: {}\nAnswer:", "assistant": " {}\n\n"}
    return "".join(lines[message["role"]].format(message["content"]) for message in messages)


def plain_reply(text: str, *, ended: bool = True) -> str:
    """A whole reply behind such a conversation; an opening is not ended."""
    return f" {text}\n" if ended else f" {text}"


def make_chat(tokenizer: Any, where: str, *, thinking: bool = False) -> TemplateChat | PlainChat:
    """The chat form that fits a tokenizer: its own template, or plain lines where it has none.

    Args:
        thinking: whether the model may think before it replies, where its template knows how.

    Raises ModelError where the tokenizer tells no two words apart, which is what is built for a folder
    without tokenizer files.
    """
    words = [tokenizer.encode(word, add_special_tokens=False) for word in ("Paris", "seven")]
    if not all(words) or words[0] == words[1]:
        raise ModelError(f"{where}: has no tokenizer that tells words apart; add its tokenizer files to the folder")
    return TemplateChat(tokenizer, where, thinking=thinking) if tokenizer.chat_template else PlainChat(tokenizer, where)


class _Behind:
    """What texts add behind a fixed one: tokenised together, as a model would have seen it in training.

    The cases of an item have most of their choices in common, so the last ones are kept.
    """

    def __init__(self, tokenizer: Any, before: str, where: str) -> None:
        self._tokenizer = tokenizer
        self._before = before
        self._where = where
        self._stem = list(tokenizer.encode(before, add_special_tokens=False))
        self.ids = lru_cache(_CHOICES_KEPT)(self._ids)

    def _ids(self, text: str) -> tuple[int, ...]:
        whole = list(self._tokenizer.encode(self._before + text, add_special_tokens=False))
        length = len(self._stem)
        if whole[:length] != self._stem or len(whole) == length:
            raise PromptError(f"{self._where}: the tokenizer merges the end of the prompt with the reply {text!r}")
        return tuple(whole[length:])


def _check_bos(tokenizer: Any, ids: list[int], where: str) -> None:
    bos = tokenizer.bos_token_id
    if bos is None:
        return
    if ids[:2] == [bos, bos]:
        raise PromptError(
            f"{where}: the prompt begins with two BOS tokens; the template and the tokenizer both add one"
        )
    if tokenizer.encode("?")[:1] == [bos] and ids[:1] != [bos]:
        raise PromptError(f"{where}: the prompt lacks the BOS token that this tokenizer puts before plain text")
