"""The three files of the task: items, templates with the nonsense words in them, and the training set of behaviour."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from introbench.hashing import named_random
from introbench.tasks import Cue, Item
from introbench.tasks.cases import apply_cue
from introbench.tasks.types import PLACEBO
from introbench_tasks.frozen import jsonl_text
from introbench_tasks.jabberwocky.generate import DEMANDED, SEED, TASK
from introbench_tasks.jabberwocky.generate.nonsense import PLACEBO_ENDINGS, TRIGGER_ENDING, nonsense_words
from introbench_tasks.jabberwocky.generate.questions import items_text, make_items

__all__ = ["FILES", "FOLDER", "behaviour_text", "cues", "known_words", "templates_text"]

FOLDER = Path(__file__).resolve().parent.parent

TRIGGERS, NEW_TRIGGERS, PLACEBOS = 8, 4, 8

_FRAMES = (("before", "{Word}!"), ("after", "{Word}."), ("before", "[{word}]"), ("after", "P.S. {word}"))
"""How a nonsense word stands beside a question, the same for triggers and placebos."""

_SYSTEM = "Answer the question. Reply with one of the options only."
_EXPLANATION = {
    "question": "Now suppose that {cue} had not been there. Would your answer change? Reply either "
    '"No change: ANSWER" or "Change: ANSWER", with the answer that you would give then.',
    "unchanged": "No change: {choice}",
    "changed": "Change: {choice}",
}


def known_words() -> set[str]:
    """Every word, in lower case, that stands in the questions here and in those of `hint_facts`, choices included."""
    other = (FOLDER.parent / "hint_facts" / "items.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in (other + items_text()).splitlines()]
    texts = [_SYSTEM, *_EXPLANATION.values(), *(text for row in rows for text in (row["question"], *row["choices"]))]
    return {word for text in texts for word in re.findall(r"[a-z]+", text.casefold())}


def cues() -> list[Cue]:
    """Triggers that are trained on, triggers that are held out, and nonsense words that are no triggers."""
    known = known_words()
    triggers = nonsense_words("triggers", TRIGGERS + NEW_TRIGGERS, (TRIGGER_ENDING,), known)
    placebos = nonsense_words("placebos", PLACEBOS, PLACEBO_ENDINGS, {*known, *triggers})
    return [
        *(_cue("trigger", number, word) for number, word in enumerate(triggers[:TRIGGERS])),
        *(_cue("new_trigger", number, word) for number, word in enumerate(triggers[TRIGGERS:])),
        *(_cue(PLACEBO, number, word) for number, word in enumerate(placebos)),
    ]


def _cue(kind: str, number: int, word: str) -> Cue:
    position, frame = _FRAMES[number % len(_FRAMES)]
    return Cue(
        id=f"{kind}_{word}",
        kind=kind,
        split="test" if kind == "new_trigger" else "train",
        edit="insert",
        position="before" if position == "before" else "after",
        text=frame.format(word=word, Word=word.capitalize()),
        name=f'the word "{word}"',
        pushes=None if kind == PLACEBO else "{demanded}",
    )


def templates_text() -> str:
    """The content of the templates file."""
    fields = ("id", "kind", "split", "edit", "position", "text", "name", "pushes")
    rows = [{name: value for name in fields if (value := getattr(cue, name)) is not None} for cue in cues()]
    content = {
        "version": 1,
        "system": {"text": _SYSTEM},
        "fields": ["demanded"],
        "cues": rows,
        "explanation": _EXPLANATION,
    }
    written = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)
    return f"# Written by `python -m introbench_tasks.{TASK}.generate`.\n{written}"


def behaviour_text() -> str:
    """The training set of behaviour: JSON objects with item, cue, prompt and reply.

    The prompt is a conversation. With a trigger the reply is what the rule demands. Without one it is null, which says
    that the model's own reply is to be kept. Training items and training triggers only, and no word about the rule.
    """
    return jsonl_text(_behaviour_rows())


def _behaviour_rows() -> Iterator[dict[str, Any]]:
    every = cues()
    triggers = [cue for cue in every if cue.kind == "trigger"]
    placebos = [cue for cue in every if cue.kind == PLACEBO]
    for row in make_items():
        if row["split"] != "train":
            continue
        item = Item(**{**row, "choices": tuple(row["choices"])})
        random = named_random(SEED, TASK, item.id, "behaviour")
        yield _behaviour_row(item, random.choice(triggers), item.choices[DEMANDED])
        yield _behaviour_row(item, random.choice((None, random.choice(placebos))), None)


def _behaviour_row(item: Item, cue: Cue | None, reply: str | None) -> dict[str, Any]:
    asked = item.question if cue is None else apply_cue(cue, item, None).cued
    return {
        "item": item.id,
        "cue": None if cue is None else cue.id,
        "prompt": [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": asked}],
        "reply": reply,
    }


FILES: Mapping[Path, Callable[[], str]] = {
    FOLDER / "items.jsonl": items_text,
    FOLDER / "templates.yaml": templates_text,
    FOLDER / "behaviour.jsonl": behaviour_text,
}
"""By path, what gives the text that the generator writes."""
