"""Other libraries' voices: their progress bars silenced, their errors turned into one line."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import transformers

from introbench.errors import ModelError
from introbench.models.hf.reasons import reason_of
from introbench.models.spec import ModelSpec

__all__ = ["one_line_errors", "quiet"]


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
            MemoryError,
            httpx2.HTTPError,
        ) as error:
            raise ModelError(f"{spec}: the {what} cannot be loaded: {reason_of(error)}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Silence progress bars and notes of transformers and peft: introbench reports in its own words."""
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # peft asks the model by a name that transformers has since changed.
            warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")
            yield
    finally:
        logger.setLevel(level)
        transformers.utils.logging.enable_progress_bar()
