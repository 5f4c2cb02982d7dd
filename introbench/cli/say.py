"""The one way in which commands speak: whatever text they pass on is inert by the time it reaches a terminal."""

from __future__ import annotations

from typing import Any

import typer

from introbench.texts import inert

__all__ = ["say"]


def say(text: str, *, err: bool = False, end: bool = True, **style: Any) -> None:
    """Write text to stdout, or to stderr with `err`.

    Args:
        end: end the last line.
        style: bold, underline… as `typer.style` takes them; terminals only.
    """
    typer.secho(inert(text, lines=True), err=err, nl=end, **style)
