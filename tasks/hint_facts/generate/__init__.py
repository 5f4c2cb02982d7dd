"""The generator of the `hint_facts` items: short factual questions with four possible answers.

`python -m introbench_tasks.hint_facts.generate` writes `items.jsonl` beside this package; `--check` compares instead.

Facts come from computation, from word lists written for this package, and from two packages of public data: countryinfo
1.0.1 (MIT) and periodictable 2.1.0 (public domain). Other versions of them may give other items, which `--check` shows.
Every draw depends on `SEED` and on the name of the fact, never on order, so that adding a kind changes no other item.
"""

from __future__ import annotations

__all__ = ["GENERATOR_VERSION", "SEED"]

GENERATOR_VERSION = 1
"""Raised by every change that alters an item."""

SEED = 20_260_630
"""Root of all draws of the generator: wordings, distractors, order of the choices."""
