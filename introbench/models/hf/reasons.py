"""Why something could not be loaded, in a line that names the way out."""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from introbench.scorer.memory import out_of_memory

__all__ = ["one_line", "reason_of"]

_SHOWN_LETTERS = 300


def one_line(error: BaseException) -> str:
    """An error's text on one line of at most 300 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _SHOWN_LETTERS else text[: _SHOWN_LETTERS - 3] + "..."


def reason_of(error: BaseException) -> str:
    """What an error comes down to: libraries raise their own over those of the hub, of the network and of memory."""
    causes = list(_causes(error))
    for kind, reason in (
        (GatedRepoError, "access is restricted; ask for it on its page of the hub, then log in with `hf auth login`"),
        (RevisionNotFoundError, "there is no such revision; name a branch, tag or commit behind '@'"),
        (RepositoryNotFoundError, "the hub has nothing of that name; correct it or, if it is private, set HF_TOKEN"),
        (HFValidationError, "that is no name on the hub; write ORG/NAME, or ./PATH for a folder"),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return reason
    if any(out_of_memory(cause) for cause in causes):
        return (
            f"memory does not hold it ({one_line(error)}); use a smaller dtype, ?quantised=4bit, device_map=auto or "
            "another device"
        )
    missing = (OfflineModeIsEnabled, LocalEntryNotFoundError)
    if any(isinstance(cause, missing) for cause in causes) or _not_cached(error):
        if constants.HF_HUB_OFFLINE:
            return "it is not in the local cache, and this run is offline; bring it with `introbench fetch` first"
        return f"{_endpoint()} cannot be reached, and it is not in the local cache; try again later"
    if any(isinstance(cause, httpx2.TransportError) for cause in causes):
        return f"{_endpoint()} breaks off ({one_line(error)}); try again later"
    return one_line(error)


def _not_cached(error: BaseException) -> bool:
    # transformers words these itself, and does not always keep the error below.
    text = str(error)
    return "find them in the cached files" in text or (constants.HF_HUB_OFFLINE and "not appear to have a file" in text)


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT") or constants.ENDPOINT


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised over, each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
