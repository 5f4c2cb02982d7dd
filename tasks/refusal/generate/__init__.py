"""Makes `items.jsonl` of `refusal`: run `python -m introbench_tasks.refusal.generate`; `--check` compares instead.

All deeds, words and wordings were written for this package. Every draw depends on `SEED` and on the name of the deed,
never on order, so that a new deed changes no other item.
"""

from __future__ import annotations

__all__ = ["GENERATOR_VERSION", "SEED"]

GENERATOR_VERSION = 1
"""Raised by every change that alters an item."""

SEED = 20_261_122
"""Root of all draws of the generator."""
