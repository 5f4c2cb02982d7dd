"""The lm-eval backend: whatever lm-eval can load, asked through its `loglikelihood` and `generate_until`."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from introbench.errors import ModelError, PromptError, SpecError, UnansweredError
from introbench.hashing import canonical_json
from introbench.models.chat import PlainChat, TemplateChat, make_chat, plain_prompt, plain_reply
from introbench.models.company import company_tie_margin
from introbench.models.served.model import new_nonce
from introbench.models.spec import ModelSpec
from introbench.models.types import ChoiceRequest, ChoiceResult, Fingerprint, ScoringFacts

__all__ = ["LmEvalHead", "LmEvalModel", "open_lm_eval"]

_OF_FILES = ("delta", "model", "peft", "pretrained", "tokenizer")
"""Arguments that name folders or hub ids in lm-eval's models."""

_OF_SERVERS = ("base_url", "api_base")

_SAID = ("Is it raining?", "What is the capital of Portugal?", "Which number is larger, seven or nine?")


@dataclass(frozen=True)
class LmEvalHead:
    """A model of lm-eval that is not loaded yet. It renders conversations only once it is.

    Attributes:
        spec: canonical spec.
        fingerprint: lm-eval's version, the type, its arguments, and what the files are that they name.
        kind: lm-eval's class of model.
        arguments: what it is made with.
    """

    spec: str
    fingerprint: Fingerprint
    kind: Any
    arguments: Mapping[str, Any]

    chat = None
    tokenizer: Any = None
    context = None
    pack_tokens = 1

    def load(self, pack_tokens: int | None = None) -> LmEvalModel:
        """Let lm-eval load it. Raises ModelError where that fails."""
        with _quiet():
            try:
                model = self.kind.create_from_arg_obj(dict(self.arguments))
                tokenizer = getattr(model, "tokenizer", None)
            except Exception as error:
                # Its models ask for a GPU where no device is named, also on machines that have none.
                way_out = "; add device=cpu" if "CUDA" in str(error) and "device" not in self.arguments else ""
                raise ModelError(f"{self.spec}: lm-eval cannot load it: {_line(error)}{way_out}") from error
        # Only a tokenizer of transformers renders conversations and knows what ends a turn.
        known = callable(getattr(tokenizer, "apply_chat_template", None))
        return LmEvalModel(self, model, make_chat(tokenizer, self.spec) if known else None)


