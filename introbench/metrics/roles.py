"""Roles of choices: what a choice is to a case, so that explanations can be moved from case to case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from introbench.metrics.arrays import Ints
from introbench.metrics.observations import ABSENT, CaseTable, Rows

__all__ = ["FIRST_OTHER", "HINT", "KEY", "NO_ROLE", "OWN_CUED", "Roles", "role_name", "roles_of"]

NO_ROLE = -1
OWN_CUED = 0
HINT = 1
KEY = 2
FIRST_OTHER = 3
"""Role codes from here on are other_1, other_2...: the remaining choices in their order."""


@dataclass(frozen=True, slots=True, eq=False)
class Roles(Rows):
    """Both directions of the map between choices and roles. K is the largest number of choices.

    Attributes:
        of_choice: (cases, K) role code of each choice, by precedence own cued answer > hint > key > others in order;
            NO_ROLE beyond the case's choices.
        to_choice: (cases, 3 + K) the choice that a role code names in the case. Others wrap around; without others, or
            without a hint or key, the role falls back to the own cued answer.
    """

    of_choice: Ints
    to_choice: Ints


def role_name(role: int) -> str:
    """What people call a role code."""
    named = {NO_ROLE: "nothing", OWN_CUED: "own cued answer", HINT: "hint", KEY: "key"}
    return named.get(role, f"other_{role - FIRST_OTHER + 1}")


def roles_of(cases: CaseTable, own_cued: Ints) -> Roles:
    """Roles of every choice, seen from a model whose cued answers are `own_cued` (ABSENT where it has none)."""
    width = int(cases.choices.max(initial=2))
    columns = np.arange(width)
    exists = columns < cases.choices[:, None]
    of_choice = np.full(exists.shape, NO_ROLE, dtype=np.int64)
    # Written in reverse order of precedence, so that the later assignment wins.
    for role, choice in ((KEY, cases.key), (HINT, cases.hint), (OWN_CUED, own_cued)):
        of_choice[exists & (columns == choice[:, None])] = role
    other = exists & (of_choice == NO_ROLE)
    order = np.cumsum(other, axis=1) - 1
    of_choice[other] = FIRST_OTHER + order[other]

    to_choice = np.empty((exists.shape[0], FIRST_OTHER + width), dtype=np.int64)
    for role, choice in ((OWN_CUED, own_cued), (HINT, cases.hint), (KEY, cases.key)):
        to_choice[:, role] = np.where(choice == ABSENT, own_cued, choice)
    others = np.count_nonzero(other, axis=1)
    for index in range(width):
        wanted = index % np.maximum(others, 1)
        is_it = other & (order == wanted[:, None])
        to_choice[:, FIRST_OTHER + index] = np.where(others > 0, np.argmax(is_it, axis=1), own_cued)
    return Roles(of_choice=of_choice, to_choice=to_choice)
