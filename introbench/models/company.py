"""How far an engine's log-probabilities move with the company that a request has: what its tie margin is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from introbench.models.types import Chat, ChoiceRequest, ChoiceResult

__all__ = ["company_difference", "company_tie_margin"]

_LEAST_TIE_MARGIN = 1e-3
"""Nats, as for the models that are scored here (scorer/probe.py)."""

_TIE_FACTOR = 3.0

_QUESTIONS = (
    "Is it raining?",
    "Which of the two is the larger number, seven or nine?",
    "What is the capital of the country that borders Spain in the west?",
    "Name a colour.",
)
_REPLIES = ("Yes", "Lisbon, I think", "Blue")


def company_difference(score: Callable[[Sequence[ChoiceRequest]], list[ChoiceResult]], chat: Chat) -> float:
    """Largest difference in nats between requests asked one at a time and the same ones asked together."""
    replies = tuple(map(chat.reply_ids, _REPLIES))
    requests = [
        ChoiceRequest(chat.prompt_ids([{"role": "user", "content": question}]), replies) for question in _QUESTIONS
    ]
    together = score(requests)
    alone = [found for request in requests for found in score([request])]
    return max(
        abs(mine - other)
        for first, second in zip(together, alone, strict=True)
        for mine, other in zip(first.logprobs, second.logprobs, strict=True)
    )


def company_tie_margin(difference: float) -> float:
    """Three times that difference, at least a thousandth, in nats."""
    return max(_TIE_FACTOR * difference, _LEAST_TIE_MARGIN)
