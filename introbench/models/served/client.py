"""Requests to a server: each tried again where that can help, and all of them at once where there are many."""

from __future__ import annotations

import email.utils
import random
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2

__all__ = ["Client", "NoAnswerError", "RefusedError", "all_at_once", "is_local"]

_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""HTTP statuses of a server that is busy, limited or broken for now."""

_CONNECT_SECONDS = 10.0
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_LONGEST_ASKED_WAIT_SECONDS = 120.0
"""A server that asks for a longer pause is not waited for: the run stops and goes on when it is started again."""

_SHOWN_LETTERS = 200
_LOCAL_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})

T = TypeVar("T")
Read = Callable[[Mapping[str, Any]], T]


class NoAnswerError(Exception):
    """Every attempt at a request failed; the message says how the last one did."""


class RefusedError(Exception):
    """The server says that a request is wrong, so that asking again is of no use.

    Attributes:
        status: its HTTP status.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def is_local(url: str) -> bool:
    """Whether a URL leads to this machine."""
    return httpx2.URL(url).host in _LOCAL_HOSTS


@dataclass(frozen=True)
class Client:
    """One server.

    Attributes:
        url: base URL, as in "http://127.0.0.1:8000/v1".
        key: API key, or None. It is sent, and neither shown nor stored.
        timeout: seconds that an answer may take.
        retries: how often a request is tried again.
    """

    url: str
    key: str | None = field(repr=False)
    timeout: float
    retries: int
    _http: httpx2.Client = field(init=False, repr=False, compare=False)
    _pauses: random.Random = field(init=False, repr=False, compare=False, default_factory=random.SystemRandom)

    def __post_init__(self) -> None:
        http = httpx2.Client(
            headers={"Authorization": f"Bearer {self.key}"} if self.key else {},
            timeout=httpx2.Timeout(self.timeout, connect=_CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
            trust_env=not is_local(self.url),  # a proxy has no way to this machine
        )
        object.__setattr__(self, "_http", http)
        weakref.finalize(self, http.close)

    def get(self, path: str, read: Read[T]) -> T:
        """What `read` makes of the JSON object at a path. Raises as `post` does."""
        return self._ask("GET", path, None, read)

    def post(self, path: str, body: Mapping[str, Any], read: Read[T]) -> T:
        """What `read` makes of the JSON object that a request is answered with.

        A reply that `read` raises LookupError, TypeError or ValueError over is one that cannot be read: it is asked
        for again, as after status 429 or 5xx and a connection that is cut.

        Raises NoAnswerError after the last attempt, RefusedError where the server says that the request is wrong.
        """
        return self._ask("POST", path, body, read)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, read: Read[T]) -> T:
        for attempt in range(self.retries + 1):
            asked_wait = None
            try:
                response = self._http.request(method, f"{self.url}/{path}", json=body)
                if response.is_success:
                    return read(_json_object(response))
                reason = f"status {response.status_code}: {self._without_key(_said(response))}"
                if response.status_code not in _AGAIN:
                    raise RefusedError(response.status_code, reason)
                asked_wait = _retry_after(response.headers.get("retry-after", ""))
            except (LookupError, TypeError, ValueError) as error:
                reason = f"a reply that cannot be read ({type(error).__name__}: {_short(str(error))})"
            except (httpx2.TransportError, httpx2.DecodingError) as error:
                reason = f"{type(error).__name__}: {_short(str(error))}"
            if asked_wait is not None and asked_wait > _LONGEST_ASKED_WAIT_SECONDS:
                raise NoAnswerError(f"{reason}; it asks to wait {asked_wait:.0f} s")
            if attempt < self.retries:
                time.sleep(self._pause(attempt, asked_wait))
        raise NoAnswerError(reason)

    def _without_key(self, text: str) -> str:
        return text.replace(self.key, "…") if self.key else text

    def _pause(self, attempt: int, asked: float | None) -> float:
        """Seconds until the next attempt: longer each time, never the same for two, at least what was asked for."""
        longest = min(_FIRST_WAIT_SECONDS * 2**attempt, _LONGEST_WAIT_SECONDS)
        return max(self._pauses.uniform(longest / 2, longest), (asked or 0.0) * self._pauses.uniform(1.0, 1.1))


def all_at_once(asks: Sequence[Callable[[], T]], width: int) -> list[T | NoAnswerError]:
    """What the calls return, in order, `width` of them at a time; a NoAnswerError stands where a call raised it.

    Any other exception of a call is raised, and calls that have not begun are left.
    """
    found: dict[int, T | NoAnswerError] = {}
    failures: list[BaseException] = []
    numbers = iter(range(len(asks)))
    lock = threading.Lock()

    def work() -> None:
        while not failures:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                found[number] = asks[number]()
            except NoAnswerError as error:
                found[number] = error
            except BaseException as error:  # noqa: BLE001 - raised again below, in the thread that asked
                failures.append(error)

    # Daemons: a run that is interrupted ends at once, and does not wait for a server that says nothing.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(width, len(asks)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [found[number] for number in range(len(asks))]


def _json_object(response: httpx2.Response) -> Mapping[str, Any]:
    found = response.json()
    if not isinstance(found, dict):
        raise TypeError("no JSON object")
    return found


def _retry_after(text: str) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or a date."""
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _said(response: httpx2.Response) -> str:
    """The message of an error, wherever servers put it."""
    try:
        found = response.json()
    except ValueError:
        return _short(response.text)
    error = found.get("error", found) if isinstance(found, dict) else found
    message = error.get("message") or error.get("detail") if isinstance(error, dict) else error
    return _short(str(message or found))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_LETTERS else line[: _SHOWN_LETTERS - 1] + "…"
