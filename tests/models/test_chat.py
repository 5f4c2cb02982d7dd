"""Conversations become ids once; what is silently wrong elsewhere is an error here."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from introbench.errors import ModelError, PromptError
from introbench.models.chat import PlainChat, TemplateChat, make_chat

TURNS = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi?"}]


def with_template(tokenizer: Any, template: str | None) -> Any:
    other = copy.deepcopy(tokenizer)
    other.chat_template = template
    return other


def test_template_chat_renders_with_generation_prompt_and_closes_replies(byte_tokenizer: Any) -> None:
    chat = make_chat(byte_tokenizer, "tiny")
    assert isinstance(chat, TemplateChat)
    text = byte_tokenizer.decode(chat.prompt_ids(TURNS))
    assert text == "<|system|>Be brief.<|end|><|user|>Hi?<|end|><|assistant|>"
    assert chat.end_of_turn == byte_tokenizer.convert_tokens_to_ids("<|end|>")
    assert byte_tokenizer.decode(chat.reply_ids("Yes")) == "Yes<|end|>"


def test_a_system_turn_that_the_template_drops_or_refuses_moves_into_the_user_turn(byte_tokenizer: Any) -> None:
    dropping = (
        "{% for m in messages if m['role'] != 'system' %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    )
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + dropping
    for template in (dropping, refusing):
        whole = template + "{% if add_generation_prompt %}<|assistant|>{% endif %}"
        tokenizer = with_template(byte_tokenizer, whole)
        text = tokenizer.decode(make_chat(tokenizer, "tiny").prompt_ids(TURNS))
        assert text == "<|user|>Be brief.\n\nHi?<|end|><|assistant|>"


def test_a_template_without_generation_prompt_is_an_error(byte_tokenizer: Any) -> None:
    tokenizer = with_template(byte_tokenizer, "{% for m in messages %}<|user|>{{ m['content'] }}<|end|>{% endfor %}")
    with pytest.raises(ModelError, match="tiny: the chat template has no generation prompt"):
        make_chat(tokenizer, "tiny")


def test_two_bos_tokens_are_an_error(byte_tokenizer: Any) -> None:
    tokenizer = with_template(byte_tokenizer, "<|system|><|system|>" + byte_tokenizer.chat_template)
    tokenizer.bos_token = "<|system|>"
    with pytest.raises(PromptError, match="two BOS tokens"):
        make_chat(tokenizer, "tiny")


def test_a_reply_begins_as_the_template_begins_it(byte_tokenizer: Any) -> None:
    instruct = (
        "{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]"
        "{% else %} {{ m['content'] }}<|end|>{% endif %}{% endfor %}"
    )
    tokenizer = with_template(byte_tokenizer, instruct)
    chat = make_chat(tokenizer, "tiny")
    assert tokenizer.decode(chat.prompt_ids(TURNS[1:]) + chat.reply_ids("Yes")) == "[INST] Hi? [/INST] Yes<|end|>"


def test_a_template_that_prints_the_date_prints_the_same_one_every_day(byte_tokenizer: Any) -> None:
    template = "{{ date_string if date_string is defined else strftime_now('%d %b') }}" + byte_tokenizer.chat_template
    tokenizer = with_template(byte_tokenizer, template)
    assert tokenizer.decode(make_chat(tokenizer, "tiny").prompt_ids(TURNS)).startswith("01 Jan 2025")


def test_a_tokenizer_that_tells_no_words_apart_is_refused(byte_tokenizer: Any) -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    empty = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"<unk>": 0}, unk_token="<unk>")))
    with pytest.raises(ModelError, match="has no tokenizer that tells words apart"):
        make_chat(empty, "tiny")


def test_a_model_without_template_is_asked_in_plain_lines(byte_tokenizer: Any) -> None:
    tokenizer = with_template(byte_tokenizer, None)
    chat = make_chat(tokenizer, "tiny")
    assert isinstance(chat, PlainChat)
    assert tokenizer.decode(chat.prompt_ids(TURNS)) == "Be brief.\n\nQuestion: Hi?\nAnswer:"
    assert tokenizer.decode(chat.reply_ids("Yes")) == " Yes\n"


def test_a_template_that_cannot_but_think_is_an_error(byte_tokenizer: Any) -> None:
    thinking = byte_tokenizer.chat_template.replace("<|assistant|>{% endif %}", "<|assistant|><think>\n{% endif %}")
    with pytest.raises(ModelError, match="begins every reply with <think>"):
        make_chat(with_template(byte_tokenizer, thinking), "tiny")


def test_a_template_that_can_leave_thinking_out_does(byte_tokenizer: Any) -> None:
    choice = "<|assistant|>{% if enable_thinking is not false %}<think>{% endif %}{% endif %}"
    tokenizer = with_template(byte_tokenizer, byte_tokenizer.chat_template.replace("<|assistant|>{% endif %}", choice))
    assert tokenizer.decode(make_chat(tokenizer, "tiny").prompt_ids(TURNS)).endswith("<|assistant|>")


def test_a_missing_bos_token_is_an_error(byte_tokenizer: Any) -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer = with_template(byte_tokenizer, byte_tokenizer.chat_template)
    tokenizer.bos_token = "<|system|>"
    bos = tokenizer.convert_tokens_to_ids("<|system|>")
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|system|> $A", special_tokens=[("<|system|>", bos)]
    )
    with pytest.raises(PromptError, match="lacks the BOS token"):
        make_chat(tokenizer, "tiny")


def test_a_tokenizer_that_is_set_to_cut_cuts_nothing(byte_tokenizer: Any) -> None:
    tokenizer = with_template(byte_tokenizer, byte_tokenizer.chat_template)
    tokenizer.backend_tokenizer.enable_truncation(max_length=8)
    tokenizer.model_max_length = 8
    text = "a question of more than eight bytes"
    prompt = make_chat(tokenizer, "tiny").prompt_ids([{"role": "user", "content": text}])
    assert text in tokenizer.decode(prompt)


@pytest.mark.parametrize("plain", [False, True])
def test_text_for_engines_without_ids_is_what_the_ids_decode_to(byte_tokenizer: Any, plain: bool) -> None:
    tokenizer = with_template(byte_tokenizer, None if plain else byte_tokenizer.chat_template)
    chat = make_chat(tokenizer, "tiny")
    assert chat.prompt_text(TURNS) == tokenizer.decode(chat.prompt_ids(TURNS))
    assert chat.reply_text("Yes") == tokenizer.decode(chat.reply_ids("Yes"))
