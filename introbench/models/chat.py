"""Conversations to token ids: rendered once by the model's own chat template, checked, never re-tokenised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2.exceptions import TemplateError

from introbench.errors import ModelError, PromptError
from introbench.hashing import text_hash

__all__ = ["PlainChat", "TemplateChat", "make_chat"]

_MARK = "introbenchmark"


class TemplateChat:
    """A tokenizer's own chat template.

    Raises ModelError where the template has no generation prompt, doubles the BOS or leaves it out.
    """

    def __init__(self, tokenizer: Any, where: str) -> None:
        self._tokenizer = tokenizer
        self._where = where
        self._merges_system = not self._keeps_system()
        self._end_of_turn = self._find_end_of_turn()
        self._check()

    @property
    def template_hash(self) -> str:
        """Hash of the template's text."""
        return text_hash(str(self._tokenizer.chat_template))

    @property
    def end_of_turn(self) -> int:
        """Id of the token that closes a reply."""
        return self._end_of_turn

    def prompt_ids(self, messages: Sequence[Mapping[str, str]]) -> tuple[int, ...]:
        """Ids of a conversation with the generation prompt. Thinking is switched off."""
        turns = [dict(message) for message in messages]
        if self._merges_system and len(turns) > 1 and turns[0]["role"] == "system":
            turns[1]["content"] = f"{turns[0]['content']}\n\n{turns[1]['content']}"
            turns = turns[1:]
        return tuple(self._render(turns, tokenize=True, add_generation_prompt=True))

    def reply_ids(self, text: str) -> tuple[int, ...]:
        """Ids of a whole reply, closed by the end-of-turn token."""
        return (*self._tokenizer.encode(text, add_special_tokens=False), self._end_of_turn)

    def _render(self, turns: list[dict[str, str]], **options: Any) -> Any:
        return self._tokenizer.apply_chat_template(turns, return_dict=False, enable_thinking=False, **options)

    def _keeps_system(self) -> bool:
        turns = [{"role": "system", "content": _MARK}, {"role": "user", "content": "?"}]
        try:
            return _MARK in self._render(turns, tokenize=False)
        except TemplateError:
            return False

    def _find_end_of_turn(self) -> int:
        turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _MARK}]
        try:
            rendered = self._render(turns, tokenize=False)
        except TemplateError as error:
            raise ModelError(f"{self._where}: the chat template fails on a plain conversation: {error}") from error
        tail = self._tokenizer.encode(rendered[rendered.rindex(_MARK) + len(_MARK) :], add_special_tokens=False)
        special = set(self._tokenizer.all_special_ids) | set(self._tokenizer.added_tokens_decoder)
        if tail and tail[0] in special:
            return int(tail[0])
        if self._tokenizer.eos_token_id is None:
            raise ModelError(f"{self._where}: neither the chat template nor the tokenizer has an end-of-turn token")
        return int(self._tokenizer.eos_token_id)

    def _check(self) -> None:
        turn = [{"role": "user", "content": "?"}]
        with_prompt = self._render(turn, tokenize=True, add_generation_prompt=True)
        without = self._render(turn, tokenize=True, add_generation_prompt=False)
        if len(with_prompt) <= len(without):
            raise ModelError(f"{self._where}: the chat template has no generation prompt; give the model one that has")
        _check_bos(self._tokenizer, with_prompt, self._where)


class PlainChat:
    """The form in which a base model without chat template is asked: plain lines, a newline ends the reply."""

    template_hash = text_hash("plain 1")

    def __init__(self, tokenizer: Any, where: str) -> None:
        self._tokenizer = tokenizer
        newline = tokenizer.encode("\n", add_special_tokens=False)
        if not newline:
            raise ModelError(f"{where}: the tokenizer has no newline; it cannot ask a base model in plain lines")
        self._end_of_turn = int(newline[-1])
        _check_bos(tokenizer, list(self.prompt_ids([{"role": "user", "content": "?"}])), where)

    @property
    def end_of_turn(self) -> int:
        """Id of the token that closes a reply."""
        return self._end_of_turn

    def prompt_ids(self, messages: Sequence[Mapping[str, str]]) -> tuple[int, ...]:
        """Ids of the conversation as lines "Question: …" and "Answer: …", ending with "Answer:"."""
        lines = {"system": "{}\n\n", "user": "Question: {}\nAnswer:", "assistant": " {}\n\n"}
        text = "".join(lines[message["role"]].format(message["content"]) for message in messages)
        return tuple(self._tokenizer.encode(text))

    def reply_ids(self, text: str) -> tuple[int, ...]:
        """Ids of a whole reply with its leading space, closed by a newline."""
        return (*self._tokenizer.encode(" " + text, add_special_tokens=False), self._end_of_turn)


def make_chat(tokenizer: Any, where: str) -> TemplateChat | PlainChat:
    """The chat form that fits a tokenizer: its own template, or plain lines where it has none."""
    return TemplateChat(tokenizer, where) if tokenizer.chat_template else PlainChat(tokenizer, where)


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