@dataclass(frozen=True)
class LmEvalModel:
    """A loaded model of lm-eval.

    Attributes:
        head: what it was loaded from.
        model: the `lm_eval.api.model.LM`.
        form: how conversations are rendered; None for plain lines, where it has no tokenizer of transformers.
    """

    head: LmEvalHead
    model: Any
    form: TemplateChat | PlainChat | None

    chat = None
    tokenizer: Any = None
    context = None
    pack_tokens = 1

    @property
    def spec(self) -> str:
        """Canonical spec."""
        return self.head.spec

    @property
    def fingerprint(self) -> Fingerprint:
        """lm-eval's version, the type, its arguments, and what the files are that they name."""
        return self.head.fingerprint

    def load(self, pack_tokens: int | None = None) -> LmEvalModel:
        """The model itself."""
        return self

    @cached_property
    def facts(self) -> ScoringFacts:
        """What the manifest says of the scoring. Scores a few texts, alone and together."""
        pairs = [(plain_prompt([{"role": "user", "content": said}]), plain_reply("Yes, it is")) for said in _SAID]
        alone = [self._loglikelihood([pair])[0] for pair in pairs]
        together = self._loglikelihood(pairs)
        difference = max(abs(mine - other) for mine, other in zip(alone, together, strict=True))
        inner = getattr(self.model, "model", None)
        return ScoringFacts(
            path="lm-eval",
            reason=f"loglikelihood of {type(self.model).__name__}",
            probe_difference=difference,
            tie_margin=company_tie_margin(difference),
            dtype=str(getattr(inner, "dtype", "unknown")).removeprefix("torch."),
            device=str(getattr(self.model, "device", None) or "unknown"),
            parameters=int(inner.num_parameters()) if inner is not None and hasattr(inner, "num_parameters") else 0,
        )

    @property
    def writing(self) -> str:
        """How it writes, for the manifest."""
        return f"generate_until of {type(self.model).__name__}"

    def score(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceResult]:
        """Summed log-probabilities of every choice, as lm-eval gives them."""
        pairs: list[tuple[str, str]] = []
        sizes = []
        for request in requests:
            context, replies = self._texts(request)
            for number, reply in enumerate(replies):
                self._check(request, context, reply, number)
            pairs += [(context, reply) for reply in replies]
            sizes.append(len(replies))
        values = iter(self._loglikelihood(pairs))
        return [ChoiceResult(tuple(next(values) for _ in range(size))) for size in sizes]

    def generate(self, requests: Sequence[ChoiceRequest], *, max_new_tokens: int) -> list[str]:
        """Greedy replies, up to what ends a turn."""
        end = self.form.reply_text("") if self.form is not None else "\n"
        wanted = {"until": [end.strip(" ")], "max_gen_toks": max_new_tokens, "do_sample": False, "temperature": 0.0}
        asked = [(self._texts(request)[0], dict(wanted)) for request in requests]
        found = self._ask("generate_until", asked)
        return [str(text).removeprefix(" ") for text in found]

    def _texts(self, request: ChoiceRequest) -> tuple[str, list[str]]:
        """The prompt and the replies of a request as text."""
        if request.source is None:
            raise ModelError(f"{self.spec}: lm-eval's models answer the questions of a run only")
        question = request.source.question
        messages = [asdict(message) for message in question.messages]
        prompt = self.form.prompt_text if self.form is not None else plain_prompt
        reply = self.form.reply_text if self.form is not None else plain_reply
        return prompt(messages), [reply(text, ended=not question.openings) for text in question.replies]

    def _check(self, request: ChoiceRequest, context: str, reply: str, number: int) -> None:
        """Raise PromptError where lm-eval would cut a prompt, or tokenise it otherwise than it was rendered."""
        encode = getattr(self.model, "tok_encode", None)
        if encode is None or self.form is None or request.source is None:
            return
        ids = list(encode(context + reply))
        case, question = request.source.case.id, request.source.question
        longest = getattr(self.model, "max_length", None)
        if longest and len(ids) > longest:
            raise PromptError(
                f"{self.spec}: {case} needs {len(ids)} tokens, the context is {longest}; prompts are never cut: ask "
                "for fewer demonstrations or a model with a longer context"
            )
        messages = [asdict(message) for message in question.messages]
        wanted = self.form.reply_ids(question.replies[number])
        expected = [*self.form.prompt_ids(messages), *(wanted[:-1] if question.openings else wanted)]
        if ids != expected:
            raise PromptError(
                f"{self.spec}: {case}: lm-eval makes other tokens of the prompt than its chat template gives (a BOS "
                "token added or left out?); see its argument add_bos_token"
            )

    def _loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [float(found[0]) for found in self._ask("loglikelihood", pairs)]

    def _ask(self, method: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        from lm_eval.api.instance import Instance

        call: Callable[..., list[Any]] = getattr(self.model, method)
        still = {"disable_tqdm": True} if "disable_tqdm" in inspect.signature(call).parameters else {}
        asked = [Instance(method, {}, tuple(given), number) for number, given in enumerate(arguments)]
        with _quiet():
            try:
                return list(call(asked, **still))
            except NotImplementedError as error:
                raise ModelError(f"{self.spec}: this type of lm-eval offers no {method}: {_line(error)}") from error
            except OSError as error:
                # A server behind lm-eval that is down, as its own attempts have shown.
                raise UnansweredError(
                    f"{self.spec}: {_line(error)}; what was answered is kept, the same command goes on from there",
                    [None] * len(asked),
                ) from error


def open_lm_eval(spec: ModelSpec, nonce: str | None = None) -> LmEvalHead:
    """Find a type of lm-eval's models and what its arguments name.

    Args:
        nonce: that of the run that goes on, where the type asks a server; a new one where None.

    Raises SpecError on an unknown type, ModelError (one line, with the way out) where anything is missing.
    """
    if importlib.util.find_spec("lm_eval") is None:
        raise ModelError(f"{spec}: needs the package lm_eval; run: pip install 'introbench[lm-eval]'")
    from lm_eval.models import MODEL_MAPPING
    from lm_eval.utils import handle_arg_string

    if spec.name not in MODEL_MAPPING:
        near = difflib.get_close_matches(spec.name, MODEL_MAPPING, n=1)
        suggestion = f"; did you mean {near[0]!r}?" if near else f"; it knows: {', '.join(sorted(MODEL_MAPPING))}"
        raise SpecError(f"model {str(spec)!r}: lm-eval knows no type {spec.name!r}{suggestion}")
    from lm_eval.api.registry import get_model

    try:
        kind = get_model(spec.name)
    except ImportError as error:
        raise ModelError(f"{spec}: lm-eval's type {spec.name!r} needs more: {_line(error)}") from error
    arguments = {name: handle_arg_string(value) for name, value in spec.options.items()}
    files = _files(spec, arguments)
    served = any(name in arguments for name in _OF_SERVERS)
    parts = {
        "engine": f"lm-eval {version('lm_eval')} {spec.name}",
        "arguments": canonical_json({name: str(value) for name, value in arguments.items() if name not in files}),
        "files": canonical_json(files),
        **({"nonce": nonce or new_nonce()} if served else {}),
    }
    return LmEvalHead(str(spec), Fingerprint(parts), kind, arguments)


def _files(spec: ModelSpec, arguments: dict[str, Any]) -> dict[str, str]:
    """What the folders and hub ids are that arguments name, by argument; a hub id is pinned to its commit now."""
    named = {name: arguments[name] for name in _OF_FILES if isinstance(arguments.get(name), str)}
    if not named or any(name in arguments for name in _OF_SERVERS):
        return {}
    from introbench.models.hf.places import find_place, pinned, weights_identity
    from introbench.models.hf.quiet import one_line_errors

    found = {}
    for name, value in named.items():
        if Path(value).expanduser().exists() or name == "pretrained":
            place = find_place(spec, value, arguments.get("revision"))
            with one_line_errors(spec, "config"):
                place = pinned(place, "config.json")
            if name == "pretrained":
                arguments |= {"pretrained": place.name} if place.local else {"revision": place.revision}
            found[name] = weights_identity(place)
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence lm-eval's own notes: introbench reports in its own words."""
    from introbench.models.hf.quiet import quiet

    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with quiet():
            yield
    finally:
        logger.setLevel(level)


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."
