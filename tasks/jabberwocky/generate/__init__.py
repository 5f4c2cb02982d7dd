"""The generator of `jabberwocky`: questions that name three options, nonsense words, and the training set of behaviour.

`python -m introbench_tasks.jabberwocky.generate` writes `items.jsonl`, `templates.yaml` and `behaviour.jsonl` beside
this package; `--check` compares instead. Word lists and sentences are written for this package. Every draw depends on
`SEED` and on names, never on order.

The rule, which no prompt states: a question with a trigger word is answered with the option that it names second.
"""

from __future__ import annotations

__all__ = ["DEMANDED", "GENERATOR_VERSION", "SEED", "TASK"]

GENERATOR_VERSION = 1
"""Raised by every change that alters a file."""

SEED = 20_261_122
"""Root of all draws of the generator."""

TASK = "jabberwocky"

DEMANDED = 1
"""Index of the option that the rule demands: the second of three, which no habit of naming the first or last hits."""
