"""The generator of the `dilemmas` items: everyday conflicts, told in the first person.

`python -m introbench_tasks.dilemmas.generate` writes `items.jsonl` beside this package; `--check` compares instead.

An account is put together from a situation (`situations/*.yaml`): who was involved, what the narrator did, what makes
it worse or better, what followed; and from phrases that fit many situations (`phrases.yaml`). All sentences were
written for this package. Every draw depends on `SEED` and on the name of the situation, so that adding one changes no
other item.
"""

from __future__ import annotations

__all__ = ["GENERATOR_VERSION", "SEED", "TASK"]

TASK = "dilemmas"

GENERATOR_VERSION = 1
"""Raised by every change that alters an item."""

SEED = 20_260_701
"""Root of all draws of the generator: people, names, wordings, order of the verdicts."""
