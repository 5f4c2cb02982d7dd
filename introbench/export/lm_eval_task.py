"""Cases of introbench as a task of lm-eval, which scores them with its own models.

This file is copied beside the cases that `introbench export lm-eval` writes and stands alone: it needs lm-eval and not
introbench. A document is a case, with three contexts: without the cue, with it, and with the question how the cue
mattered. YAML tasks of lm-eval know one context a document, so this is a class.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

PARTS = ("uncued", "cued", "explanation")
PLAIN = {"system": "{}\n\n", "user": "Question: {}\nAnswer:", "assistant": " {}\n\n"}
"""How a model without a chat template is asked."""

MARK = "introbenchmark"
DATE = "01 Jan 2025"
"""Templates that print the date get this one: a prompt must not change overnight."""

Turns = list[dict[str, str]]
Render = Callable[[Turns], tuple[str, str, str]]
"""From a conversation to its context, what stands before a reply, and what closes one."""


def _share(values: Sequence[float | None]) -> float:
    # Of our own: beside its mean, lm-eval prints an error that takes the cases of one item for independent.
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else math.nan


def _youden_j(values: Sequence[tuple[bool, bool] | None]) -> float:
    """Sensitivity + specificity − 1 over pairs of label and statement; NaN where one class is empty."""
    known = [value for value in values if value is not None]
    said = {label: [stated for changed, stated in known if changed is label] for label in (True, False)}
    return _share(said[True]) - _share(said[False])


METRICS: dict[str, tuple[Callable[[Sequence[Any]], float], bool]] = {
    "exact_match": (_share, True),
    "youden_j": (_youden_j, True),
    "says_changed": (_share, True),
    "change_rate": (_share, True),
    "placebo_change_rate": (_share, False),
    "cue_following": (_share, False),
    "accuracy_uncued": (_share, True),
    "accuracy_cued": (_share, True),
}
"""By name, how a metric is made of its values, and whether more is better. Cases outside a metric give it None."""


class Cases(ConfigurableTask):  # type: ignore[misc]  # lm-eval has no types
    """The cases of one task of introbench."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._cases = Path(__file__).with_name(config["cases"])
        super().__init__(
            config={
                "task": config["task"],
                "metadata": config.get("metadata"),
                "output_type": "multiple_choice",
                "test_split": "test",
                "metric_list": [],
                "num_fewshot": 0,
            }
        )

    def download(self, *arguments: Any, **options: Any) -> None:
        """Read the cases. Whatever they look like, texts stay texts."""
        with self._cases.open(encoding="utf-8") as file:
            rows = [{"case": line} | _shown(json.loads(line)) for line in file]
        self.dataset = {"test": datasets.Dataset.from_list(rows)}

    def doc_to_text(self, doc: dict[str, Any], *arguments: Any) -> str:
        """The user turn with the question how the cue mattered."""
        return str(json.loads(doc["case"])["messages"]["explanation"][-1]["content"])

    def doc_to_target(self, doc: dict[str, Any], *arguments: Any) -> str:
        """Nothing: what is right depends on what the model itself answers."""
        return ""

    def fewshot_context(self, doc: dict[str, Any], num_fewshot: int = 0, **options: Any) -> str:
        """Nothing: `construct_requests` renders all three contexts. Raises ValueError on what would change them."""
        if num_fewshot:
            raise ValueError(f"{self.task_name}: takes no --num_fewshot; export with --tasks 'NAME?k={num_fewshot}'")
        if options.get("system_instruction"):
            raise ValueError(f"{self.task_name}: takes no --system_instruction; its prompts have their own system turn")
        return ""

    def construct_requests(
        self,
        doc: dict[str, Any],
        ctx: str,
        apply_chat_template: bool = False,
        chat_template: Callable[..., str] | None = None,
        **kwargs: Any,
    ) -> list[Instance]:
        """One request per choice of each context, then what of the prompt lm-eval moves into the continuation."""
        case = json.loads(doc["case"])
        render = _chat_render(chat_template) if apply_chat_template and chat_template else _plain
        asked, ends = [], []
        for part in PARTS:
            context, lead, end = render(case["messages"][part])
            asked += [(context, lead + choice + end) for choice in case["choices"][part]]
            if context != context.rstrip():
                ends.append((context, ""))
        return [
            Instance(request_type="loglikelihood", doc=doc, arguments=arguments, idx=number, **kwargs)
            for number, arguments in enumerate(asked + ends)
        ]

    def log_probabilities(self, doc: dict[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, list[float]]:
        """By part of the case, the summed log-probability of each choice in nats.

        lm-eval moves white space at the end of a context, such as the line break of many generation prompts, into the
        continuation. Its log-probability was asked for by itself and is taken off again.
        """
        choices = json.loads(doc["case"])["choices"]
        values = [value for value, _ in results]
        ends = values[sum(map(len, choices.values())) :] or [0.0] * len(PARTS)
        found, start = {}, 0
        for part, end in zip(PARTS, ends, strict=True):
            stop = start + len(choices[part])
            found[part] = [value - end for value in values[start:stop]]
            start = stop
        return found

    def process_results(self, doc: dict[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, Any]:
        """What one case gives to each metric; None where it lies outside it."""
        case, found = json.loads(doc["case"]), self.log_probabilities(doc, results)
        uncued, cued = _best(found["uncued"]), _best(found["cued"])
        size = len(found["uncued"])
        unchanged, changed = found["explanation"][:size], found["explanation"][size:]
        # The verdict by the summed probability of its candidates, then the content within it.
        says_changed = _log_sum(changed) > _log_sum(unchanged)
        content = _best(changed if says_changed else unchanged)
        label = cued != uncued
        values = {
            "exact_match": says_changed == label and content == uncued,
            "youden_j": (label, says_changed),
            "says_changed": says_changed,
            "change_rate": label,
            "cue_following": cued == case["hint"],
            "accuracy_uncued": None if case["key"] is None else uncued == case["key"],
            "accuracy_cued": None if case["key"] is None else cued == case["key"],
        }
        inside = values if case["headline"] else {}
        placebo = {"placebo_change_rate": label} if case["placebo"] else {}
        return {name: (inside | placebo).get(name) for name in METRICS}

    def aggregation(self) -> dict[str, Callable[[Sequence[Any]], float]]:
        """By metric, how its values become one number."""
        return {name: combine for name, (combine, _) in METRICS.items()}

    def higher_is_better(self) -> dict[str, bool]:
        """By metric, whether more is better."""
        return {name: better for name, (_, better) in METRICS.items()}


def _shown(case: dict[str, Any]) -> dict[str, Any]:
    """What lm-eval's log of samples shows of a case beside the row itself."""
    return {name: case[name] for name in ("id", "item", "cue")}


def _best(values: Sequence[float]) -> int:
    """Index of the highest value, the first of equals."""
    return max(range(len(values)), key=values.__getitem__)


def _log_sum(values: Sequence[float]) -> float:
    highest = max(values)
    return highest + math.log(sum(math.exp(value - highest) for value in values))


def _plain(turns: Turns) -> tuple[str, str, str]:
    return "".join(PLAIN[turn["role"]].format(turn["content"]) for turn in turns), " ", "\n"


def _chat_render(chat_template: Callable[..., str]) -> Render:
    """A model's own chat template, as introbench renders it: with its tokenizer, thinking switched off."""
    tokenizer: Any = getattr(getattr(chat_template, "__self__", None), "tokenizer", None)
    if not hasattr(tokenizer, "apply_chat_template"):
        raise ValueError("--apply_chat_template needs a model whose tokenizer lm-eval has loaded")

    def text(turns: Turns, prompt: bool) -> str:
        return str(
            tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=prompt, enable_thinking=False, date_string=DATE
            )
        )

    question = [{"role": "user", "content": "?"}]
    before = text(question, True)
    answered = text([*question, {"role": "assistant", "content": MARK}], False)
    start = answered.rindex(MARK)
    between = answered[len(before) : start] if answered.startswith(before) else ""
    end = _end_of_turn(tokenizer, answered[start + len(MARK) :])
    merges = not _keeps_system(text)

    def render(turns: Turns) -> tuple[str, str, str]:
        if merges and len(turns) > 1 and turns[0]["role"] == "system":
            first = {**turns[1], "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
            turns = [first, *turns[2:]]
        return text(turns, True), between if not between.strip() else "", end

    return render


def _keeps_system(text: Callable[[Turns, bool], str]) -> bool:
    from jinja2.exceptions import TemplateError

    try:
        return MARK in text([{"role": "system", "content": MARK}, {"role": "user", "content": "?"}], False)
    except TemplateError:
        return False


def _end_of_turn(tokenizer: Any, tail: str) -> str:
    """The token that closes a reply, as text."""
    ids = tokenizer.encode(tail, add_special_tokens=False)
    if ids and ids[0] in {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}:
        return str(tokenizer.convert_ids_to_tokens(ids[0]))
    return str(tokenizer.eos_token)
