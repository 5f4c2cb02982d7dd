"""Other libraries' voices: their progress bars silenced, their errors turned into one line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import transformers

from introbench.errors import ModelError
from introbench.models.spec import ModelSpec

__all__ = ["one_line", "one_line_errors", "quiet"]


@contextmanager
def one_line_errors(spec: ModelSpec, what: str) -> Iterator[None]:
    """Turn whatever transformers or peft raises over a config, tokenizer, model or adapter into one ModelError."""
    with quiet():
        try:
            yield
        except (
            OSError,
            ValueError,
            KeyError,
            ImportError,
            RuntimeError,
            TypeError,
            AttributeError,
            UserWarning,
        ) as error:
            raise ModelError(f"{spec}: the {what} cannot be loaded: {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    """An error's text on one line of at most 300 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' own progress bars and notes: introbench reports in its own words."""
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()
    try:
        yield
    finally:
        logger.setLevel(level)
        transformers.utils.logging.enable_progress_bar()
