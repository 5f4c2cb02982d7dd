"""A server that speaks OpenAI's interface: scripted, or with a real small model behind it."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from loopback import Asked, Reply

__all__ = ["Chat", "TinyModel"]

ERROR = {"error": {"message": "unknown field"}}


class Chat:
    """A chat server whose model takes the choice that its name decides, where replies are kept to choices.

    Attributes:
        understands: the field for structured replies that it knows, or None.
    """

    def __init__(
        self,
        names: Sequence[str],
        understands: str | None = "structured_outputs",
        card: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.names = names
        self.understands = understands
        self.card = card

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            cards = [{"id": name, "owned_by": "tests", "created": id(asked), **self.card} for name in self.names]
            return Reply({"object": "list", "data": cards})
        if asked.path == "/v1/chat/completions":
            return Reply({"choices": [{"message": {"role": "assistant", "content": self.reply(asked.body)}}]})
        return Reply({"detail": "Not Found"}, status=404)

    def reply(self, body: Mapping[str, Any]) -> str:
        """The first choice for a name with an even number of letters, else the last one."""
        if self.understands not in body:
            return f"I am {body['model']}."
        field = body[str(self.understands)]
        schema = self.understands == "response_format"
        choices = field["json_schema"]["schema"]["properties"]["answer"]["enum"] if schema else field["choice"]
        chosen = choices[0 if len(body["model"]) % 2 == 0 else -1]
        return json.dumps({"answer": chosen}) if schema else str(chosen)


class TinyModel:
    """A server with a model of transformers behind it, which answers token ids with log-probabilities.

    Attributes:
        way: "prompt_logprobs", as vLLM, or "echo", as OpenAI's older interface.
    """

    def __init__(self, hf_model: Any, tokenizer: Any, way: str = "prompt_logprobs", name: str = "tiny") -> None:
        self._model = hf_model
        self._tokenizer = tokenizer
        self._lock = threading.Lock()
        self.way = way
        self.name = name

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": self.name, "max_model_len": 4096, "owned_by": "tests"}]})
        if asked.path == "/tokenize":
            return Reply({"tokens": self._tokenizer.encode(asked.body["prompt"], add_special_tokens=False)})
        if asked.path != "/v1/completions":
            return Reply({"detail": "Not Found"}, status=404)
        if self.way not in asked.body and asked.body["max_tokens"] <= 1:
            return Reply(ERROR, status=400)
        with self._lock:
            return self._completion(asked.body)

    def _completion(self, body: Mapping[str, Any]) -> Reply:
        import torch

        ids = body["prompt"]
        if self.way not in body:
            inputs = torch.tensor([ids])
            out = self._model.generate(inputs, max_new_tokens=body["max_tokens"], do_sample=False, pad_token_id=0)
            return Reply({"choices": [{"text": self._tokenizer.decode(out[0, len(ids) :], skip_special_tokens=True)}]})
        with torch.inference_mode():
            rows = self._model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
        values = [None, *(rows[place, token].item() for place, token in enumerate(ids[1:]))]
        if self.way == "echo":
            return Reply({"choices": [{"text": "", "logprobs": {"token_logprobs": values}}]})
        named = [None, *({str(token): {"logprob": value}} for token, value in zip(ids[1:], values[1:], strict=True))]
        return Reply({"choices": [{"text": "", "prompt_logprobs": named}]})
